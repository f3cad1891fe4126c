/* 发一个数据报，等坏消息，从错误队列里读出：哪个错误，谁说的，为哪个数据报。
 * 用法：error_queue 地址 端口 文字 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 文字\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    if (fd < 0) die("socket");

    if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes) < 0) die("setsockopt");
    if (sendto(fd, argv[3], strlen(argv[3]), 0, (struct sockaddr *)&to, sizeof to) < 0) die("sendto");
    struct pollfd waiting = {.fd = fd, .events = 0};       /* POLLERR 不必问，总会给 */
    if (poll(&waiting, 1, -1) < 0) die("poll");

    char data[512], name[INET_ADDRSTRLEN];
    _Alignas(struct cmsghdr) char control[512];
    struct iovec piece = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &message, MSG_ERRQUEUE);       /* 发出的回来了 */
    if (n < 0) die("recvmsg");
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(c), sizeof error);
    struct sockaddr_in who;                                /* 后面是说话的人 */
    memcpy(&who, CMSG_DATA(c) + sizeof error, sizeof who);
    printf("%.*s: %s, ICMP %u/%u, %s\n", (int)n, data, strerror((int)error.ee_errno),
           error.ee_type, error.ee_code, inet_ntop(AF_INET, &who.sin_addr, name, sizeof name));
    close(fd);
    return 0;
}
