/* 发一条消息：四个字节的长度，再是正文；等到对端的程序回答“收到几个字节”，才算送到。
 * 用法：framed_client 地址 端口 正文 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* send() 可能只收下一部分，所以要循环，像 Python 的 sendall()。 */
static void send_all(int fd, const char *data, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(fd, data + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;       /* 来了信号，再来 */
        if (n < 0) die("send");
        sent += (size_t)n;
    }
}

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 正文\n", argv[0]); return 2; }

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");

    char frame[4096];
    uint32_t length = (uint32_t)strlen(argv[3]), answer;
    if (sizeof length + length > sizeof frame) { fputs("正文太长\n", stderr); return 2; }
    uint32_t head = htonl(length);                         /* 线上是网络字节序 */
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, argv[3], length);
    send_all(fd, frame, sizeof head + length);

    ssize_t n = recv(fd, &answer, sizeof answer, MSG_WAITALL);
    if (n != sizeof answer) die("recv");
    printf("%u\n", ntohl(answer));               /* 对端的程序说它收齐了 */
    close(fd);
    return 0;
}
