/* 半关闭的客户端：说完问题就 shutdown(SHUT_WR)，然后听回答听到结尾。
 * 用法：half_close_client 地址 端口 问题 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 问题\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }

    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    const char *question = argv[3];
    if (send(fd, question, strlen(question), MSG_NOSIGNAL) < 0) die("send");
    if (shutdown(fd, SHUT_WR) < 0) die("shutdown");  /* 我说完了，还在听 */

    char buffer[512];
    ssize_t n;
    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)  /* 0：对端说完了 */
        fwrite(buffer, 1, (size_t)n, stdout);
    if (n < 0) die("recv");
    close(fd);                                       /* 描述符要另外归还 */
    return 0;
}
