"""日志：实验进行时，调用、包、状态、动作先记在这里，要看的时候再整理成 Trace。"""

from __future__ import annotations

import errno
import re
import socket
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sockscope.live.option_text import constants
from sockscope.trace import Action, Call, Queue, Ready, State

if TYPE_CHECKING:
    from sockscope.live.asleep import Sleep
    from sockscope.live.states import Flow

__all__ = ["Entry", "Journal", "Over", "Owner"]


NUMBERED = re.compile(r"Thread-\d+(?: \((.+)\))?|(ThreadPoolExecutor)-\d+_\d+")


class Over(SystemExit):
    """实验已经叫停，不许再做新的调用。不是 ``Exception``：捉住一切 ``OSError`` 再试一次的实验，也要停得下来。

    是 ``SystemExit``：事件循环、服务器的框架和线程都把它当作“程序该结束了”，不当作错误。
    """


class Owner(NamedTuple):
    """一个内核套接字属于谁：主机的名字、给人看的名字、套接字的编号、它的描述符，是不是别人写的程序的。"""

    host: str
    title: str
    label: str
    fd: int = -1
    foreign: bool = False


@dataclass(eq=False)
class Entry:
    """一次正在进行或已经返回的调用；``thread`` 是内核给那个线程的编号。不在某个内核套接字上的，``sock`` 为 None。

    对描述符直接做的（``os.read``）还有 ``fd``。
    select、poll、epoll 的一次等待还有 ``wait``；``empty`` 是它落了空，``repeats`` 是同样的等待接连落空的第几次。
    """

    call: Call
    sock: socket.socket | None = None
    timeout: bool = False
    thread: int = 0
    wait: Sleep | None = None
    empty: bool = False
    repeats: int = 0
    fd: int = -1

    @property
    def descriptor(self) -> int:
        """它作用的描述符；没有则为 -1。"""
        return self.sock.fileno() if self.sock is not None else self.fd


