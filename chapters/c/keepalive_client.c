/* 打开保活，然后一直等：什么时候、因为什么结束，由内核说。
 * 用法：keepalive_client 地址 端口 空闲秒数 间隔秒数 次数 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static void set(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0) die("setsockopt");
}

int main(int argc, char *argv[])
{
    if (argc != 6) { fprintf(stderr, "用法：%s 地址 端口 空闲 间隔 次数\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);                /* 缺省是关着的 */
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, atoi(argv[3]));   /* 缺省 7200 秒 */
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, atoi(argv[4]));  /* 缺省 75 秒 */
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, atoi(argv[5]));    /* 缺省 9 次 */
    puts("watching");
    fflush(stdout);

    char buffer[512];
    ssize_t n;
    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
        continue;                                        /* 有数据：活着 */
    if (n < 0) die("recv");                              /* 保活的结论 */
    puts("closed");
    close(fd);
    return 0;
}
