/* 发给一张网上的每一台主机：先不设许可试一次，再设了许可发。
 * 用法：broadcast_sender 地址 端口 文字 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

int main(int argc, char *argv[])
{
    if (argc != 4) { fprintf(stderr, "用法：%s 地址 端口 文字\n", argv[0]); return 2; }

    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &all.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    const struct sockaddr *to = (struct sockaddr *)&all;
    size_t length = strlen(argv[3]);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");

    if (sendto(fd, argv[3], length, 0, to, sizeof all) < 0)
        perror("sendto");                          /* Permission denied */

    int yes = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes) < 0)
        die("setsockopt");
    if (sendto(fd, argv[3], length, 0, to, sizeof all) < 0) die("sendto");
    close(fd);
    return 0;
}
