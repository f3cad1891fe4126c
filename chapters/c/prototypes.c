/* 头文件里的原型、类型和常数；与这里写的不同，就编译不过。
 * 用法：prototypes */
#include <stdio.h>
#include <sys/socket.h>

int (*const socket_)(int, int, int) = socket;
int (*const bind_)(int, const struct sockaddr *, socklen_t) = bind;
int (*const listen_)(int, int) = listen;
int (*const accept_)(int, struct sockaddr *, socklen_t *) = accept;
int (*const connect_)(int, const struct sockaddr *, socklen_t) = connect;
int (*const shutdown_)(int, int) = shutdown;
ssize_t (*const send_)(int, const void *, size_t, int) = send;
ssize_t (*const recv_)(int, void *, size_t, int) = recv;
ssize_t (*const sendto_)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) = sendto;
ssize_t (*const recvfrom_)(int, void *, size_t, int, struct sockaddr *, socklen_t *) = recvfrom;

#define TYPE(x) _Generic((x), unsigned char: "unsigned char", unsigned short: "unsigned short", \
                              unsigned int: "unsigned int", default: "?")
#define VALUE(name) printf("%s = %d\n", #name, name)

int main(void)
{
    printf("sa_family_t = %s\n", TYPE((sa_family_t)0));
    printf("socklen_t = %s\n", TYPE((socklen_t)0));
    VALUE(SHUT_RD); VALUE(SHUT_WR); VALUE(SHUT_RDWR);
    VALUE(PF_INET - AF_INET); VALUE(PF_INET6 - AF_INET6); VALUE(PF_UNIX - AF_UNIX); VALUE(AF_LOCAL - AF_UNIX);
    VALUE(MSG_PEEK & MSG_DONTWAIT);
    return 0;
}
