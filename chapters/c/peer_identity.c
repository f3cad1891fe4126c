/* 守门的：谁连上来，就问内核他是谁。只问一位。
 * 用法：peer_identity 路径 */
#define _GNU_SOURCE                                        /* struct ucred 是 Linux 的 */
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
    struct ucred who;
    socklen_t length = sizeof who;
    if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
        die("SO_PEERCRED");
    printf("%d %u %u\n", who.pid, who.uid, who.gid); /* connect() 那一刻的 */
    close(conn);
    close(listener);
    unlink(argv[1]);
    return 0;
}
