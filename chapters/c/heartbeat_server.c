/* 问几声答几声，然后停住：像一个卡死的进程，不读，不写，也不退出。
 * 用法：heartbeat_server 地址 端口 几声 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 几声\n", argv[0]); return 2; }

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
    FILE *questions = fdopen(conn, "r");             /* 一行一行地读 */
    if (!questions) die("fdopen");
    char line[64];
    for (int left = atoi(argv[3]); left > 0; left--) {
        if (!fgets(line, sizeof line, questions)) return 0;
        if (send(conn, "pong\n", 5, MSG_NOSIGNAL) < 0) die("send");
    }
    raise(SIGSTOP);      /* 从这里起，只剩内核还在替它收发 */
    return 0;
}
