"""seccomp 过滤器：学生的进程用不着、却能伸到沙箱外面去的系统调用，一律拒绝。

允许其余的：练习要用的正是套接字、线程、文件这些普通的调用。过滤器交给 bubblewrap 在启动学生的进程之前装上，
从此连它的子孙也摘不掉（seccomp(2)）。
"""

from __future__ import annotations

import errno
import functools
import os
import socket
import tempfile
from typing import Any

from sockscope.live.linux import AF_UNIX

__all__ = ["Missing", "program"]

FAMILIES = (AF_UNIX, socket.AF_INET, socket.AF_INET6)
# 网络命名空间管不到 AF_VSOCK 之类的地址族，所以只放行三种
HIGHEST = max(FAMILIES)
NAMESPACES = {"NEWNS": 0x20000, "NEWCGROUP": 0x2000000, "NEWUTS": 0x4000000, "NEWIPC": 0x8000000,
              "NEWUSER": 0x10000000, "NEWPID": 0x20000000, "NEWNET": 0x40000000, "NEWTIME": 0x80}

FORBIDDEN = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise
    mount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot
    unshare setns swapon swapoff reboot kexec_load kexec_file_load init_module finit_module delete_module
    bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    add_key request_key keyctl name_to_handle_at open_by_handle_at quotactl quotactl_fd acct
    memfd_create memfd_secret shmget shmat msgget semget mq_open mlock mlock2 mlockall
    settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname syslog personality
    iopl ioperm lookup_dcookie nfsservctl vhangup fanotify_init inotify_init inotify_init1
    sched_setaffinity sched_setattr setpriority ioprio_set migrate_pages move_pages mbind
    set_mempolicy landlock_create_ruleset
""".split()  # noqa: SIM905
ABSENT = ["clone3"]  # 过滤器看不见它的参数；说没有，C 库就退回 clone


class Missing(RuntimeError):
    """这台机器上没有 libseccomp。消息是一句中文。"""


@functools.cache
def program() -> bytes:
    """过滤器的 BPF 程序。没有 libseccomp 抛 ``Missing``。"""
    try:
        import pyseccomp as lib
    except (ImportError, RuntimeError, OSError) as error:
        raise Missing("没有 libseccomp，不能限制系统调用。"
                      "补救：sudo apt install libseccomp2，并 pip install pyseccomp。") from error
    rules = lib.SyscallFilter(lib.ALLOW)
    for name in FORBIDDEN:
        _add(lib, rules, lib.ERRNO(errno.EPERM), name)
    for name in ABSENT:
        _add(lib, rules, lib.ERRNO(errno.ENOSYS), name)
    for flag in NAMESPACES.values():
        _add(lib, rules, lib.ERRNO(errno.EPERM), "clone", lib.Arg(0, lib.MASKED_EQ, flag, flag))
    # 照旧用普通的调度：zmq 起每个线程都这样说一声，不许就罢工
    _add(lib, rules, lib.ERRNO(errno.EPERM), "sched_setscheduler", lib.Arg(1, lib.NE, os.SCHED_OTHER))
    refuse = lib.ERRNO(errno.EAFNOSUPPORT)
    for name in ("socket", "socketpair"):
        for family in set(range(HIGHEST)) - set(FAMILIES):
            _add(lib, rules, refuse, name, lib.Arg(0, lib.EQ, family))
        _add(lib, rules, refuse, name, lib.Arg(0, lib.GT, HIGHEST))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(lib: Any, rules: Any, action: int, name: str, *conditions: object) -> None:
    """加一条规则；这个架构或这个版本的库不认识的调用，本来就调用不了或叫不出名字，跳过。"""
    if lib.resolve_syscall(lib.system_arch(), name) < 0:
        return
    rules.add_rule(action, name, *conditions)
