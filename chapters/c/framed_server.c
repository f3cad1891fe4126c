/* 收一条消息：先四个字节的长度，再那么多字节的正文；收齐了就回答“收到几个字节”。只服务一次。
 * 用法：framed_server 地址 端口 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* 收满 length 个字节才返回 1；对端提前结束返回 0。 */
static int recv_exactly(int fd, void *buffer, size_t length)
{
    for (size_t got = 0; got < length;) {
        ssize_t n = recv(fd, (char *)buffer + got, length - got, 0);
        if (n < 0 && errno == EINTR) continue;             /* 来了信号，再来 */
        if (n < 0) die("recv");
        if (n == 0) return 0;                              /* 结尾来得太早 */
        got += (size_t)n;                                  /* 可能只来了一部分，接着收 */
    }
    return 1;
}

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) die("socket");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    if (listen(listener, 1) < 0) die("listen");
    puts("ready");
    fflush(stdout);

    int conn = accept(listener, NULL, NULL);
    if (conn < 0) die("accept");
    uint32_t length;
    char body[4096];
    if (!recv_exactly(conn, &length, sizeof length)) { fputs("没有消息\n", stderr); return 1; }
    length = ntohl(length);                                /* 线上是网络字节序 */
    if (length > sizeof body) { fputs("消息太长\n", stderr); return 1; }
    if (!recv_exactly(conn, body, length)) { fputs("消息不完整\n", stderr); return 1; }
    printf("%.*s\n", (int)length, body);

    uint32_t answer = htonl(length);
    if (send(conn, &answer, sizeof answer, MSG_NOSIGNAL) < 0) die("send");
    if (recv(conn, body, 1, 0) != 0) die("recv");          /* 等对端先关 */
    close(conn);
    close(listener);
    return 0;
}
