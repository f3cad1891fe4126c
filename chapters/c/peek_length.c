/* 先问下一个数据报有多长，再按这个长度去收；回答它的长度。只服务一次。
 * 用法：peek_length 地址 端口 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))}, peer;
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    puts("ready");
    fflush(stdout);

    /* 只看，不取；要的是真实长度 */
    ssize_t length = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
    if (length < 0) die("recv");
    char *data = malloc((size_t)length + 1), answer[24];
    if (data == NULL) die("malloc");
    socklen_t size = sizeof peer;
    if (recvfrom(fd, data, (size_t)length, 0, (struct sockaddr *)&peer, &size) != length) die("recvfrom");

    int n = snprintf(answer, sizeof answer, "%zd", length);
    if (sendto(fd, answer, (size_t)n, 0, (struct sockaddr *)&peer, size) < 0) die("sendto");
    free(data);
    close(fd);
    return 0;
}
