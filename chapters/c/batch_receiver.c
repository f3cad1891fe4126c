/* 等第一个数据报到了，再一次系统调用把已经到了的都收下：recvmmsg()。
 * 用法：batch_receiver 地址 端口。标准输入来一个字节才开始收 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 8, ROOM = 64 };

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    puts("ready");
    fflush(stdout);
    getchar();

    char buffers[MOST][ROOM];
    struct iovec pieces[MOST];
    struct mmsghdr messages[MOST];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < MOST; i++) {
        pieces[i] = (struct iovec){.iov_base = buffers[i], .iov_len = ROOM};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
    }
    int got = recvmmsg(fd, messages, MOST, MSG_WAITFORONE, NULL);   /* 等一个，其余不等 */
    if (got < 0) die("recvmmsg");
    for (int i = 0; i < got; i++)                          /* 每个各有长度 */
        printf("%.*s\n", (int)messages[i].msg_len, buffers[i]);
    close(fd);
    return 0;
}
