/* 同样多的数据报，三种发法：send()、sendmmsg()、UDP_SEGMENT。打印进内核几次、一共几纳秒。
 * 用法：many_sends 地址 端口 send|sendmmsg|segment 几个 一批几个 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103                                     /* <linux/udp.h> */
#endif

enum { MOST = 64, SIZE = 100 };

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static char data[MOST * SIZE];
static struct iovec pieces[MOST];
static struct mmsghdr messages[MOST];

/* 发一批；返回发了几个数据报。 */
static int batch(int fd, const char *how, int n)
{
    if (!strcmp(how, "send"))
        return send(fd, data, SIZE, 0) < 0 ? -1 : 1;
    if (!strcmp(how, "sendmmsg"))
        return sendmmsg(fd, messages, n, 0);                /* 内核里循环 */
    return send(fd, data, n * SIZE, 0) < 0 ? -1 : n;        /* 内核来切 */
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char *argv[])
{
    int total = argc == 6 ? atoi(argv[4]) : 0, most = argc == 6 ? atoi(argv[5]) : 0;
    if (total < 1 || most < 1 || most > MOST) { fprintf(stderr, "用法：%s 地址 端口 发法 几个 一批几个\n", argv[0]); return 2; }

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    int fd = socket(AF_INET, SOCK_DGRAM, 0), segment = SIZE;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    if (!strcmp(argv[3], "segment") && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0)
        die("UDP_SEGMENT");
    for (int i = 0; i < MOST; i++) {
        pieces[i] = (struct iovec){.iov_base = data + i * SIZE, .iov_len = SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
    }

    int calls = 0;
    long long start = now();
    for (int left = total, sent; left > 0; left -= sent, calls++)
        if ((sent = batch(fd, argv[3], left < most ? left : most)) < 0) die(argv[3]);
    printf("%d %lld\n", calls, now() - start);
    close(fd);
    return 0;
}
