/* 不阻塞地连接：connect() 立刻返回，poll() 等到可写，再问 SO_ERROR 成败。打印每一步的错误。
 * 用法：connect_nonblocking 地址 端口 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");

    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) die("fcntl");
    int error = 0;
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0)
        error = errno;
    printf("connect: %s\n", strerror(error));
    if (error == EINPROGRESS) {                        /* 内核在后台握手 */
        struct pollfd waiting = {.fd = fd, .events = POLLOUT};
        if (poll(&waiting, 1, -1) < 0) die("poll");    /* 可写：有结果了 */
        socklen_t length = sizeof error;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
            die("getsockopt");
        printf("SO_ERROR: %s\n", strerror(error));     /* 读过一次就清零 */
    }
    close(fd);
    return error != 0;
}
