/* 问内核：一个选项，缺省是多少，设了以后读回多少。
 * 每行：名字 缺省 读回 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static int ask(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;    /* 进去是缓冲区的大小，出来是写了多少 */
    if (getsockopt(fd, level, option, &value, &size) < 0) die("getsockopt");
    return value;
}

static const struct { const char *name; int level, option, value; } options[] = {
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 4096},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 4096},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
    {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 500},
    {"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 5},
    {"IP_TTL", IPPROTO_IP, IP_TTL, 1},
};

int main(void)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);    /* 每个选项一个新的套接字 */
        if (fd < 0) die("socket");
        int level = options[i].level, option = options[i].option, value = options[i].value;
        int before = ask(fd, level, option);
        if (setsockopt(fd, level, option, &value, sizeof value) < 0) die("setsockopt");
        printf("%s %d %d\n", options[i].name, before, ask(fd, level, option));
        close(fd);
    }
    return 0;
}
