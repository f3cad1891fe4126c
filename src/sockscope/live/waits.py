"""等待也是调用：select、poll、epoll 看着主机的套接字时，记下它看着谁、等到了什么。

工作原理
--------
这三个函数是 C 写的，不经过套接字的方法，所以网络开着时，换上 ``select`` 模块里的三个名字，和先前已经取走它们的地方
（``selectors`` 的类，别人模块里的 ``from select import select``），见 ``hooks.py``。
读者自己的 ``__main__`` 不动：在那里取走的就是取走了，不进轨迹，但内核仍说得出线程睡在里面（``asleep.py``）。

换上的东西先看看着的描述符：哪一个都不是主机的，就直接交给原来的函数；不是主机的那些（asyncio 自己的管道）不写进去。
实验叫停（网络关闭、出了错）以后，等待里的线程被叫醒，从等待里出来的是 ``Over``，事件循环就此收场；它收拾自己时还会问一声
“有没有”（时限为 0），照答，只是不再说起主机的套接字：它们全都挂断了，说起来没完。
"""

from __future__ import annotations

import re
import select
import selectors
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from sockscope.live import hooks
from sockscope.live.asleep import Sleep, socket_inode
from sockscope.live.journal import Over
from sockscope.live.pace import patience

if TYPE_CHECKING:
    from sockscope.live.network import Network

__all__ = ["REAL"]

LIMIT = 10.0  # 等大家静下来最多等这么久（quiet.PATIENCE）：时限比它还长的等待，与没有时限一样，秒
SHOWN = 8  # 一次等待至多写出这么多个套接字
NAMES = ("select", "poll", "epoll")
REAL = {name: getattr(select, name) for name in NAMES if hasattr(select, name)}
TICKS = ("socketserver", "serve_forever")  # 时限只为看一眼要不要收工，醒来什么也不做
GLANCE = ("asyncio.base_events", "_run_once")  # 手上还有活，顺便看一眼；没有看到什么的不记


class Watched(NamedTuple):
    """看着的一个描述符：等什么（写在轨迹里的字），poll 的事件。"""

    fd: int
    words: str
    mask: int


class Mine(NamedTuple):
    """它是哪个网络、哪台主机的套接字。"""

    network: Network
    host: str
    title: str
    label: str


def flags(mask: int, prefix: str) -> str:
    """``0x5`` → ``EPOLLIN|EPOLLOUT``；不认识的位写成十六进制。"""
    found = []
    for name in ("IN", "PRI", "OUT", "ERR", "HUP", "NVAL", "RDHUP", "RDNORM", "RDBAND", "WRNORM", "WRBAND", "MSG",
                 "EXCLUSIVE", "WAKEUP", "ONESHOT", "ET"):
        bit = getattr(select, prefix + name, 0) & 0xFFFFFFFF
        if bit and mask & bit == bit:
            found.append(prefix + name)
            mask &= ~bit
    return "|".join([*found, hex(mask)] if mask or not found else found) if mask or found else "0"


def _owner(fd: int) -> Mine | None:
    number = socket_inode(fd)
    if number is None:
        return None
    for network in hooks.opened():
        if network.waits and (found := network.journal.sockets.get(number)):
            return Mine(network, found.host, found.title, found.label)
    return None


# ---------------------------------------------------------------- 一次等待

