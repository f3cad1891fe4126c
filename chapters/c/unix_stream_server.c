/* Unix 域的流服务器：地址是一个路径，其余与 TCP 的一样。只服务一次。
 * 用法：unix_stream_server 路径 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    struct sockaddr_un here = {.sun_family = AF_UNIX};
    if (argc != 2 || strlen(argv[1]) >= sizeof here.sun_path) { fprintf(stderr, "用法：%s 路径\n", argv[0]); return 2; }
    strcpy(here.sun_path, argv[1]);

    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0) die("socket");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    if (listen(listener, 1) < 0) die("listen");
    puts("ready");
    fflush(stdout);

    int conn = accept(listener, NULL, NULL);
    if (conn < 0) die("accept");
    char buffer[512];
    ssize_t n;
    while ((n = recv(conn, buffer, sizeof buffer, 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            buffer[i] = (char)toupper((unsigned char)buffer[i]);
        if (send(conn, buffer, (size_t)n, MSG_NOSIGNAL) < 0) die("send");
    }
    if (n < 0) die("recv");
    close(conn);
    close(listener);
    unlink(argv[1]);                                       /* 套接字关了，文件还在：自己删 */
    return 0;
}
