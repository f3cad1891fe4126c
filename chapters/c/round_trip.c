/* 一对连好的套接字，两个进程，量一量：来回要多久，一秒搬多少。
 * 用法：round_trip 种类 latency|throughput 字节数 次数 文件夹
 * latency 一行一个来回的纳秒数；throughput 一行：发出的字节 收到的字节 纳秒数。 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert(AF_LOCAL == AF_UNIX && PF_LOCAL == AF_UNIX, "两个名字，同一个域");

static int domain, type, near, far;

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* 造一个套接字，绑好：AF_UNIX 用文件夹里的 name，AF_INET 用 127.0.0.1 上随便一个端口。 */
static int bound(const char *folder, const char *name, struct sockaddr_storage *here, socklen_t *length)
{
    int fd = socket(domain, type, 0);
    if (fd < 0) die("socket");
    memset(here, 0, sizeof *here);
    if (domain == AF_UNIX) {
        struct sockaddr_un *un = (struct sockaddr_un *)here;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s/%s", folder, name);
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)here;
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    *length = domain == AF_UNIX ? sizeof(struct sockaddr_un) : sizeof(struct sockaddr_in);
    if (bind(fd, (struct sockaddr *)here, *length) < 0) die("bind");
    if (getsockname(fd, (struct sockaddr *)here, length) < 0) die("getsockname");
    return fd;
}

/* near 和 far：连好的两端。 */
static void make_pair(const char *folder)
{
    struct sockaddr_storage here, there;
    socklen_t here_length, there_length;
    far = bound(folder, "far", &there, &there_length);
    if (type == SOCK_DGRAM) {
        near = bound(folder, "near", &here, &here_length);
        if (connect(far, (struct sockaddr *)&here, here_length) < 0) die("connect");
    } else {
        near = socket(domain, type, 0);
        if (listen(far, 1) < 0) die("listen");
    }
    if (connect(near, (struct sockaddr *)&there, there_length) < 0) die("connect");
    if (type != SOCK_DGRAM && (far = accept(far, NULL, NULL)) < 0) die("accept");
}

static void send_all(int fd, const char *data, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(fd, data + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0) die("send");
        sent += (size_t)n;
    }
}

/* 收满 length 个字节。数据报和顺序包一次就满；字节流也许要几次。 */
static void recv_all(int fd, char *data, size_t length)
{
    for (size_t got = 0; got < length;) {
        ssize_t n = recv(fd, data + got, length - got, 0);
        if (n <= 0) exit(EXIT_SUCCESS);
        got += (size_t)n;
    }
}

static void latency(char *data, size_t size, int count, long long took[])
{
    for (int i = 0; i < count; i++) {
        long long start = now();
        send_all(near, data, size);
        recv_all(near, data, size);
        took[i] = now() - start;
    }
}

/* 收到 0 为止：流和顺序包的结尾，数据报的一条空消息。然后报账：收到了多少字节。 */
static void drain(char *data, size_t size)
{
    long long received = 0;
    for (ssize_t n; (n = recv(far, data, size, 0)) > 0; received += n)
        continue;
    send_all(far, (char *)&received, sizeof received);
}

static void throughput(char *data, size_t size, int count)
{
    long long start = now(), received;
    for (int i = 0; i < count; i++)
        send_all(near, data, size);

    struct timeval patience = {.tv_usec = 2000};           /* UDP 的空消息也会丢：没有回音就再发 */
    setsockopt(near, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (type != SOCK_DGRAM) shutdown(near, SHUT_WR);
    do {
        if (type == SOCK_DGRAM) send(near, data, 0, MSG_NOSIGNAL);
    } while (recv(near, &received, sizeof received, 0) <= 0);
    printf("%lld %lld %lld\n", (long long)size * count, received, now() - start);
}

int main(int argc, char *argv[])
{
    if (argc != 6) { fprintf(stderr, "用法：%s 种类 latency|throughput 字节数 次数 文件夹\n", argv[0]); return 2; }
    const char *kind = argv[1];
    int flood = strcmp(argv[2], "throughput") == 0, count = atoi(argv[4]);
    size_t size = (size_t)atol(argv[3]);
    domain = strncmp(kind, "unix", 4) == 0 ? AF_UNIX : AF_INET;
    type = strstr(kind, "dgram") || strstr(kind, "udp") ? SOCK_DGRAM
        : strstr(kind, "seqpacket") ? SOCK_SEQPACKET : SOCK_STREAM;
    char *data = calloc(1, size);
    long long *took = calloc((size_t)count, sizeof *took);
    if (!data || !took) die("calloc");

    make_pair(argv[5]);
    if (strcmp(kind, "tcp_nodelay") == 0) {
        setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {                                      /* 对面的进程：应答，或者只收 */
        close(near);
        if (flood) { drain(data, size); return 0; }
        for (;;) {
            recv_all(far, data, size);
            send_all(far, data, size);
        }
    }
    close(far);
    if (flood) {
        throughput(data, size, count);
    } else {
        latency(data, size, count, took);
        for (int i = 0; i < count; i++)
            printf("%lld\n", took[i]);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
