"""隔离：别的程序在里面做什么，机器都与先前一样，哪怕它（或测量本身）被 kill -9。

Mininet 一启动就改 tcp_rmem、rmem_max、fs.file-max、kernel.pty.max……，走了也不改回来。所以给它自己的网络、进程和挂载命名空间：
网络参数只改得到它自己的；``/proc/sys`` 的其余部分是只读的；``/run`` 和临时文件在内存里；外面的进程一死，里面的全部消失。
不靠事后恢复，也就没有“来不及恢复”。
"""

from __future__ import annotations

import subprocess

from bench import Untested

__all__ = ["quarantined", "run"]

WALLS = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
ROOM = """
mount -t tmpfs none /run &&
mount --bind /proc/sys /proc/sys && mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,ro /proc/sys &&
ip link set lo up || exit 125
TMPDIR=/run exec "$@"
"""
NO_ROOM = 125


def quarantined(*command: str) -> list[str]:
    """在隔离里运行 ``command`` 的命令。"""
    return [*WALLS, "sh", "-c", ROOM, "sh", *command]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """在隔离里运行，等它结束。这台机器不许隔离，抛 ``Untested``：宁可不测，也不改动机器。"""
    try:
        done = subprocess.run(quarantined(*command), capture_output=True, text=True)
    except FileNotFoundError as missing:
        raise Untested(f"没有 {missing.filename}，不能与机器隔开；sudo apt-get install util-linux 之后再测。") from None
    if done.returncode == NO_ROOM or done.stderr.startswith("unshare: unshare failed"):
        why = (done.stderr.strip() or "没有说明").splitlines()[-1]
        raise Untested(f"不能与机器隔开（{why}）；以 root 运行 make bench 再测。")
    return done
