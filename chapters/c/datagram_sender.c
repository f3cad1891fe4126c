/* 发出一个数据报，等一个回答。没有连接，每次发都写明去处。
 * 用法：datagram_sender 地址 端口 文字 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 文字\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    if (sendto(fd, argv[3], strlen(argv[3]), 0, (struct sockaddr *)&peer, sizeof peer) < 0) die("sendto");

    char buffer[512];
    ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, NULL, NULL);
    if (n < 0) die("recvfrom");
    fwrite(buffer, 1, (size_t)n, stdout);
    close(fd);
    return 0;
}