class _Wait:
    """一次等待：它看着的、属于主机的套接字，和它怎样写。"""

    def __init__(self, name: str, watched: Iterable[Watched], seconds: float | None, polled: list[tuple[int, int]]) -> None:
        self.name, self.seconds = name, seconds
        self.watched = list(watched)
        self.polled = polled
        owners = {item.fd: _owner(item.fd) for item in self.watched}
        self.mine = {fd: mine for fd, mine in owners.items() if mine}

    def run(self, args: Callable[[_Wait], str], real: Callable[[], Any], result: Callable[[_Wait, Any], str],
            without: Callable[[_Wait, Any], Any]) -> Any:
        if not self.mine:
            return real()
        first = next(iter(self.mine.values()))
        journal = first.network.journal
        if journal.frozen:
            return self._farewell(journal.dismissed, real, without)
        before = journal.latest.get(threading.get_native_id())
        entry = journal.begin(None, first.host, "", self.name, args(self))
        entry.repeats = before.repeats + 1 if before and before.empty and before.call.args == entry.call.args else 0
        entry.wait = Sleep(self.polled, self.seconds is None or self.seconds >= patience(LIMIT) or _called_by(TICKS))
        try:
            value = real()
        except BaseException as error:
            journal.finish(entry, error=error)
            raise
        if journal.frozen:
            return self._farewell(journal.dismissed, real, without)
        told = result(self, value)
        entry.empty = not re.search(r"s\d", told)
        journal.finish(entry, result=told)
        if entry.empty and self.seconds == 0 and _called_by(GLANCE):
            journal.withdraw(entry)
        first.network.hosts[first.host].watch.sample()
        return value

    def _farewell(self, dismissed: set[int], real: Callable[[], Any], without: Callable[[_Wait, Any], Any]) -> Any:
        """实验已经叫停：每个线程第一次回到等待，就叫它走；以后只答不用等的，而且不说起主机的套接字。"""
        thread = threading.get_native_id()
        if thread not in dismissed or self.seconds != 0:
            dismissed.add(thread)
            _hush()
            raise Over
        return without(self, real())

    def label(self, fd: int) -> str:
        """套接字的编号；几台主机的一起等时，别的主机的还要写主机名。"""
        mine, first = self.mine[fd], next(iter(self.mine.values()))
        return mine.label if mine.host == first.host else f"{mine.title}的 {mine.label}"

    def listed(self, items: Iterable[tuple[int, str]]) -> str:
        told = [f"{self.label(fd)} {words}".strip() for fd, words in items if fd in self.mine]
        more = [f"…… 共 {len(told)} 个"] if len(told) > SHOWN else []
        return "[" + ", ".join(told[:SHOWN] + more) + "]"


def _called_by(function: tuple[str, str]) -> bool:
    """等待的是不是标准库里的这个函数：``(模块, 函数)``；中间至多隔着 ``selectors`` 的一层。"""
    frame = sys._getframe(3)
    for _ in range(3):
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == function:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def _hush() -> None:
    """asyncio 的循环就此收场：它取消任务时抱怨的，不是读者的程序的错。"""
    events = sys.modules.get("asyncio.events")
    loop = events._get_running_loop() if events else None
    if loop is not None:
        loop.set_exception_handler(lambda _loop, _context: None)


# ---------------------------------------------------------------- 换上的三样

class _Select:
    """``select.select``。做成对象：它也会是 ``selectors`` 里一个类的属性，函数在那里会变成方法。"""

    __name__, __doc__ = "select", REAL["select"].__doc__

    def __call__(self, rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /) -> Any:
        try:
            sets = [[(_fileno(item), item) for item in items] for items in (rlist, wlist, xlist)]
        except (TypeError, ValueError):
            return REAL["select"](rlist, wlist, xlist, timeout)  # 不对的参数，由原来的函数去说
        asked = [[item for _, item in pairs] for pairs in sets]
        masks: dict[int, int] = {}
        for pairs, mask in zip(sets, (1, 4, 2), strict=True):
            for fd, _ in pairs:
                masks[fd] = masks.get(fd, 0) | mask
        wait = _Wait("select", [Watched(fd, "", mask) for fd, mask in masks.items()], timeout, list(masks.items()))
        return wait.run(lambda w: _three(w, [[fd for fd, _ in pairs] for pairs in sets], timeout),
                        lambda: _selected(wait, asked, timeout),
                        lambda w, value: _three(w, [map(_fileno, items) for items in value]),
                        lambda w, value: tuple([i for i in items if _fileno(i) not in w.mine] for items in value))


def _selected(wait: _Wait, asked: list[list[Any]], timeout: float | None) -> Any:
    """真的 select；只等“异常”的叫不醒：shutdown(2) 不是异常。另加一个收工时会响的铃。"""
    if asked[0] or asked[1] or not wait.mine:
        return REAL["select"](*asked, timeout)
    bell = next(iter(wait.mine.values())).network.bell()
    _, writable, strange = REAL["select"]([bell] if bell >= 0 else [], [], asked[2], timeout)
    return [], writable, strange


