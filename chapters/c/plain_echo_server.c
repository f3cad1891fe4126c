/* 回声服务器：收到什么就送回什么，一次招待一位。
 * 用法：plain_echo_server 端口 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* 一直发到完：send() 可能只收下一部分，也可能被信号打断。失败返回 -1。 */
static int send_all(int fd, const char *data, size_t left)
{
    while (left > 0) {
        ssize_t n = send(fd, data, left, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        data += n;
        left -= (size_t)n;
    }
    return 0;
}

static void serve(int conn)
{
    char buffer[4096];
    for (;;) {
        ssize_t n = recv(conn, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0 || send_all(conn, buffer, (size_t)n) < 0) return;
    }
}

int main(int argc, char *argv[])
{
    if (argc != 2) { fprintf(stderr, "用法：%s 端口\n", argv[0]); return 2; }

    struct addrinfo *here, hints = {
        .ai_family = AF_INET,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE};
    int wrong = getaddrinfo(NULL, argv[1], &hints, &here);
    if (wrong) { fprintf(stderr, "%s\n", gai_strerror(wrong)); return 1; }

    int listener = socket(here->ai_family, here->ai_socktype, 0), on = 1;
    if (listener < 0) die("socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        die("setsockopt");
    if (bind(listener, here->ai_addr, here->ai_addrlen) < 0) die("bind");
    if (listen(listener, SOMAXCONN) < 0) die("listen");
    freeaddrinfo(here);
    puts("ready");
    fflush(stdout);

    for (;;) {
        int conn = accept(listener, NULL, NULL);
        if (conn < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (conn < 0) die("accept");
        serve(conn);
        close(conn);
    }
}
