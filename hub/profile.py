#!/usr/bin/env python3
"""写成两份 seccomp 过滤器，``seccomp.json`` 与 ``seccomp-grading.json``。

格式是 OCI runtime-spec 的（config-linux.md），Docker 与 Kubernetes 都认得。只放行写出来的，其余一律 EPERM。想法同 Docker
缺省的那一份（moby/profiles 的 seccomp/default.json），名单是自己按用途列的：普通的程序要的，加上仪器要的。改了就运行
``python hub/profile.py``。
"""

import json
from pathlib import Path

HERE = Path(__file__).parent
EPERM, ENOSYS = 1, 38

# 一个普通的程序：解释器、编译器、shell、JupyterLab
FILES = """
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr
    fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr
    lstat memfd_create mkdir mkdirat mknod mknodat newfstatat open openat openat2 pread64 preadv preadv2 pwrite64
    pwritev pwritev2 read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile
    setxattr splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat
    utime utimensat utimes vmsplice write writev
"""
MEMORY = "brk madvise membarrier mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap " \
         "pkey_alloc pkey_free pkey_mprotect"
PROCESSES = """
    alarm arch_prctl capget capset execve execveat exit exit_group fork futex futex_waitv get_robust_list getcpu getegid
    geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit
    getrusage getsid gettid getuid kill nice pause pidfd_open pidfd_send_signal pipe pipe2 prctl prlimit64
    restart_syscall riscv_hwprobe rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield seccomp set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer
    setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack signalfd signalfd4
    sysinfo tgkill time times tkill uname vfork wait4 waitid
"""
CLOCKS = "clock_getres clock_gettime clock_nanosleep getrandom gettimeofday nanosleep timer_create timer_delete " \
         "timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime"
SHARED = "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink semctl semget semop semtimedop " \
         "shmat shmctl shmdt shmget"
SOCKETS = """
    accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd
    eventfd2 getpeername getsockname getsockopt listen poll ppoll pselect6 recvfrom recvmmsg recvmsg select sendmmsg
    sendmsg sendto setsockopt shutdown socketpair
"""
TRACING = "process_vm_readv ptrace"  # strace：只看得到自己的进程，内核自己把关（ptrace(2)）

# 仪器：自己的网络，程序看到的机器名与 /etc/hosts（live/forge.py、live/launch.py）
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}  # 没有 AF_VSOCK、AF_ALG……
NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)  # <linux/sched.h>
ROOMS = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
UNSHARED = (NEWNET, NEWUSER | NEWNET, NEWNS | NEWUTS)
BIND, REC_SLAVE, TMPFS = 0x1000, 0x84000, 0  # <sys/mount.h>
NAMES = "sethostname umount2"

# 批改：bubblewrap 的沙箱里还有自己的进程、IPC 与根
JAIL = "chroot mount pivot_root sethostname setns umount2 unshare"


def allowed(*names: str) -> dict[str, object]:
    return {"names": sorted({name for group in names for name in group.split()}), "action": "SCMP_ACT_ALLOW"}


def when(name: str, index: int, value: int, op: str = "SCMP_CMP_EQ", **more: int) -> dict[str, object]:
    """``name`` 的第 ``index`` 个参数是 ``value`` 才放行。"""
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [{"index": index, "value": value, "op": op, **more}]}


def refused(name: str, number: int) -> dict[str, object]:
    return {"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": number}


ORDINARY = [
    allowed(FILES, MEMORY, PROCESSES, CLOCKS, SHARED, SOCKETS, TRACING),
    *(when("socket", 0, family) for family in FAMILIES.values()),
    *(when("personality", 0, value) for value in (0, 0xffffffff)),
    refused("clone3", ENOSYS),  # 过滤器看不见它的参数；说没有，C 库就退回 clone
    *(refused(name, ENOSYS) for name in ("io_uring_setup", "io_uring_enter", "io_uring_register")),  # 第 12 章照实说没有
]
INSTRUMENT = [
    when("clone", 0, ROOMS, "SCMP_CMP_MASKED_EQ", valueTwo=0),  # 线程与进程，没有新的命名空间
    *(when("unshare", 0, flags) for flags in UNSHARED),
    *(when("mount", 3, flags) for flags in (BIND, REC_SLAVE, TMPFS)),
    allowed(NAMES),
]
GRADING = [allowed(JAIL, "clone")]


def profile(rules: list[dict[str, object]]) -> str:
    return json.dumps({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": EPERM,
        "archMap": [{"architecture": f"SCMP_ARCH_{name}", "subArchitectures": None} for name in ("X86_64", "AARCH64")],
        "syscalls": [*ORDINARY, *rules]}, indent=1) + "\n"


PROFILES = {"seccomp.json": profile(INSTRUMENT), "seccomp-grading.json": profile(GRADING)}

if __name__ == "__main__":
    for name, text in PROFILES.items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"写好 hub/{name}")
