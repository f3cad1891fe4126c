"""饵：不良的答卷在沙箱里够不够得着外面，散场之后留没留下什么。测试和 ``bench.hostility`` 用它。"""

from __future__ import annotations

import os
import secrets
import select
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from sockscope.grading.exam.student import Answers, Student
from sockscope.grading.jail.sandbox import Sandbox
from sockscope.live import Host, Program
from tests.grading.hostility.cheats import DOOR, SECRET

__all__ = ["Outside", "Watched"]

PATIENCE = 20.0  # 等主机退场的上限，秒


class Watched:
    """记得住的沙箱：这一场用过哪些用户、文件夹、主机，好在散场之后去找。"""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.users: set[int] = set()
        self.folders: set[str] = set()
        self.homes: dict[int, int] = {}  # 主机的进程 → 它的 pidfd

    def start(self, host: Host, folder: str, *, sockets: int = 0,
              compiling: bool = False) -> tuple[Program, dict[str, Any]]:
        program, terms = self.sandbox.start(host, folder, sockets=sockets, compiling=compiling)
        self.users |= {terms["uid"]} - {0}
        self.folders.add(folder)
        home = host.namespace.pid
        if home not in self.homes:
            self.homes[home] = os.pidfd_open(home)
        return program, terms

    def end(self, student: Student) -> None:
        self.sandbox.end(student)

    def left(self) -> list[str]:
        """散场之后还在的：进程（按用户找）、文件夹、主机。主机退场要一会儿，等到它没有，或等不到。"""
        standing = [f"主机 {pid}" for pid, home in self.homes.items() if not gone(home)]
        self.homes.clear()
        users = [f"进程 {p.name}" for p in Path("/proc").glob("[0-9]*") if owner(p) in self.users]
        folders = [folder for folder in self.folders if os.path.exists(folder)]
        return users + folders + standing


def owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def gone(pidfd: int) -> bool:
    """等到一个进程没有了（pidfd 读得了，pidfd_open(2)）；等不到则为假。描述符随之关上。"""
    try:
        return bool(select.select([pidfd], [], [], PATIENCE)[0])
    finally:
        os.close(pidfd)


class Outside:
    """沙箱外面放着的饵：一个谁都读得到的文件，一个听着的端口。"""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        os.environ["SOCKSCOPE_BAIT"] = self.token  # 批改者的环境变量里也有
        self.file = Path(f"{SECRET}-{os.getpid()}")
        self.file.write_text(self.token)
        self.file.chmod(0o604)
        self.door = socket.create_server(("", 0))
        self.door.setblocking(False)

    def aimed(self, answers: Answers) -> Answers:
        """叫一份不良的答卷来够这一份饵。"""
        port = str(self.door.getsockname()[1])
        return Answers({n: s.replace(SECRET, str(self.file)).replace(str(DOOR), port) for n, s in answers.cells.items()})

    def touched(self) -> list[str]:
        """饵有没有被碰过。"""
        with suppress(BlockingIOError):
            self.door.accept()[0].close()
            return ["有人连来"]
        same = self.file.read_text() == self.token and stat.S_IMODE(self.file.lstat().st_mode) == 0o604
        return [] if same else ["文件变了"]

    def close(self) -> None:
        self.door.close()
        os.environ.pop("SOCKSCOPE_BAIT", None)
        self.file.unlink(missing_ok=True)
