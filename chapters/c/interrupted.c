/* 等数据的时候来了信号：recv() 返回 -1，errno 是 EINTR；装处理函数时带上 SA_RESTART，内核就替你接着等。
 * 每 50 毫秒来一个 SIGALRM，处理函数打印一个感叹号。用法：interrupted 地址 端口 [restart] */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static void ring(int number)
{
    (void)number;
    if (write(STDOUT_FILENO, "!", 1) != 1) _exit(EXIT_FAILURE);   /* 处理函数里不能用 printf() */
}

int main(int argc, char *argv[])
{
    if (argc < 3) { fprintf(stderr, "用法：%s 地址 端口 [restart]\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    int flags = argc > 3 ? SA_RESTART : 0;
    struct sigaction act = {.sa_handler = ring, .sa_flags = flags};
    if (sigaction(SIGALRM, &act, NULL) < 0) die("sigaction");
    struct itimerval often = {{0, 50000}, {0, 50000}};
    if (setitimer(ITIMER_REAL, &often, NULL) < 0) die("setitimer");

    char buffer[64];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR)
        puts("EINTR");                       /* 不是错误：再叫一次就是 */
    else if (n < 0)
        die("recv");
    else
        printf("%zd\n", n);
    close(fd);
    return 0;
}
