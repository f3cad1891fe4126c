/* 另一个进程：连上那扇门，收下别人发来的一条连接，在上面发一句话。
 * 用法：fd_receiver 路径 文字 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* 收一个描述符，多的关掉。它在这个进程里的号码是新的，指着的套接字是同一个。 */
static int receive_fd(int desk)
{
    char byte;                                     /* 至少要带一个字节 */
    struct iovec body = {.iov_base = &byte, .iov_len = 1};
    union {                                        /* 对齐，又装得下 */
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &body, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(desk, &message, MSG_CMSG_CLOEXEC) <= 0) die("recvmsg");

    struct cmsghdr *got = CMSG_FIRSTHDR(&message);
    if (!got || got->cmsg_level != SOL_SOCKET || got->cmsg_type != SCM_RIGHTS)
        return -1;
    int fds[sizeof control / sizeof(int)];         /* 补齐的地方也放得下 */
    size_t size = got->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(got), size);             /* 未必对齐，抄出来 */
    for (size_t i = 1; i < size / sizeof(int); i++)
        close(fds[i]);                             /* 多出来的不要 */
    return fds[0];
}

int main(int argc, char *argv[])
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[1]) >= sizeof there.sun_path) { fprintf(stderr, "用法：%s 路径 文字\n", argv[0]); return 2; }
    strcpy(there.sun_path, argv[1]);

    int desk = socket(AF_UNIX, SOCK_STREAM, 0);
    if (desk < 0) die("socket");
    if (connect(desk, (struct sockaddr *)&there, sizeof there) < 0) die("connect");
    int fd = receive_fd(desk);
    if (fd < 0) { fprintf(stderr, "没有发来描述符\n"); return 1; }
    if (send(fd, argv[2], strlen(argv[2]), MSG_NOSIGNAL) < 0) die("send");
    close(fd);                                                   /* 最后一个引用：FIN 由此发出 */
    close(desk);
    return 0;
}