class Journal:
    """一次实验的日志。``now()`` 是从实验开始算起的纳秒；造日志的线程在轨迹里叫 ``main``。

    ``changed`` 在每次调用开始和返回时通知，``turns`` 数着这样的时刻；``sockets`` 记得每个套接字的 inode 属于谁，
    ``latest`` 记得每个线程最近的一次调用，``dismissed`` 是叫停以后已经从等待里请走的线程；
    ``unnamed`` 是 ``others`` 里还不知道属于哪个套接字的状态，``accepted`` 是别的程序 accept 来的：主机、对端的地址 → 编号。
    """

    def __init__(self) -> None:
        self.origin = time.monotonic_ns()
        self.changed = threading.Condition()
        self.turns = 0
        self.calls: list[Entry] = []
        self.others: list[State | Ready | Queue | Action] = []
        self.frozen = self.over = False
        self.sockets: dict[int, Owner] = {}
        self.latest: dict[int, Entry] = {}
        self.dismissed: set[int] = set()
        self.named: dict[str, str] = {}
        self.unnamed: list[tuple[int, Flow]] = []
        self.accepted: dict[tuple[str, tuple[str, int]], str] = {}
        self.main = threading.current_thread()

    def thread_name(self, thread: threading.Thread) -> str:
        """线程在轨迹里的名字。Python 起的（``Thread-7 (serve)``）里有整个进程的流水号，换成函数名，重名的从 2 数起。"""
        if not (numbered := NUMBERED.fullmatch(thread.name)):
            return thread.name
        if thread.name not in self.named:
            base = numbered[1] or numbered[2] or "thread"
            taken = sum(1 for name in self.named.values() if name.rstrip("0123456789") == base)
            self.named[thread.name] = f"{base}{taken + 1}" if taken else base
        return self.named[thread.name]

    def now(self) -> int:
        return time.monotonic_ns() - self.origin

    def begin(self, sock: socket.socket | None, host: str, label: str, name: str, args: str,
              timeout: bool = False, fd: int = -1) -> Entry:
        """一次调用开始了。实验已经叫停（``over``），就不再开始新的，抛 ``Over``；收拾用的 close 照做。"""
        if self.over and name != "close":
            raise Over
        thread = threading.current_thread()
        who = "main" if thread is self.main else self.thread_name(thread)
        call = Call(t=self.now(), host=host, thread=who, socket=label, name=name, args=args)
        entry = Entry(call, sock, timeout, threading.get_native_id(), fd=fd)
        with self.changed:
            self.turns += 1
            self.latest[entry.thread] = entry
            if not self.frozen:
                self.calls.append(entry)
            self.changed.notify_all()
        return entry

    def finish(self, entry: Entry, *, result: str | None = None, error: BaseException | None = None,
               data: bytes | None = None, size: int | None = None) -> None:
        """它返回了：带着结果，或带着错误。"""
        end = self.now()
        changes: dict[str, Any] = {"end": end, "result": result, "errno": error_name(error) if error else None}
        if data is not None:
            changes |= {"data": data[:256].hex(), "size": len(data) if size is None else size}
        with self.changed:
            self.turns += 1
            entry.sock = None  # 记录不留住套接字
            if not self.frozen:
                entry.call = replace(entry.call, **changes)
            self.changed.notify_all()

    def withdraw(self, entry: Entry) -> None:
        """这次调用不必记：收回。"""
        with self.changed:
            for place in range(len(self.calls) - 1, -1, -1):  # 多半就是最后一个
                if self.calls[place] is entry:
                    del self.calls[place]
                    break

    def note(self, event: State | Ready | Queue | Action) -> None:
        """记下一次状态改变、一次就绪，或实验者的一个动作。"""
        if not self.frozen:
            self.others.append(event)

    def note_state(self, state: State, flow: Flow) -> None:
        """记下一次状态改变；套接字是别的程序的，编号以后才知道。"""
        if not self.frozen:
            if not state.socket:
                self.unnamed.append((len(self.others), flow))
            self.others.append(state)

    def name_states(self) -> None:
        """别的程序的套接字有了编号：补在它的状态上。认的是 inode；来不及看见它的，凭对端的地址。"""
        left = []
        for place, flow in self.unnamed:
            state = self.others[place]
            owner = self.sockets.get(flow.inode)
            label = owner.label if owner else self.accepted.get((state.host if isinstance(state, State) else "", flow.peer))
            if label and isinstance(state, State):
                flow.label = label
                self.others[place] = replace(state, socket=label)
            else:
                left.append((place, flow))
        self.unnamed = left

    def freeze(self) -> None:
        """到此为止：之后发生的（收工时叫醒阻塞的线程、关掉套接字）不属于实验。"""
        with self.changed:
            self.frozen = True

    def open_calls(self) -> list[Entry]:
        """还没有返回的调用。"""
        return [e for e in self.calls if e.call.end is None]

    def waiting(self) -> str:
        """还在等的调用，写在错误里。"""
        return "还在等：" + ("、".join(told(e.call) for e in self.open_calls()) or "没有哪次调用")

    def last(self) -> str:
        """这个线程最后做的调用，写在错误里。"""
        mine = [e.call for e in self.calls if e.thread == threading.get_native_id()]
        return "在：" + (told(mine[-1]) if mine else "第一次调用之前")


def told(call: Call) -> str:
    """一次调用：谁做的，做的什么，报了什么错。"""
    return f"{call.host} {call.socket}.{call.name}({call.args})" + (f" → {call.errno}" if call.errno else "")


def error_name(error: BaseException) -> str:
    """异常的名字：内核给的 errno 用符号名，Python 的超时写 ``timeout``，其余用类名。"""
    if isinstance(error, socket.gaierror):
        return {int(number): name for name, number in constants("EAI_")}.get(error.errno or 0, str(error.errno))
    if type(error).__module__ == "ssl" and isinstance(error, OSError):  # 它的 errno 是 OpenSSL 的，不是内核的
        return str(getattr(error, "reason", None) or type(error).__name__)
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.EOPNOTSUPP:  # Linux 里与 ENOTSUP 是同一个数，手册写的是这个名字
            return "EOPNOTSUPP"
        return errno.errorcode.get(error.errno, str(error.errno))
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__
