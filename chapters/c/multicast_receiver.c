/* 加入一个组，收一个数据报。网口用它的地址来指明。
 * 用法：multicast_receiver 组 端口 网口的地址 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 组 端口 网口的地址\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    here.sin_addr.s_addr = htonl(INADDR_ANY);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) die("bind");

    struct ip_mreq membership;
    if (inet_pton(AF_INET, argv[1], &membership.imr_multiaddr) != 1) return 2;
    if (inet_pton(AF_INET, argv[3], &membership.imr_interface) != 1) return 2;
    if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP,      /* 内核随后报告 */
                   &membership, sizeof membership) < 0)
        die("setsockopt");
    puts("ready");
    fflush(stdout);

    char buffer[512];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0) die("recv");
    fwrite(buffer, 1, (size_t)n, stdout);
    close(fd);                                             /* 也就离开了组 */
    return 0;
}
