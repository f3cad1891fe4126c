"""一次调用的记录：进入时记开始，``done(...)`` 记结果，异常记 errno，出来时再看一眼内核的状态。"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sockscope.live.call_text import without_header

if TYPE_CHECKING:
    from sockscope.live.lives import Life

__all__ = ["record"]


class record:
    """``with record(sock, life, "send", "b'hi'") as done: ...; done(result="2")``。"""

    def __init__(self, sock: socket.socket, life: Life, name: str, args: str) -> None:
        self.sock, self.life, self.host = sock, life, life.host
        self.name, self.args = name, args

    def __enter__(self) -> Callable[..., None]:
        self.entry = self.host.journal.begin(
            self.sock, self.host.name, self.life.label, self.name, self.args,
            timeout=self.sock.fileno() >= 0 and self.sock.gettimeout() is not None)
        return self.done

    def done(self, **outcome: Any) -> None:
        """它返回了：``result``、``data``、``size``，同 ``Journal.finish``。"""
        if self.life.with_header and outcome.get("data"):
            outcome["result"] = without_header(outcome["result"], outcome["data"])
        self.host.journal.finish(self.entry, **outcome)

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if error is not None:
            self.done(error=error)
        self.host.watch.sample()
