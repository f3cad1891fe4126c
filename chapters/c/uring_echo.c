/* 用 io_uring 写的回声服务器：不问“可读吗”，直接说“替我读”，等读好了来取。只服务一个连接。
 * 结束时打印进了几次内核（io_uring_enter）。用法：uring_echo 地址 端口 */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(EXIT_FAILURE); }

enum { RECV = 1, SEND = 2 };                           /* 写在请求里，随结果回来 */

static struct { int fd; unsigned *tail, *mask, *array; struct io_uring_sqe *entries; } submission;
static struct { unsigned *head, *tail, *mask; struct io_uring_cqe *entries; } completion;
static int entered;

static void *map(int fd, size_t size, off_t offset)
{
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    if (place == MAP_FAILED) die("mmap");
    return place;
}

/* 两个环，与内核共用：请求（SQ）由程序放，结果（CQ）由内核放。 */
static void set_up(void)
{
    struct io_uring_params p;
    memset(&p, 0, sizeof p);
    int fd = (int)syscall(__NR_io_uring_setup, 8, &p);
    if (fd < 0) die("io_uring_setup");
    char *sq = map(fd, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *cq = map(fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    submission.fd = fd;
    submission.tail = (unsigned *)(sq + p.sq_off.tail);
    submission.mask = (unsigned *)(sq + p.sq_off.ring_mask);
    submission.array = (unsigned *)(sq + p.sq_off.array);
    submission.entries = map(fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    completion.head = (unsigned *)(cq + p.cq_off.head);
    completion.tail = (unsigned *)(cq + p.cq_off.tail);
    completion.mask = (unsigned *)(cq + p.cq_off.ring_mask);
    completion.entries = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

/* 放一个请求，还不进内核。 */
static void ask(int what, int conn, void *buffer, size_t size)
{
    unsigned tail = *submission.tail, slot = tail & *submission.mask;
    submission.entries[slot] = (struct io_uring_sqe){
        .opcode = what == RECV ? IORING_OP_RECV : IORING_OP_SEND, .fd = conn, .addr = (unsigned long)buffer,
        .len = (unsigned)size, .msg_flags = what == SEND ? MSG_NOSIGNAL : 0, .user_data = (unsigned)what};
    submission.array[slot] = slot;
    __atomic_store_n(submission.tail, tail + 1, __ATOMIC_RELEASE);
}

/* 进一次内核：交出 count 个请求，等它们都做完。返回读到几个字节。 */
static int finish(int count)
{
    int got = 0;
    if (syscall(__NR_io_uring_enter, submission.fd, count, count, IORING_ENTER_GETEVENTS, NULL, 0) < 0) die("io_uring_enter");
    entered++;
    unsigned head = *completion.head;
    for (; head != __atomic_load_n(completion.tail, __ATOMIC_ACQUIRE); head++) {
        struct io_uring_cqe *done = &completion.entries[head & *completion.mask];
        if (done->user_data == RECV) got = done->res;  /* 出错是负的 errno */
    }
    __atomic_store_n(completion.head, head, __ATOMIC_RELEASE);
    return got;
}

int main(int argc, char *argv[])
{
    if (argc != 3) { fprintf(stderr, "用法：%s 地址 端口\n", argv[0]); return 2; }

    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) { fprintf(stderr, "地址不对\n"); return 2; }
    set_up();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) die("socket");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    if (listen(listener, SOMAXCONN) < 0) die("listen");
    puts("ready");
    fflush(stdout);
    int conn = accept(listener, NULL, NULL);
    if (conn < 0) die("accept");

    char in[512], out[512];
    ask(RECV, conn, in, sizeof in);
    int n = finish(1);
    while (n > 0) {
        memcpy(out, in, (size_t)n);
        ask(SEND, conn, out, (size_t)n);               /* 送回去，同时要下一次的 */
        ask(RECV, conn, in, sizeof in);
        n = finish(2);
    }
    printf("%d\n", entered);
    close(conn);
    close(listener);
    return n < 0;
}
