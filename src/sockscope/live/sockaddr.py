"""套接字地址的真实字节：由 ctypes 按 C 的结构体排好，不是手写的表。

工作原理
--------
C 的 ``bind()``、``connect()`` 只认一段内存和它的长度。这里的四个结构体与 <netinet/in.h>、<sys/un.h> 逐字段
相同，偏移、填充和字节序都由编译器的规则（ctypes）决定。``encode`` 把人写的地址变成这段内存，``decode`` 读回去。
端口、流标签是网络字节序（大端），地址族、作用域是主机字节序：同一个结构体里两种都有。
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Any

__all__ = ["Field", "decode", "encode", "fields", "sockaddr", "sockaddr_in", "sockaddr_in6", "sockaddr_storage",
           "sockaddr_un", "structure_of"]

_u16be, _u32be = ctypes.c_uint16.__ctype_be__, ctypes.c_uint32.__ctype_be__


class sockaddr(ctypes.Structure):
    """通用的头：地址族，加 14 个字节（sockaddr(3type)）。"""

    _fields_ = [("sa_family", ctypes.c_uint16), ("sa_data", ctypes.c_ubyte * 14)]


class sockaddr_in(ctypes.Structure):
    """IPv4（ip(7)）。"""

    _fields_ = [("sin_family", ctypes.c_uint16), ("sin_port", _u16be), ("sin_addr", ctypes.c_ubyte * 4),
                ("sin_zero", ctypes.c_ubyte * 8)]


class sockaddr_in6(ctypes.Structure):
    """IPv6（ipv6(7)）。"""

    _fields_ = [("sin6_family", ctypes.c_uint16), ("sin6_port", _u16be), ("sin6_flowinfo", _u32be),
                ("sin6_addr", ctypes.c_ubyte * 16), ("sin6_scope_id", ctypes.c_uint32)]


class sockaddr_un(ctypes.Structure):
    """Unix 域（unix(7)）。"""

    _fields_ = [("sun_family", ctypes.c_uint16), ("sun_path", ctypes.c_ubyte * 108)]


class sockaddr_storage(ctypes.Structure):
    """放得下任何一种地址，而且对齐（<bits/socket.h>）。"""

    _fields_ = [("ss_family", ctypes.c_uint16),
                ("ss_padding", ctypes.c_ubyte * (128 - 2 - ctypes.sizeof(ctypes.c_size_t))),
                ("ss_align", ctypes.c_size_t)]


AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10  # Linux 的数（<bits/socket.h>）：在哪里排，排出来的都是 Linux 的结构体
NAMES = {AF_UNIX: "AF_UNIX", AF_INET: "AF_INET", AF_INET6: "AF_INET6"}
STRUCTURES = {AF_INET: sockaddr_in, AF_INET6: sockaddr_in6, AF_UNIX: sockaddr_un}
PATH = sockaddr_un.sun_path.offset
HEX = re.compile(r"(0x)?[0-9a-f]{2}(\s*[0-9a-f]{2})+", re.IGNORECASE)
HOST = "主机字节序（小端）" if sys.byteorder == "little" else "主机字节序（大端）"
NETWORK, BYTES = "网络字节序（大端）", "逐字节"


@dataclass(frozen=True)
class Field:
    """结构体的一个字段：名字、偏移、它的字节、值的文字、字节序。"""

    name: str
    offset: int
    raw: bytes
    value: str
    order: str = BYTES


# ---------------------------------------------------------------- 人写的地址 → 字节

def encode(text: str) -> bytes:
    """``10.0.0.2:7007``、``[fd00::2%1]:7007``、``/tmp/x.sock``、``@abstract`` 或十六进制 → 交给内核的那段内存。

    长度就是 ``bind()`` 的第三个参数。看不懂则抛 ``ValueError``，消息是一句中文。
    """
    text = text.strip()
    if HEX.fullmatch(text):
        return bytes.fromhex(re.sub(r"^0x|\s", "", text, flags=re.IGNORECASE))
    if text == "" or text[0] in "/.@":
        return _encode_path(text)
    host, port = _split(text)
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"端口要在 0 到 65535 之间，不能是 {port!r}。")
    return _encode_ip(host, int(port))


def _split(text: str) -> tuple[str, str]:
    """``地址:端口``；IPv6 地址带方括号，没有写端口就是 0。"""
    if found := re.fullmatch(r"\[(.+)\](?::(.*))?", text) or re.fullmatch(r"([^:]+)(?::(.*))?", text):
        return found[1], found[2] or "0"
    return text, "0"


def _encode_ip(host: str, port: int) -> bytes:
    name, _, scope = host.partition("%")
    try:
        address = ip_address(name)
    except ValueError:
        raise ValueError(f"{host!r} 不是 IP 地址。写成 10.0.0.2:7007、[fd00::2]:7007、/路径 或 @抽象名字。") from None
    if isinstance(address, IPv4Address):
        return bytes(sockaddr_in(AF_INET, port, tuple(address.packed)))
    if scope and not scope.isdigit():
        raise ValueError(f"作用域要写成网口的序号（数字），不能是 {scope!r}。")
    return bytes(sockaddr_in6(AF_INET6, port, 0, tuple(address.packed), int(scope or 0)))


def _encode_path(text: str) -> bytes:
    """路径以 NUL 结尾；``@`` 开头的是抽象名字，换成一个 NUL，后面不再补。"""
    name = text.encode()
    name = b"\0" + name[1:] if text.startswith("@") else name + b"\0" if text else b""
    if len(name) > 108:
        raise ValueError(f"sun_path 只有 108 个字节，而这个名字连同 NUL 有 {len(name)} 个。")
    return bytes(sockaddr_un(AF_UNIX, tuple(name)))[:PATH + len(name)]


# ---------------------------------------------------------------- 字节 → 字段

def structure_of(raw: bytes) -> type[ctypes.Structure]:
    """看开头两个字节的地址族，认出是哪种结构体；认不出抛 ``ValueError``。"""
    if len(raw) < 2:
        raise ValueError("连地址族都放不下：至少要两个字节。")
    family = struct.unpack_from("=H", raw)[0]
    if family not in STRUCTURES:
        raise ValueError(f"地址族 {family} 不是 AF_UNIX（1）、AF_INET（2）或 AF_INET6（10）。")
    wanted = STRUCTURES[family]
    if family != AF_UNIX and len(raw) < ctypes.sizeof(wanted):
        raise ValueError(f"struct {wanted.__name__} 有 {ctypes.sizeof(wanted)} 个字节，这里只有 {len(raw)} 个。")
    if len(raw) > ctypes.sizeof(wanted):
        raise ValueError(f"struct {wanted.__name__} 只有 {ctypes.sizeof(wanted)} 个字节，这里有 {len(raw)} 个。")
    return wanted


def fields(raw: bytes) -> list[Field]:
    """这段内存里的每个字段。Unix 域地址只算到给出的长度为止。"""
    wanted = structure_of(raw)
    padded = wanted.from_buffer_copy(raw.ljust(ctypes.sizeof(wanted), b"\0"))
    found = []
    for name, kind, *_ in wanted._fields_:
        place = getattr(wanted, name).offset
        piece = raw[place:place + ctypes.sizeof(kind)]
        found.append(Field(name, place, piece, _value(name, getattr(padded, name), piece), _order(kind)))
    return [f for f in found if f.raw]


def _order(kind: type) -> str:
    if issubclass(kind, ctypes.Array):
        return BYTES
    return NETWORK if kind in (_u16be, _u32be) else HOST


def _value(name: str, value: Any, raw: bytes) -> str:
    if name.endswith("family"):
        return NAMES[value]
    if name == "sun_path":
        return _path(raw)
    if name.endswith("addr"):
        return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
    return "填充" if name.endswith("zero") else str(value)


def _path(raw: bytes) -> str:
    if not raw.startswith(b"\0"):
        return raw.partition(b"\0")[0].decode(errors="replace")
    return "抽象名字 " + raw[1:].decode(errors="replace")


def decode(raw: bytes) -> str:
    """字节 → 人写的地址，与 ``encode`` 互逆。不是地址则抛 ``ValueError``。"""
    value = {f.name.partition("_")[2]: f for f in fields(raw)}
    if structure_of(raw) is sockaddr_un:
        name = value["path"].raw if "path" in value else b""
        return "@" + name[1:].decode(errors="replace") if name.startswith(b"\0") else _path(name) if name else ""
    host, port = value["addr"].value, value["port"].value
    if structure_of(raw) is sockaddr_in:
        return f"{host}:{port}"
    scope = value["scope_id"].value
    return f"[{host}{'' if scope == '0' else '%' + scope}]:{port}"
