/* 两块内存，一个数据报：sendmsg() 把头和正文拼起来发，不必先抄到一处。
 * 用法：gather_sender 地址 端口 正文 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 正文\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");

    uint32_t length = htonl((uint32_t)strlen(argv[3]));
    struct iovec pieces[] = {
        {.iov_base = &length, .iov_len = sizeof length},   /* 头 */
        {.iov_base = argv[3], .iov_len = strlen(argv[3])}, /* 正文 */
    };
    struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof to,         /* 发给谁 */
        .msg_iov = pieces, .msg_iovlen = 2,                /* 哪几块 */
    };
    if (sendmsg(fd, &message, 0) < 0) die("sendmsg");
    close(fd);
    return 0;
}
