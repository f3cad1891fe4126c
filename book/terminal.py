"""一个终端：真的敲命令，留下屏幕上最后的样子。拍《教师手册》时用（见 screenshots.py）。"""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
import termios
from pathlib import Path

__all__ = ["SIZE", "Terminal", "screen"]

SIZE = 24, 80  # 行、列
COLOUR = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def screen(said: bytes) -> str:
    """程序写给终端的字节 → 屏幕上的字：回到行首（``\\r``）的，后写的盖住先写的。"""
    lines = COLOUR.sub(b"", said).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines)


class Terminal:
    """家目录是 ``home`` 的终端；``python`` 是运行本文件的这一个。"""

    def __init__(self, home: Path) -> None:
        self.home = home
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {**os.environ, "HOME": str(home), "PATH": path, "TERM": "xterm"}

    def type(self, command: str, stop_at: str = "") -> str:
        """敲一条命令，等它结束，返回提示符、命令和屏幕上留下的字。屏幕上一出现 ``stop_at`` 就按 Ctrl + C。"""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            termios.tcsetwinsize(0, SIZE)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # 从后台启动的，“不理会 Ctrl + C”会传下来
            os.execve("/bin/sh", ["sh", "-c", command], self.environment)
        said, stopped = b"", not stop_at
        while heard := _hear(fd):
            said += heard
            if not stopped and stop_at in screen(said):
                os.write(fd, termios.tcgetattr(fd)[6][termios.VINTR])
                stopped = True
        os.close(fd)
        os.waitpid(pid, 0)
        shown = screen(said).replace(str(self.home), "~").rstrip()
        return f"$ {command}\n{shown}\n" if shown else f"$ {command}\n"


def _hear(fd: int) -> bytes:
    """下一段字；程序走了，内核对终端的这一头说 EIO。"""
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
