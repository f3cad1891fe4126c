/* 对端不读：非阻塞地一直发，看每次收下多少，直到 EAGAIN。
 * 用法：partial_send 地址 端口 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0), size = 4096;
    if (fd < 0) die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0) die("setsockopt");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    static char data[12000];
    ssize_t n;
    while ((n = send(fd, data, sizeof data, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0)
        printf("%zd\n", n);                  /* 收下的，可能比要发的少 */
    if (errno != EAGAIN && errno != EWOULDBLOCK) die("send");
    puts("EAGAIN");                          /* 一个字节也放不下了 */
    fflush(stdout);
    getchar();                                             /* 连接先留着 */
    return 0;
}
