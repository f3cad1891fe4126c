"""叫学生的函数时给的参数：普通值之外，还可以是“请在那边现做”的套接字和路径。"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

__all__ = ["PORT", "Made", "Path", "accepted", "connected", "datagram", "freeze", "listening"]

PORT = 7007


@dataclass(frozen=True)
class Made:
    """请在学生的进程里现做一个套接字，当作参数。"""

    recipe: dict[str, Any]
    text: str

    def __repr__(self) -> str:
        return self.text


def _made(text: str, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, **recipe: Any) -> Made:
    steps = {name: freeze(value) if name in ("bind", "connect") else value for name, value in recipe.items()}
    return Made({"socket": {"family": int(family), "type": int(type), **steps}}, text)


def connected(address: Any, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM) -> Made:
    """连好了的套接字：考官先要在 ``address`` 上听着。"""
    return _made("sock", family, type, connect=address)


def listening(address: Any, backlog: int = 8, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM) -> Made:
    """听着的套接字：``call`` 返回之后就连得上。"""
    return _made("listener", family, type, bind=address, listen=backlog)


def accepted(address: Any, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM) -> Made:
    """接住的第一个连接：``call`` 返回之后考官去连，函数才开始。"""
    return _made("conn", family, type, bind=address, listen=1, accept=True)


def datagram(bind: Any = None, connect: Any = None, family: int = socket.AF_INET) -> Made:
    """数据报套接字；``bind``、``connect`` 可以都给、只给一个，或都不给。"""
    given = {name: value for name, value in (("bind", bind), ("connect", connect)) if value is not None}
    return _made("sock", family, socket.SOCK_DGRAM, **given)


@dataclass(frozen=True)
class Path:
    """考场文件夹里的一个名字；学生的函数得到它在那边的完整路径。"""

    name: str

    @property
    def recipe(self) -> dict[str, Any]:
        return {"path": self.name}

    def __repr__(self) -> str:
        return repr(f"…/{self.name}")


def freeze(value: Any) -> dict[str, Any]:
    """一个参数写成任务里的样子。"""
    if isinstance(value, (Made, Path)):
        return value.recipe
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [freeze(v) for v in value]}
    return {"value": value}
