"""存心不良的答卷之三：用 C 写的。在编译时使坏，在共享库装入时（构造函数里）使坏。写法见 ``cheats``；都只在沙箱里编译和运行。"""

from __future__ import annotations

from tests.grading.hostility.cheats import SECRET, Cheat

__all__ = ["BODIES", "IN_C"]

HEAD = f"""#include "lab05.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define SECRET "{SECRET}"
#define FIRST __attribute__((constructor)) static void first(void)
"""
BODIES = {
    "ask": "ssize_t ask(const char *host, int port, const void *question, size_t size, char **answer)\n"
           "{ *answer = NULL; return 0; }\n",
    "pump": "void pump(int source, int target) { }\n",
    "relay": "void relay(int a, int b) { }\n",
}


def in_c(name: str, story: str, code: str) -> Cheat:
    return Cheat(f"c-{name}", f"C：{story}", HEAD + code, language="c")


IN_C = [
    in_c("include", "把不该读的文件 #include 进来，让编译器的错误信息念出它", """
#include SECRET
"""),
    in_c("has-include", "用 __has_include 打听外面有哪些文件", """
#if __has_include("/etc/shadow") || __has_include("/etc/passwd") || __has_include(SECRET)
FIRST { fputs("found a file outside\\n", stderr); }
#endif
"""),
    in_c("environ", "用汇编的 .incbin 把牢房里 1 号进程的环境变量装进共享库，再打印出来", """
__asm__(".section .rodata\\nstolen: .incbin \\"/proc/1/environ\\"\\n.byte 0\\n.text");
extern const char stolen[] __asm__("stolen");
FIRST { fprintf(stderr, "environment %s\\n", stolen); }
"""),
    in_c("incbin", "用汇编的 .incbin 把不该读的文件装进共享库，再打印出来", """
__asm__(".section .rodata\\nstolen: .incbin \\"" SECRET "\\"\\n.byte 0\\n.text");
extern const char stolen[] __asm__("stolen");
FIRST { fprintf(stderr, "found %s\\n", stolen); }
"""),
    in_c("macro-bomb", "宏一层套一层，展开出一万亿个数", """
#define A(x) x x x x x x x x x x
#define B(x) A(A(A(A(x))))
int bomb[] = { B(B(B(+1))) };
"""),
    in_c("endless-include", "把没有尽头的设备 #include 进来", """
#include "/dev/zero"
"""),
    in_c("huge-object", "几个字就要编译器写出一个很大的文件", """
int huge[1L << 30] = { 1 };
"""),
    in_c("endless-assembly", "叫汇编器没完没了地重复", """
__asm__(".rept 2000000000\\n.rept 2000000000\\n.endr\\n.endr");
"""),
    in_c("evil-words", "编译器的话里夹带网页和终端的控制字符", """
#error <script>alert(1)</script>\x1b]0;pwned\x07\u202e
"""),
    in_c("endless-constructor", "构造函数里死循环：函数还没有叫就不回来了", """
FIRST { for (;;); }
"""),
    in_c("forged-result", "构造函数在交回答的管道上冒充 runner，说每一次都通过了", """
static const char *lines[] = { "{\\"ready\\": true, \\"troubles\\": {}}\\n", "{\\"returned\\": {\\"value\\": true}}\\n",
                               "{\\"status\\": \\"passed\\", \\"points\\": 100}\\n" };
FIRST {
    for (int fd = 3; fd < 64; fd++)
        for (int n = 0; n < 3; n++)
            if (write(fd, lines[n], strlen(lines[n])) < 0) break;
}
"""),
    in_c("pipe-flood", "在交回答的管道上没完没了地写", """
FIRST {
    static char junk[65536];
    memset(junk, 'x', sizeof junk - 1);
    if (fork() != 0) return;
    for (int n = 0; n < 4000; n++)
        for (int fd = 1; fd < 8; fd++)
            if (write(fd, junk, sizeof junk) < 0) continue;
    pause();
}
"""),
    in_c("raw-calls", "绕过 C 库，用内嵌的汇编直接做伸得到外面的系统调用", """
#ifdef __x86_64__
static long raw(long number, long a, long b, long c)
{
    long result;
    register long d __asm__("r10") = 0, e __asm__("r8") = 0;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d), "r"(e) : "rcx", "r11", "memory");
    return result;
}
FIRST {
    static const long calls[][4] = { {101, 16, 1, 0}, {272, 0x10000000, 0, 0}, {425, 8, 0, 0}, {321, 0, 0, 0}, {323, 0, 0, 0},
        {250, 0, -3, 0}, {161, (long)"/exam", 0, 0}, {319, (long)"x", 0, 0}, {435, 0, 88, 0}, {41, 40, 1, 0}, {41, 16, 3, 0},
        {41, 17, 3, 768}, {2, (long)SECRET, 0, 0}, {105, 0, 0, 0}, {56, 0x10000011, 0, 0} };
    for (unsigned n = 0; n < sizeof calls / sizeof *calls; n++) {
        long result = raw(calls[n][0], calls[n][1], calls[n][2], calls[n][3]);
        if (result >= 0) fprintf(stderr, "reached %ld %ld\\n", calls[n][0], result);
    }
}
#endif
"""),
    in_c("fork-bomb", "构造函数里不停地分叉", """
FIRST { for (;;) fork(); }
"""),
    in_c("other-names", "共享库里另有一套 recv、write、PyLong_FromLong，想替下 Python 用的", """
ssize_t recv(int fd, void *data, size_t size, int flags) { return 0; }
ssize_t write(int fd, const void *data, size_t size) { return (ssize_t)size; }
int memcmp(const void *a, const void *b, size_t size) { return 0; }
void *PyLong_FromLong(long value) { return NULL; }
int PyObject_RichCompareBool(void *a, void *b, int how) { return 1; }
"""),
    in_c("python-inside", "构造函数叫解释器执行一段 Python，改掉 runner 自己的函数", """
int PyGILState_Ensure(void);
void PyGILState_Release(int state);
int PyRun_SimpleString(const char *text);
FIRST {
    int state = PyGILState_Ensure();
    PyRun_SimpleString("import sys; m = sys.modules['__main__']; m.plain = lambda *a: {'value': True};"
                       "m.describe = lambda e: {'type': 'passed'}; m.standing = lambda *a: []");
    PyGILState_Release(state);
}
"""),
    in_c("kill-everyone", "给看得见的每个进程发 SIGKILL，连 1 号在内", """
FIRST {
    for (int pid = 1; pid < 400; pid++)
        if (pid != getpid()) kill(pid, SIGKILL);
    kill(-1, SIGKILL);
}
"""),
]