def _three(wait: _Wait, sets: Iterable[Iterable[int]], timeout: float | None = None) -> str:
    words = [wait.listed((fd, "") for fd in fds) for fds in sets]
    return ", ".join(words + ([f"{timeout:g}"] if timeout is not None else []))


def _fileno(item: Any) -> int:
    if isinstance(item, int):
        return item
    number = item.fileno() if hasattr(item, "fileno") else None
    if not isinstance(number, int):
        raise TypeError
    return number


class _Registered:
    """poll 与 epoll 共有的：登记着谁、等什么。"""

    name, prefix = "", ""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._masks: dict[int, tuple[int, int | None]] = {}

    def register(self, fd: Any, *mask: Any, **named: Any) -> None:
        self._real.register(fd, *mask, **named)
        self._note(fd, *mask, **named)

    def modify(self, fd: Any, *mask: Any, **named: Any) -> None:
        self._real.modify(fd, *mask, **named)
        self._note(fd, *mask, **named)

    def unregister(self, fd: Any) -> None:
        self._masks.pop(_fileno(fd), None)
        self._real.unregister(fd)

    def _note(self, fd: Any, eventmask: int = 1 | 2 | 4) -> None:
        self._masks[_fileno(fd)] = eventmask & 0xFFFFFFFF, socket_inode(_fileno(fd))

    def _wait(self, seconds: float | None, shown: str, polled: list[tuple[int, int]], real: Callable[[], Any]) -> Any:
        watched = [Watched(fd, flags(mask, self.prefix), mask) for fd, (mask, number) in list(self._masks.items())
                   if number is not None and socket_inode(fd) == number]  # 关了的描述符，号码会给别人用
        wait = _Wait(self.name, watched, seconds, polled)
        return wait.run(lambda w: ", ".join([w.listed((i.fd, i.words) for i in watched)] + ([shown] if shown else [])),
                        real, lambda w, value: w.listed((fd, flags(mask, self.prefix)) for fd, mask in value),
                        lambda w, value: [pair for pair in value if pair[0] not in w.mine])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)


class _Poll(_Registered):
    """``select.poll()`` 交出的对象。"""

    name, prefix = "poll", "POLL"

    def __init__(self) -> None:
        super().__init__(REAL["poll"]())

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        endless = timeout is None or timeout < 0
        polled = [(fd, mask) for fd, (mask, _) in self._masks.items()]
        found: list[tuple[int, int]] = self._wait(
            None if endless else timeout / 1000, "" if endless else f"{timeout:g}", polled,  # type: ignore[operator]
            lambda: self._real.poll(timeout))
        return found


class _Epoll(_Registered):
    """``select.epoll``。"""

    name, prefix = "epoll_wait", "EPOLL"

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        super().__init__(REAL["epoll"](sizehint, flags))

    @classmethod
    def fromfd(cls, fd: int) -> Any:
        return REAL["epoll"].fromfd(fd)

    def __enter__(self) -> _Epoll:
        self._real.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._real.__exit__(*error)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        endless = timeout is None or timeout < 0
        polled = [] if self._real.closed else [(self._real.fileno(), select.EPOLLIN)]
        found: list[tuple[int, int]] = self._wait(
            None if endless else timeout, "" if endless else f"{round(timeout, 3):g}", polled,  # type: ignore[arg-type]
            lambda: self._real.poll(timeout, maxevents))
        return found


OURS: dict[str, Any] = {"select": _Select(), "poll": _Poll, "epoll": _Epoll}


# ---------------------------------------------------------------- 换上

for _name, _real in REAL.items():
    hooks.everywhere(_real, OURS[_name], main=False)
for _kind, _attribute, _name in (("SelectSelector", "_select", "select"), ("PollSelector", "_selector_cls", "poll"),
                                 ("EpollSelector", "_selector_cls", "epoll")):
    if hasattr(getattr(selectors, _kind, None), _attribute):
        hooks.attribute(getattr(selectors, _kind), _attribute, OURS[_name])
