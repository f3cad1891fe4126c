"""把一次调用的参数和结果写成人话：图里、文字里看到的就是这些字。"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable
from typing import Any

from sockscope.live.ancillary import control_text
from sockscope.live.folder import PREFIX
from sockscope.live.option_text import constants, structured
from sockscope.live.rights import credentials_text, is_credentials, is_rights, rights_text

__all__ = ["arguments", "error_text", "flag_names", "how", "item_text", "kind_text", "nothing", "option_value", "plain",
           "received", "send_to", "sent", "show", "with_flags", "without_header"]

SHOWN = 24  # 图里一次调用最多显示的字节数
SO_ERROR = (socket.SOL_SOCKET, socket.SO_ERROR)
_OURS = re.compile(rf"^/.*{PREFIX}[a-z0-9_]{{8}}/")  # mkdtemp() 起的名字


def show(value: Any) -> str:
    """一个参数或结果的文字。长字节串只显示开头和总长。"""
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        if len(data) <= SHOWN:
            return repr(data)
        return f"{data[:SHOWN // 2]!r}…（{len(data)} 字节）"
    if isinstance(value, list):
        return "[" + ", ".join(show(v) for v in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(show(v) for v in value) + ")"
    if isinstance(value, str) and PREFIX in value:
        return repr(_OURS.sub("", value))
    return repr(value)


def kind_text(family: int, type: int, proto: int) -> str:
    """``socket()`` 的三个参数；协议为 0 就省去。"""
    names = [getattr(family, "name", str(family)), getattr(type, "name", str(type))]
    known = {number: name for name, number in constants("IPPROTO_")}
    return ", ".join(names + ([known.get(int(proto), str(int(proto)))] if proto else []))


def option_value(level: int, option: int, value: Any) -> str:
    """读到的选项：错误号写成名字，对端的身份拆成三个字段。"""
    if (level, option) == SO_ERROR:
        return error_text(value)
    if is_credentials(level, option, value):
        return credentials_text(value)
    return structured(level, option, value) or show(value)


def error_text(value: int) -> str:
    """当作结果返回的错误号：``111`` → ``ECONNREFUSED``；0 是没有错误。"""
    return errno.errorcode.get(value, str(value))


def flag_names(flags: int) -> str:
    """``0x41`` → ``MSG_OOB|MSG_DONTWAIT``；不认识的位写成十六进制。"""
    names, rest = [], int(flags)
    for name, bit in (*constants("MSG_"), ("MSG_ZEROCOPY", 0x4000000)):  # Python 的 socket 模块没有收后一个
        if bit and rest & bit == bit:
            names.append(name)
            rest &= ~bit
    return "|".join(names + ([hex(rest)] if rest else []))


def item_text(item: Any, names: dict[int, str]) -> str:
    """一条辅助数据；不成样子的原样写出，内核（或 Python）会拒绝它。"""
    try:
        return rights_text(item[2], names) if is_rights(*item[:2]) else control_text(*item) or show(item)
    except (TypeError, ValueError, IndexError):
        return show(item)


def without_header(result: str, data: bytes) -> str:
    """IPv4 的原始套接字连 IP 首部一起收到，其中的标识字段是随机的：首部照录在 ``data`` 里，结果只说有它。"""
    return result.replace(show(data), f"IP 首部 + {show(data[4 * (data[0] & 0x0F):])}")


# ---------------------------------------------------------------- 参数

def arguments(*values: Any, flags: int = 0) -> str:
    """参数列表的文字；``flags`` 写成 MSG_ 名字，为 0 就省去。"""
    return ", ".join([show(v) for v in values] + ([flag_names(flags)] if flags else []))


def with_flags(count: int) -> Callable[..., str]:
    """前 ``count`` 个参数，然后是 ``flags``。"""
    def describe(*args: Any, flags: int = 0, **_: Any) -> str:
        rest = list(args[count:])
        if rest and isinstance(rest[0], int) and not isinstance(rest[0], bool):
            flags, rest = rest[0], rest[1:]
        return arguments(*args[:count], *rest, flags=flags)
    return describe


def send_to(data: Any, *rest: Any) -> str:
    """``sendto`` 的参数：flags 夹在中间。"""
    return arguments(data, rest[-1], flags=rest[0] if len(rest) > 1 else 0)


def plain(*args: Any, **_: Any) -> str:
    """照写。"""
    return arguments(*args)


def how(how: int) -> str:
    """``shutdown`` 的方向。"""
    return ("SHUT_RD", "SHUT_WR", "SHUT_RDWR")[how] if how in (0, 1, 2) else str(how)


# ---------------------------------------------------------------- 结果

def sent(value: int | None, args: tuple[Any, ...]) -> dict[str, Any]:
    """发出的字节：``send`` 的返回值说明内核收下了多少。"""
    data = b"".join(bytes(b) for b in args[0]) if isinstance(args[0], (list, tuple)) else bytes(args[0])
    return {"result": None if value is None else str(value), "data": data if value is None else data[:value]}


def received(value: Any, _args: Any) -> dict[str, Any]:
    """收到的字节：``recv`` 返回它本身，``recvfrom`` 返回以它开头的元组。"""
    if isinstance(value, bytes):
        return {"result": show(value), "data": value}
    data, *rest = value
    return {"result": ", ".join(show(v) for v in (data, *rest)), "data": data}


def nothing(_value: Any, _args: Any) -> dict[str, Any]:
    """没有什么可记。"""
    return {}
