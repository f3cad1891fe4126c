/* 回声服务器：accept() 一个连接，收到什么就送回什么，读到 0 就关闭。只服务一次。
 * 用法：echo_server 地址 端口 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) die("socket");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    if (listen(listener, SOMAXCONN) < 0) die("listen");    /* 内核开始握手 */
    puts("ready");
    fflush(stdout);

    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int conn = accept(listener, (struct sockaddr *)&peer, &length);
    if (conn < 0) die("accept");                           /* 新的描述符 */

    char buffer[512];
    ssize_t n;
    while ((n = recv(conn, buffer, sizeof buffer, 0)) > 0)
        if (send(conn, buffer, (size_t)n, MSG_NOSIGNAL) < 0) die("send");
    if (n < 0) die("recv");
    close(conn);
    close(listener);
    return 0;
}
