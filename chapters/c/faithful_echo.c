/* 回声：从问的那个地址回答，不管主机有几个地址。只服务一次。
 * 用法：faithful_echo 端口 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 2) { fprintf(stderr, "用法：%s 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))}, peer;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    if (fd < 0) die("socket");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes) < 0) die("setsockopt");
    puts("ready");
    fflush(stdout);

    char data[512];
    union { char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))]; struct cmsghdr align; } control;
    struct iovec piece = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &piece, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &message, 0);
    if (n < 0) die("recvmsg");

    struct in_pktinfo info = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
         c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            memcpy(&info, CMSG_DATA(c), sizeof info);      /* 抄出来再用 */
    printf("%s\n", inet_ntoa(info.ipi_addr));              /* 发到哪个地址 */

    info.ipi_spec_dst = info.ipi_addr;                     /* 就从它回答 */
    info.ipi_ifindex = 0;                                  /* 网口由路由定 */
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    piece.iov_len = (size_t)n;
    if (sendmsg(fd, &message, 0) < 0) die("sendmsg");
    close(fd);
    return 0;
}
