/* 一个线程的回声服务器：epoll 照看监听套接字和全部连接，收到什么就送回什么。
 * 用法：epoll_echo 地址 端口 几个连接（都结束了就退出） */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static void watch(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

/* 读一次，送回去。返回这个连接是不是结束了。send() 是阻塞的：一个客户端不读，大家都停在这里。 */
static int echo(int fd)
{
    char buffer[512];
    ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0) return errno != EAGAIN && errno != EINTR;
    return n == 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) < 0;
}

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 几个连接\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0) die("socket");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    if (listen(listener, SOMAXCONN) < 0) die("listen");

    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0) die("epoll_create1");
    watch(poll, listener);
    puts("ready");
    fflush(stdout);

    for (int left = atoi(argv[3]); left > 0; ) {
        struct epoll_event events[16];
        int n = epoll_wait(poll, events, 16, -1);
        if (n < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int conn = accept(listener, NULL, NULL);
                if (conn >= 0) watch(poll, conn);
                else if (errno != EAGAIN && errno != ECONNABORTED)
                    die("accept");
            } else if (echo(fd)) {
                close(fd);                  /* 没有副本，登记也就没有了 */
                left--;
            }
        }
    }
    close(poll);
    close(listener);
    return 0;
}
