/* 已连接的数据报套接字：听得到 ICMP 的坏消息；再解除连接，又要写明去处。
 * 用法：connected_datagram 地址 端口 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    struct sockaddr *peer = (struct sockaddr *)&to;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");

    if (connect(fd, peer, sizeof to) < 0) die("connect");  /* 一个包也不发 */
    if (send(fd, "anyone?", 7, 0) < 0) die("send");        /* 不必再写去处 */
    char buffer[64];
    if (recv(fd, buffer, sizeof buffer, 0) < 0)
        perror("recv");                            /* Connection refused */

    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (connect(fd, &nobody, sizeof nobody) < 0)           /* 解除 */
        die("connect");
    if (send(fd, "anyone?", 7, 0) < 0)
        perror("send");                  /* Destination address required */
    if (sendto(fd, "bye", 3, 0, peer, sizeof to) < 0) die("sendto");
    close(fd);
    return 0;
}
