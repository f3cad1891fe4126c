/* 听完再答的服务器：读到 0 才知道问题结束了，答完就 close()。只服务一次。
 * 用法：half_close_server 地址 端口 */
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
    if (listen(listener, 1) < 0) die("listen");
    puts("ready");
    fflush(stdout);

    int conn = accept(listener, NULL, NULL);
    if (conn < 0) die("accept");
    char buffer[512];
    size_t total = 0;
    ssize_t n;
    while ((n = recv(conn, buffer, sizeof buffer, 0)) > 0) /* 0：问题问完了 */
        total += (size_t)n;
    if (n < 0) die("recv");

    int length = snprintf(buffer, sizeof buffer, "%zu bytes", total);
    if (send(conn, buffer, (size_t)length, MSG_NOSIGNAL) < 0) die("send");
    close(conn);
    close(listener);
    return 0;
}
