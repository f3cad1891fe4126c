/* 名字变成地址：打印 getaddrinfo() 给出的每一个，照它排好的次序。
 * 用法：resolve 名字 端口；名字写 - 表示不给名字，为 bind() 准备（AI_PASSIVE） */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 名字 端口\n", argv[0]); return 2; }

    const char *name = strcmp(argv[1], "-") ? argv[1] : NULL;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,   /* 两族都要 */
                              .ai_flags = name ? 0 : AI_PASSIVE};
    struct addrinfo *found;
    int error = getaddrinfo(name, argv[2], &wanted, &found);
    if (error) {                                   /* 不是 errno */
        printf("%s\n", gai_strerror(error));
        return 1;
    }
    for (struct addrinfo *at = found; at; at = at->ai_next) {
        char host[NI_MAXHOST], port[NI_MAXSERV];
        getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host,
                    port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        printf("%s %s %s\n", at->ai_family == AF_INET6 ? "AF_INET6" : "AF_INET",
               host, port);
    }
    freeaddrinfo(found);
    return 0;
}
