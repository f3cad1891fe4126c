/* 发 10 段，对端确认以后，拥塞窗口从几段变成几段：TCP_CONGESTION 与 TCP_INFO。
 * 用法：cwnd_client 地址 端口 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEGMENT = 1448, COUNT = 10 };

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static unsigned cwnd(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;               /* 内核按它知道的长度填 */
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        die("TCP_INFO");
    return info.tcpi_snd_cwnd;                  /* 单位是段 */
}

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0)
        die("TCP_CONGESTION");                  /* ENOENT：内核没有；EPERM：不许 */
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");

    static char data[COUNT * SEGMENT];
    unsigned before = cwnd(fd);
    for (size_t done = 0; done < sizeof data; ) {
        ssize_t n = send(fd, data + done, sizeof data - done, MSG_NOSIGNAL);
        if (n < 0) die("send");
        done += (size_t)n;
    }
    char answer;
    if (recv(fd, &answer, 1, 0) != 1) die("recv");      /* 对端全收到了 */
    printf("%u %u\n", before, cwnd(fd));
    close(fd);
    return 0;
}
