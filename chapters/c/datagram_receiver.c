/* 收一个数据报，换成大写发回去。数据报套接字不监听，也不接受。
 * 用法：datagram_receiver 地址 端口 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET};     /* 其余清零 */
    here.sin_port = htons(atoi(argv[2]));                  /* 网络字节序 */
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) return 2;

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    puts("ready");
    fflush(stdout);

    char buffer[512];
    struct sockaddr_in sender;
    struct sockaddr *peer = (struct sockaddr *)&sender;
    socklen_t length = sizeof sender;              /* 进去是容量，出来是长度 */
    ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, peer, &length);
    if (n < 0) die("recvfrom");
    for (ssize_t i = 0; i < n; i++)
        buffer[i] = (char)toupper((unsigned char)buffer[i]);
    if (sendto(fd, buffer, (size_t)n, 0, peer, length) < 0) die("sendto");
    close(fd);
    return 0;
}
