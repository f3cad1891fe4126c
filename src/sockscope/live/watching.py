"""别的程序的 select、poll、epoll：看着哪些套接字，等到了哪些。写法同 ``waits.py``：``poll([s1 POLLIN], 500) → [s1 POLLIN]``。

epoll_wait 自己不说看着谁，那是先前一次次 epoll_ctl 登记的，所以要一路记着。
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sockscope.live.strace_text import Change, Fd, Returned, parse
from sockscope.live.syscalls import Label, Words, number

__all__ = ["WAITS", "Registered", "describe_wait"]

WAITS = ("select", "pselect6", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_pwait2")
SHOWN = 8  # 一次等待至多写出这么多个套接字


@dataclass
class Registered:
    """一个进程的 epoll：描述符 → 登记着的（看着的描述符 → 它、事件、程序给的记号）。"""

    lists: dict[int, dict[int, tuple[Fd, str, str]]] = field(default_factory=dict)

    def control(self, args: list[Any]) -> None:
        """一次成功的 epoll_ctl。"""
        place, what, target, *event = args
        if not (isinstance(place, Fd) and isinstance(target, Fd)):
            return
        watched = self.lists.setdefault(place.number, {})
        watched.pop(target.number, None)
        if what != "EPOLL_CTL_DEL" and event and isinstance(event[0], dict):
            watched[target.number] = target, str(event[0].get("events", "")), _mark(event[0])

    def closed(self, fd: int) -> None:
        """描述符关了：epoll 里登记的也没有了。"""
        self.lists.pop(fd, None)
        for watched in self.lists.values():
            watched.pop(fd, None)

    def copy(self) -> Registered:
        """fork 出来的子进程的那一份。"""
        return Registered({fd: dict(watched) for fd, watched in self.lists.items()})

    def watched(self, fd: int) -> dict[int, tuple[Fd, str, str]]:
        return self.lists.get(fd, {})


def _mark(event: dict[str, Any]) -> str:
    data = event.get("data")
    return str(data.get("u64", "")) if isinstance(data, dict) else str(data)


def describe_wait(name: str, args: list[Any], back: Returned | None, label: Label, epolls: Registered) -> Words | None:
    """一次等待的文字；看着的没有一个是记着的套接字，则为 None。"""
    more = parse(back.more) if back and back.more not in ("", "Timeout") else []
    if name.startswith("epoll"):
        return _epoll(args, label, epolls, returned=back is not None)
    return _poll(args, more, label, back) if "poll" in name else _select(args, more, label, back)


def _listed(items: Iterable[tuple[Fd, str]], label: Label) -> str:
    told = [f"{label(fd)} {words}".strip() for fd, words in items if label(fd)]
    return "[" + ", ".join(told[:SHOWN] + ([f"…… 共 {len(told)} 个"] if len(told) > SHOWN else [])) + "]"


def _seconds(value: Any) -> float | None:
    """时限，秒；没有则为 None。"""
    value = value.before if isinstance(value, Change) else value
    if isinstance(value, dict):
        return number(value.get("tv_sec", 0)) + number(value.get("tv_usec", 0)) / 1e6 + number(value.get("tv_nsec", 0)) / 1e9
    return None


def _poll(args: list[Any], more: list[Any], label: Label, back: Returned | None) -> Words | None:
    rows = [row for row in args[0] if isinstance(row, dict)] if args and isinstance(args[0], list) else []
    watched = {row["fd"].number: (row["fd"], str(row.get("events", ""))) for row in rows if isinstance(row.get("fd"), Fd)}
    if not any(label(fd) for fd, _ in watched.values()):
        return None
    limit = args[2] if len(args) > 2 else ""
    seconds = _seconds(limit) if isinstance(limit, dict) else None if number(limit) < 0 or not str(limit).isdigit() \
        else number(limit) / 1000
    ready = [row for row in more[0] if isinstance(row, dict)] if more and isinstance(more[0], list) else []
    found = [(watched[number(_digits(row.get("fd")))][0], str(row.get("revents", ""))) for row in ready
             if number(_digits(row.get("fd"))) in watched]
    return Words("poll", ", ".join([_listed(watched.values(), label)] + ([f"{seconds * 1000:g}"] if seconds is not None else [])),
                 _listed(found, label) if back else None)


def _digits(value: Any) -> Any:
    return value.number if isinstance(value, Fd) else value


def _select(args: list[Any], more: list[Any], label: Label, back: Returned | None) -> Words | None:
    sets = [[fd for fd in value if isinstance(fd, Fd)] if isinstance(value, list) else [] for value in args[1:4]]
    known = {fd.number: fd for fds in sets for fd in fds}
    if not any(label(fd) for fd in known.values()):
        return None
    ready = {kind: fds for kind, fds in zip(more[::2], more[1::2], strict=False) if isinstance(fds, list)}
    found = [[known[number(_digits(fd))] for fd in ready.get(kind, []) if number(_digits(fd)) in known]
             for kind in ("in", "out", "except")]
    seconds = _seconds(args[4]) if len(args) > 4 else None
    told = [_listed(((fd, "") for fd in fds), label) for fds in sets]
    return Words("select", ", ".join(told + ([f"{seconds:g}"] if seconds is not None else [])),
                 ", ".join(_listed(((fd, "") for fd in fds), label) for fds in found) if back else None)


def _epoll(args: list[Any], label: Label, epolls: Registered, *, returned: bool) -> Words | None:
    watched = epolls.watched(args[0].number) if args and isinstance(args[0], Fd) else {}
    if not any(label(fd) for fd, _, _ in watched.values()):
        return None
    rows = [row for row in args[1] if isinstance(row, dict)] if len(args) > 1 and isinstance(args[1], list) else []
    marks = {mark: fd for fd, _, mark in watched.values()}
    limit = args[3] if len(args) > 3 else ""
    seconds = _seconds(limit) if isinstance(limit, dict) else number(limit) / 1000 if str(limit).isdigit() else None
    asked = _listed(((fd, events) for fd, events, _ in watched.values()), label)
    found = [(marks[_mark(row)], str(row.get("events", ""))) for row in rows if _mark(row) in marks]
    return Words("epoll_wait", ", ".join([asked] + ([f"{round(seconds, 3):g}"] if seconds is not None else [])),
                 _listed(found, label) if returned else None)
