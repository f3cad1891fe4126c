/* 不抄一份地发：MSG_ZEROCOPY。等到内核说那块内存用完了，再改它。
 * 用法：zero_copy 地址 端口 */
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

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000                  /* <linux/socket.h> */
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60                          /* <asm-generic/socket.h> */
#endif

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* 等内核说完：哪几次 send() 的内存可以改了；code 带着 COPIED 就是抄过。 */
static struct sock_extended_err completion(int fd)
{
    struct pollfd asked = {.fd = fd};           /* POLLERR 不必登记 */
    if (poll(&asked, 1, -1) < 0) die("poll");
    union { struct cmsghdr align; char room[128]; } control;
    struct msghdr message = {.msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0) die("recvmsg");
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (!first) { fprintf(stderr, "没有控制消息\n"); exit(EXIT_FAILURE); }
    struct sock_extended_err told;
    memcpy(&told, CMSG_DATA(first), sizeof told);
    return told;
}

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0) die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) < 0) die("SO_ZEROCOPY");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");

    static char data[10000];
    if (send(fd, data, sizeof data, MSG_ZEROCOPY) < 0) die("send");
    struct sock_extended_err told = completion(fd);     /* 此前不许改 data */
    printf("%u-%u %s\n", told.ee_info, told.ee_data,
           told.ee_code & SO_EE_CODE_ZEROCOPY_COPIED ? "copied" : "zero-copy");
    close(fd);
    return 0;
}
