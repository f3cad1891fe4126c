"""在一个少了点什么的内核上运行一个程序：``python without.py ipv6|namespaces 程序 [参数……]``。

用 seccomp 过滤器假装（seccomp(2)），子孙都摘不掉：``ipv6`` 是启动时关掉了 IPv6 的内核；``namespaces`` 是缺省的容器，
不许新建命名空间。
"""

from __future__ import annotations

import errno
import os
import sys

import pyseccomp as seccomp

AF_INET6, NEWNET, NEWUSER = 10, 0x40000000, 0x10000000


def without(what: str) -> None:
    """从此刻起，本进程和子孙遇到的内核就是这样。"""
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    if what == "ipv6":
        rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, AF_INET6))
    else:
        for flag in (NEWNET, NEWUSER):
            rules.add_rule(seccomp.ERRNO(errno.EPERM), "unshare", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    rules.load()


if __name__ == "__main__":
    without(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
