/* 往已经关了写的连接里写。缺省会被 SIGPIPE 杀死；给了第三个参数，就用 MSG_NOSIGNAL，只得到 EPIPE。
 * 用法：sigpipe 地址 端口 [nosignal] */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc < 3) { fprintf(stderr, "用法：%s 地址 端口 [nosignal]\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    if (shutdown(fd, SHUT_WR) < 0) die("shutdown");
    int flags = argc > 3 ? MSG_NOSIGNAL : 0;
    if (send(fd, "x", 1, flags) < 0 && errno == EPIPE)
        puts("EPIPE");                       /* 没有 MSG_NOSIGNAL，走不到这里 */
    close(fd);
    return 0;
}
