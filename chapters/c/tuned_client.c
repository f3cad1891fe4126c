/* 设好选项再连接：不等，不攒，段小，至多等半秒。
 * 用法：tuned_client 地址 端口 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static void set(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0) die("setsockopt");
}

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");

    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_MAXSEG, 500);   /* 写进 SYN，在 connect() 之前 */
    set(fd, IPPROTO_IP, IP_TTL, 5);
    struct timeval patience = {.tv_sec = 0, .tv_usec = 500000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
        die("setsockopt");
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0)
        die("setsockopt");

    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");
    for (const char *byte = "hello"; *byte; byte++)
        if (send(fd, byte, 1, MSG_NOSIGNAL) != 1) die("send");
    char answer[64];
    if (recv(fd, answer, sizeof answer, 0) < 0 && errno == EAGAIN)
        puts("EAGAIN");                              /* 半秒到了，对端没有说话 */
    close(fd);                                       /* 发 RST */
    return 0;
}
