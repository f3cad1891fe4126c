/* 心跳：一个周期没有消息就问一声，连问几声没有回音，就当对端死了。
 * 一问一答各是一行。这里只数有没有字节来，整行由用得着它的程序去拼。
 * 用法：heartbeat_client 地址 端口 周期毫秒 几声 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static const char *heartbeat(int fd, int period, int limit)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    char buffer[64];
    for (int asked = 0;;) {
        int ready = poll(&waiting, 1, period);
        if (ready < 0) die("poll");
        if (ready == 0) {                          /* 一个周期没有消息 */
            if (asked == limit) return "dead";
            if (send(fd, "ping\n", 5, MSG_NOSIGNAL) < 0) die("send");
            asked++;
            continue;
        }
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0) die("recv");
        if (n == 0) return "closed";
        asked = 0;                                 /* 有字节来就算活着 */
    }
}

int main(int argc, char *argv[])
{
    if (argc != 5) { fprintf(stderr, "用法：%s 地址 端口 周期毫秒 几声\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    puts(heartbeat(fd, atoi(argv[3]), atoi(argv[4])));
    close(fd);
    return 0;
}
