/* 回声客户端：说一行，读一行。
 * 用法：plain_echo_client 主机 端口 话…… */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

/* 把名字的地址逐个试完；返回连好的描述符，都不行返回 -1。 */
static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int wrong = getaddrinfo(host, port, &hints, &list), sock = -1;
    if (wrong) fprintf(stderr, "%s：%s\n", host, gai_strerror(wrong));
    if (wrong) return -1;
    for (struct addrinfo *each = list; each; each = each->ai_next) {
        sock = socket(each->ai_family, each->ai_socktype, 0);
        if (sock >= 0 && connect(sock, each->ai_addr, each->ai_addrlen) == 0)
            break;
        if (sock >= 0) close(sock);
        sock = -1;
    }
    if (sock < 0) perror(host);
    freeaddrinfo(list);
    return sock;
}

int main(int argc, char *argv[])
{
    if (argc < 3) {
        fprintf(stderr, "用法：%s 主机 端口 话……\n", argv[0]);
        return 2;
    }
    int sock = connect_to(argv[1], argv[2]);
    if (sock < 0) return 1;

    FILE *answers = fdopen(sock, "r"), *questions = fdopen(dup(sock), "w");
    if (!answers || !questions) die("fdopen");
    char answer[4096];
    for (int i = 3; i < argc; i++) {
        fprintf(questions, "%s\n", argv[i]);
        if (fflush(questions) == EOF) die("send");        /* 带缓冲：发到完 */
        if (!fgets(answer, sizeof answer, answers)) {     /* 凑够一行 */
            fprintf(stderr, "对端没有答完就走了\n");
            return 1;
        }
        fputs(answer, stdout);
    }
    fclose(questions);
    fclose(answers);
    return 0;
}
