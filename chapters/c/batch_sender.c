/* 一次系统调用，几个数据报：sendmmsg()。
 * 用法：batch_sender 地址 端口 文字… */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 8 };

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc < 4 || argc > 3 + MOST) { fprintf(stderr, "用法：%s 地址 端口 文字…\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");

    struct iovec pieces[MOST];
    struct mmsghdr messages[MOST];
    memset(messages, 0, sizeof messages);
    unsigned count = (unsigned)argc - 3;
    for (unsigned i = 0; i < count; i++) {
        pieces[i] = (struct iovec){.iov_base = argv[3 + i], .iov_len = strlen(argv[3 + i])};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &pieces[i], .msg_iovlen = 1};
    }
    int sent = sendmmsg(fd, messages, count, 0);            /* 只进内核一次 */
    if (sent < 0) die("sendmmsg");
    printf("%d\n", sent);
    close(fd);
    return 0;
}
