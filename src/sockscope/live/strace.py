"""别人的程序对套接字做的系统调用：由 strace 看着（ptrace(2)），写成与我们自己的调用一样的 ``Call``，在同一条时间轴上。

工作原理
--------
``strace -D`` 看着程序，程序仍是它自己的进程号，手里也不多一个描述符：strace 写在一个没有名字的文件里（memfd），由读者的
进程拿着，要看轨迹时才去读新写的那些。一次调用，strace 在它进内核时写下前半行，返回时写下后半行，所以还阻塞着的也看得见。
时刻是墙上的钟（CLOCK_REALTIME），读的时候换成我们的（CLOCK_MONOTONIC）。

套接字认的是内核给它的编号（inode），与 ``TracedSocket`` 的同一本账（``journal.sockets``）：描述符经 fork、dup、SCM_RIGHTS
走到哪里，都是同一个 ``s1``。进轨迹的是网络上的套接字，和绑了名字、连上了的 Unix 域套接字；libc 自己问路用的 netlink、
没有连成的 nscd 不是程序要做的事，不记；经 io_uring 做的，strace 看不见。
strace 被杀死了，程序照跑，只是从此没有记录；网络一关，它们都不留下。
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sockscope.live.journal import Owner
from sockscope.live.strace_text import RESUMED, UNFINISHED, Fd, Line, Returned, lines, parse, returned
from sockscope.live.syscalls import CALLS, Words, describe, endpoint, without_header
from sockscope.live.tracer import BIRTHS, OPTIONS, find_strace, state, tracer, wall_clock
from sockscope.live.watching import WAITS, Registered, describe_wait
from sockscope.trace import Action, Call

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["Tracing"]

SOCKET = "<" + "".join(f"\\x{byte:02x}" for byte in b"socket:[")
ALWAYS = ("epoll", "execve", "clone", "fork", "vfork", "restart", "socket")
FILTERS = {"fcntl": ("F_SETFL", "F_DUPFD"), "ioctl": ("FIONBIO",)}  # 别的只是问一问，或只管 exec
INTERNET = ("AF_INET", "AF_INET6", "AF_PACKET")
ASLEEP = "SIT"  # 睡着、停住；别的是正跑着（R）、等着磁盘（D）、等着 strace（t），或者死了而 strace 还没有写下（Z、X）
STEPPED = 1_000_000  # 墙上的钟与上次相差这么多，就是有人拨了它，纳秒
BUSY = 1.0  # 一直忙着算，过了这么久就不等它静下来了，秒
CHUNK = 1 << 20


@dataclass
class Task:
    """一个线程：属于哪个进程、程序叫什么、轨迹里怎样称呼（说话了才有）。"""

    group: int
    program: str
    epolls: Registered = field(default_factory=Registered)
    name: str = ""


@dataclass
class Started:
    """开始了、还没有返回的一次系统调用；``cut`` 是被信号打断了，多半会接着做。"""

    t: int
    text: str
    cut: int = 0


class Tracing:
    """一个程序（和它的子孙）的系统调用。``file`` 是 strace 写的文件，``command()`` 是放在程序前面的命令。"""

    def __init__(self, host: Host, program: str) -> None:
        self.strace = find_strace(host)
        self.host, self.program = host, program
        self.file = os.memfd_create("calls")
        self.offset = 0
        self.pid = 0
        self.begun = self.frozen = False
        self.lock = threading.Lock()
        self.events: list[Call | Action] = []
        self.open: list[Call] = []
        self.tasks: dict[int, Task] = {}
        self.started: dict[int, Started] = {}
        self.held: dict[int, list[tuple[int, Call, list[Any], Returned | None]]] = {}
        self.left: dict[int, int] = {}
        self.raw: set[int] = set()
        self.shift, self.busy_since = 0, 0.0
        host.watch.strangers = True

    def command(self) -> list[str]:
        return [self.strace, *OPTIONS]

    # ------------------------------------------------------------ 读

    def happened(self) -> list[Call | Action]:
        """到此刻为止的调用，和进程的结束；还没有返回的，``end`` 为 None。"""
        self.harvest()
        return [*self.events, *self.open]

    def harvest(self) -> None:
        """读 strace 新写的那些。"""
        with self.lock:
            if self.frozen:
                return
            fresh = wall_clock(self.host.journal)
            self.shift = fresh if abs(fresh - self.shift) > STEPPED else self.shift
            rest = b""
            while more := os.pread(self.file, CHUNK, self.offset + len(rest)):
                whole, _, rest = (rest + more).rpartition(b"\n")
                if whole:
                    self.offset += len(whole) + 1
                    for line in lines((whole + b"\n").decode("ascii", "replace")):
                        self.read(line)
            self.open = [call for line in self.unfinished(rest.decode("ascii", "replace"))
                         if (call := self.call(line.pid, line.t, line.text, None, None))]

    def unfinished(self, rest: str) -> list[Line]:
        """还没有返回的那些，和写到一半的一行。"""
        waiting = [Line(pid, started.t, started.text, False) for pid, started in self.started.items()]
        return waiting + [Line(line.pid, line.t, line.text, False) for line in lines(rest) if not RESUMED.match(line.text)
                          and "(" in line.text]

    def freeze(self) -> None:
        """到此为止：之后发生的不属于实验。"""
        self.harvest()
        self.frozen = True

    def forget(self) -> None:
        """只放下描述符。"""
        self.frozen = True
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def read(self, line: Line) -> None:
        pid, text = line.pid, line.text
        if pid not in self.tasks:
            self.tasks[pid] = self.newcomer(pid)
        if text.startswith("---"):  # 来了一个信号
            return None
        if text.startswith("+++"):
            return self.ended(line)
        if text.endswith(UNFINISHED):
            return self.begin(line, text.removesuffix(UNFINISHED))
        if found := RESUMED.match(text):
            started = self.started.pop(pid, None)
            if started is not None:
                self.finish(pid, started.t, started.text + text[found.end():].replace(UNFINISHED, ""), line.t)
            return None
        started = self.continued(line, text)
        back = returned(text.partition("(")[2])
        return self.finish(pid, started.t if started else line.t, text, line.t + ((back and back.spent) or 0), started)

    def begin(self, line: Line, text: str) -> None:
        started = self.continued(line, text)
        self.started[line.pid] = Started(started.t if started else line.t, text)

    def continued(self, line: Line, text: str) -> Started | None:
        """被信号打断的调用，内核接着做的（同一个调用再来一遍，或 restart_syscall），算同一次；不是，它就以 EINTR 结束了。"""
        before = self.started.pop(line.pid, None)
        if before is None or text.startswith("restart_syscall(") or text.split(",")[0] == before.text.split(",")[0]:
            return before
        self.note(line.pid, before.t, before.text, before.cut, Returned("", "-1", None, "EINTR", "", None))
        return None

    def finish(self, pid: int, t: int, text: str, end: int, before: Started | None = None) -> None:
        """一次调用返回了。"""
        name, _, rest = text.partition("(")
        back = returned(rest)
        if back is None:
            return
        told = f"{name}({back.args}"
        if before is not None and name == "restart_syscall":
            told = before.text
        if back.errno.startswith("ERESTART") or (back.value == "?" and name != "exit_group"):  # 会接着做，或者人已经不在了
            self.started[pid] = Started(t, told.replace(UNFINISHED, ""), end)
            return
        self.note(pid, t, told, end, back)

    # ------------------------------------------------------------ 懂

    def note(self, pid: int, t: int, text: str, end: int, back: Returned) -> None:
        name = text.partition("(")[0]
        if name == "exit_group":
            self.left[self.tasks[pid].group] = t
        elif name in BIRTHS:
            self.born(pid, text, back)
        elif name == "execve":
            self.became(pid, text, back)
        elif call := self.call(pid, t, text, end, back):
            self.events.append(call)

    def call(self, pid: int, t: int, text: str, end: int | None, back: Returned | None) -> Call | None:
        """这次系统调用写成 ``Call``；不在记着的套接字上，则为 None。"""
        name, _, rest = text.partition("(")
        if SOCKET not in text and not name.startswith(ALWAYS):
            return None
        if name in FILTERS and not any(word in text for word in FILTERS[name]):
            return None
        task, args = self.tasks.get(pid) or self.newcomer(pid), parse(rest)
        if name == "epoll_ctl":
            if back and back.value == "0":
                task.epolls.control(args)
            return None
        if name in WAITS:
            words = describe_wait(name, args, back, self.label, task.epolls) if self.host.network.waits else None
            return self.made(pid, t, end, "", words, back) if words else None
        return self.on_a_socket(pid, t, end, name, args, back) if name in CALLS else None

    def on_a_socket(self, pid: int, t: int, end: int | None, name: str, args: list[Any], back: Returned | None) -> Call | None:
        fd = next((a for a in args[:1] if isinstance(a, Fd)), None)
        if name == "socket":
            if back is None or back.fd is None:
                return self.made(pid, t, end, "", describe(name, args, back, self.label), back) if args[0] in INTERNET else None
            if args[0] not in INTERNET:
                self.hold(pid, t, end, args, back)
                return None
            self.adopt(back.fd.inode)
            if args[0] == "AF_INET" and "SOCK_RAW" in str(args[1]):
                self.raw.add(back.fd.inode)
        elif fd is None or not fd.inode:
            return None
        elif not self.label(fd):
            return self.on_a_held_one(fd, pid, t, end, name, args, back)
        elif name.startswith("accept") and back and back.fd:
            self.adopt(back.fd.inode)
            if peer := endpoint(args[1] if len(args) > 1 else ""):
                self.host.journal.accepted[self.host.name, peer] = self.label(back.fd)
        if name == "close" and fd and back:
            (self.tasks.get(pid) or self.newcomer(pid)).epolls.closed(fd.number)
        label, words = self.label(fd) if fd else "", describe(name, args, back, self.label)
        return self.made(pid, t, end, label, without_header(words) if fd and fd.inode in self.raw else words, back)

    def made(self, pid: int, t: int, end: int | None, label: str, words: Words, back: Returned | None) -> Call:
        failed = back.errno if back and back.value == "-1" else None
        died = back.more if back and back.value == "?" else ""
        return Call(t=t - self.shift, end=None if end is None else end - self.shift, host=self.host.name, thread=self.name(pid),
                    socket=label, name=words.name, args=words.args, result=None if failed else died or words.result,
                    errno=_known_as(failed), size=words.size, data=words.data.hex())

    # ------------------------------------------------------------ 套接字

    def label(self, fd: Fd) -> str:
        owner = self.host.journal.sockets.get(fd.inode) if fd.inode else None
        if owner is None:
            return ""
        return owner.label if owner.host == self.host.name else f"{owner.title}的 {owner.label}"

    def adopt(self, inode: int) -> None:
        """从此记着它。"""
        if inode not in self.host.journal.sockets:
            self.host.journal.sockets[inode] = Owner(self.host.name, self.host.title, self.host.next_label())

    def hold(self, pid: int, t: int, end: int | None, args: list[Any], back: Returned) -> None:
        """Unix 域的：绑了名字、连上了才算数，先留着。别的（netlink）不记。"""
        if args[0] == "AF_UNIX" and back.fd:
            self.held[back.fd.inode] = [(pid, Call(t=t, end=end, host="", thread="", name="socket"), args, back)]

    def on_a_held_one(self, fd: Fd, pid: int, t: int, end: int | None, name: str, args: list[Any],
                      back: Returned | None) -> Call | None:
        held = self.held.get(fd.inode)
        if held is None or back is None:
            return None
        held.append((pid, Call(t=t, end=end, host="", thread="", name=name), args, back))
        if name in ("bind", "connect") and back.value == "0":
            del self.held[fd.inode]
            self.adopt(fd.inode)
            for who, call, its, returned_ in held:
                words, label = describe(call.name, its, returned_, self.label), "" if call.name == "socket" else self.label(fd)
                self.events.append(self.made(who, call.t, call.end, label, words, returned_))
        return None

    # ------------------------------------------------------------ 进程

    def newcomer(self, pid: int) -> Task:
        """第一次见到的线程：程序自己，或者正在返回的那次 clone 生下的。"""
        for parent, started in self.started.items():
            if started.text.startswith(BIRTHS):
                return self.child(parent, pid, started.text)
        return self.tasks.get(pid) or Task(pid, self.program)

    def child(self, parent: int, pid: int, text: str) -> Task:
        mother = self.tasks[parent]
        if "CLONE_THREAD" in text:
            return Task(mother.group, mother.program, mother.epolls)
        return Task(pid, mother.program, mother.epolls.copy())

    def born(self, pid: int, text: str, back: Returned) -> None:
        child = int(back.value) if back.value.isdigit() else 0
        if child and child not in self.tasks:
            self.tasks[child] = self.child(pid, child, text + back.args)

    def became(self, pid: int, text: str, back: Returned) -> None:
        """execve 成功了：换了程序，线程只剩这一个，epoll 也多半关上了。"""
        if back.value == "0":
            self.begun = True
            path = parse(text.partition("(")[2])[0]
            self.tasks[pid] = Task(pid, os.path.basename(path.data.decode(errors="replace")))

    def ended(self, line: Line) -> None:
        """``+++ exited with 0 +++``、``+++ killed by SIGKILL +++``。"""
        pid, words = line.pid, line.text.split()
        killer = words[3] if words[1] == "killed" else ""
        started = self.started.pop(pid, None)
        if started is not None:
            self.note(pid, started.t, started.text, line.t, Returned("", "?", None, "", killer, None))
        task = self.tasks.pop(pid)
        if task.group == pid and task.name:  # 内核替它关描述符，在它说要走之后、真的没了之前
            t = self.left.pop(pid, line.t) - self.shift
            self.events.append(Action(t=t, where=self.host.name, name="ended", detail=f"{task.name} {killer}".strip()))

    def name(self, pid: int) -> str:
        """轨迹里的名字：程序的名字；同一台主机上的第二个、第三个线程，后面加 #2、#3。"""
        task = self.tasks.get(pid) or self.newcomer(pid)
        self.tasks.setdefault(pid, task)
        if not task.name:
            taken = _taken.setdefault(self.host, Counter())
            taken[task.program] += 1
            task.name = task.program if taken[task.program] == 1 else f"{task.program} #{taken[task.program]}"
        return task.name

    def written(self) -> int:
        """strace 写了多少字节。"""
        return os.fstat(self.file).st_size if self.file >= 0 else 0

    def rests(self) -> bool:
        """程序的每个线程都睡着，strace 也没有话要说；一直忙着算的，过一会儿就不等它了。"""
        written = self.written()
        self.harvest()
        tracers = {tracer(pid) for pid in (self.pid, *self.tasks)} - {0}  # strace 没有话要说，写下的才是全部
        asleep = all(state(pid) in ASLEEP for pid in (*self.tasks, *tracers)) and (self.begun or state(self.pid) == "X")
        if asleep and self.written() == written:  # 看的时候没有再写：没有刚生下来、还不认得的孩子
            self.busy_since = 0.0
            return True
        self.busy_since = self.busy_since or time.monotonic()
        return time.monotonic() - self.busy_since > BUSY


_taken: WeakKeyDictionary[Host, Counter[str]] = WeakKeyDictionary()


def _known_as(errno: str | None) -> str | None:
    """一个数两个名字的，写手册里的那个，同 ``journal.error_name``。"""
    return "EOPNOTSUPP" if errno == "ENOTSUP" else errno
