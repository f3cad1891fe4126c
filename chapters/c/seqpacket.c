/* 一对顺序包套接字：发三条，用很小的缓冲区收，写出每次收到的长度和截断标志，直到结尾。
 * 用法：seqpacket 缓冲区的字节数 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 2) { fprintf(stderr, "用法：%s 缓冲区的字节数\n", argv[0]); return 2; }
    size_t room = strtoul(argv[1], NULL, 10);
    char *buffer = malloc(room + 1);
    int ends[2];
    if (buffer == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0) die("socketpair");

    if (send(ends[0], "one", 3, 0) < 0) die("send");
    if (send(ends[0], "three", 5, 0) < 0) die("send");
    if (send(ends[0], "six", 3, 0) < 0) die("send");
    close(ends[0]);

    for (;;) {
        struct iovec part = {.iov_base = buffer, .iov_len = room};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t n = recvmsg(ends[1], &message, 0);  /* 一次一条，多了就截断 */
        if (n < 0) die("recvmsg");
        const char *cut = message.msg_flags & MSG_TRUNC ? " MSG_TRUNC" : "";
        printf("%zd%s\n", n, cut);
        if (n == 0) break;                          /* 结尾（或者一条空消息） */
    }
    free(buffer);
    close(ends[1]);
    return 0;
}
