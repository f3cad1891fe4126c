/* 回声客户端：连接，说一句话，听回声，关闭。
 * 用法：echo_client 地址 端口 话 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 话\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }

    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0)
        die("connect");

    size_t left = strlen(argv[3]);
    if (send(fd, argv[3], left, MSG_NOSIGNAL) != (ssize_t)left)
        die("send");

    char buffer[512];
    ssize_t n;
    while (left > 0 && (n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        fwrite(buffer, 1, (size_t)n, stdout);
        left -= (size_t)n;                         /* 也许只来了一部分 */
    }
    if (left > 0) die("recv");
    close(fd);
    return 0;
}
