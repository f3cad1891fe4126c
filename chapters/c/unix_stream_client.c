/* Unix 域的流客户端：说一句，听到结尾。
 * 用法：unix_stream_client 路径 文字 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    struct sockaddr_un peer = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[1]) >= sizeof peer.sun_path) { fprintf(stderr, "用法：%s 路径 文字\n", argv[0]); return 2; }
    strcpy(peer.sun_path, argv[1]);

    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");
    if (send(fd, argv[2], strlen(argv[2]), MSG_NOSIGNAL) < 0) die("send");
    if (shutdown(fd, SHUT_WR) < 0) die("shutdown");

    char buffer[512];
    ssize_t n;
    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
        fwrite(buffer, 1, (size_t)n, stdout);
    if (n < 0) die("recv");
    close(fd);
    return 0;
}
