/* 手写的 ping：在原始套接字上发一个 ICMP 回显请求，写出谁答了、答的是哪一种。
 * 给出 TTL，就是 traceroute 的一跳。用法：ping 地址 [TTL] */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* 互联网校验和（RFC 1071）：按 16 位相加，进位加回末位，取反。 */
static unsigned short checksum(const void *data, size_t length)
{
    const unsigned char *byte = data;
    unsigned long total = 0;
    for (size_t i = 0; i < length; i++)
        total += (unsigned long)byte[i] << (i % 2 ? 0 : 8);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return htons(~total & 0xffff);
}

int main(int argc, char *argv[])
{
    if (argc < 2 || argc > 3) { fprintf(stderr, "用法：%s 地址 [TTL]\n", argv[0]); return 2; }
    struct sockaddr_in peer = {.sin_family = AF_INET};         /* 没有端口 */
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }

    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (fd < 0) die("socket");
    int ttl = argc > 2 ? atoi(argv[2]) : 64;
    if (setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) < 0) die("setsockopt");

    struct { struct icmphdr head; char text[5]; } request = {
        .head = {.type = ICMP_ECHO}, .text = {'h', 'e', 'l', 'l', 'o'}};
    request.head.un.echo.id = htons(7);
    request.head.un.echo.sequence = htons(1);
    size_t length = sizeof request.head + sizeof request.text;  /* 13 */
    request.head.checksum = checksum(&request, length);  /* 此前这一项是 0 */
    if (sendto(fd, &request, length, 0,
               (struct sockaddr *)&peer, sizeof peer) < 0) die("sendto");

    unsigned char reply[2048];
    socklen_t size = sizeof peer;
    ssize_t n = recvfrom(fd, reply, sizeof reply, 0, (struct sockaddr *)&peer, &size);
    if (n < 0) die("recvfrom");
    size_t skip = ((struct iphdr *)reply)->ihl * 4u;            /* 收到的连着 IP 首部 */
    char from[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &peer.sin_addr, from, sizeof from);
    printf("%s %u\n", from, reply[skip]);                       /* 0 应答，11 TTL 用尽 */
    close(fd);
    return 0;
}
