"""一次系统调用写成轨迹里的话，与 ``TracedSocket`` 记自己的调用同样的写法：``recv(1024) → b'hello'``。

名字用手册的：libc 的 send() 在内核里是 sendto()，没有地址的就写回 send；accept4、pselect6 一类写成 accept、select。
参数来自 ``strace_text.parse``。写到一半的（还阻塞着），还不知道的参数就不写。
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sockscope.live.folder import PREFIX
from sockscope.live.option_text import WORDS, option_name, pieces
from sockscope.live.strace_text import Bytes, Change, Fd, Made, Returned

__all__ = ["CALLS", "Words", "describe", "endpoint", "without_header"]

OURS = re.compile(rf"^/.*{PREFIX}[a-z0-9_]{{8}}/")  # 仪器的临时文件夹，每次不同名，轨迹里不写
SHOWN = 24  # 图里一次调用最多显示的字节数，同 TracedSocket
KEPT = 256
SCM = {"SO_TIMESTAMP": "SCM_TIMESTAMP", "SO_TIMESTAMPNS": "SCM_TIMESTAMPNS", "SO_TIMESTAMPING": "SCM_TIMESTAMPING",
       "SCM_TIMESTAMPING": "SCM_TIMESTAMPING", "SCM_CREDENTIALS": "SCM_CREDENTIALS"}
Label = Callable[[Fd], str]


@dataclass
class Words:
    """一次调用的文字；``size`` 是搬动的字节数，``data`` 是开头的那些字节。"""

    name: str
    args: str = ""
    result: str | None = None
    size: int | None = None
    data: bytes = b""


@dataclass(frozen=True)
class Asked:
    """要写的一次调用：参数、返回（还没有则为 None）、怎样称呼一个描述符。"""

    name: str
    args: list[Any]
    back: Returned | None
    label: Label

    def arg(self, place: int) -> Any:
        return self.args[place] if place < len(self.args) else ""

    @property
    def count(self) -> int | None:
        """返回的数目；失败了，或还没有返回，则为 None。"""
        return int(self.back.value) if self.back and self.back.value.isdigit() else None

    def flags(self, place: int) -> list[str]:
        return [str(self.arg(place))] if self.arg(place) not in ("", "0") else []


def describe(name: str, args: list[Any], back: Returned | None, label: Label) -> Words:
    return CALLS[name](Asked(name, args, back, label))


# ---------------------------------------------------------------- 值

def number(value: Any) -> int:
    try:
        return int(str(value), 0)
    except ValueError:
        return 0


def data_text(data: bytes, size: int) -> str:
    """一串字节：长的只显示开头和总长，同 ``socket.show``。"""
    return repr(data[:size]) if size <= SHOWN else f"{data[:SHOWN // 2]!r}…（{size} 字节）"


def bytes_of(value: Any) -> bytes:
    return value.data if isinstance(value, Bytes) else b""


def address(value: Any) -> str:
    """``struct sockaddr`` 写成 Python 的地址；没有则为空串。"""
    value = value.after if isinstance(value, Change) else value
    match value:
        case {"sa_family": "AF_INET", "sin_port": Made(_, [port]), "sin_addr": Made(_, [Bytes(host)])}:
            return repr((host.decode(), number(port)))
        case {"sa_family": "AF_INET6", "sin6_port": Made(_, [port]), "inet_pton": Made(_, [_, Bytes(host), *_])}:
            flow = value.get("sin6_flowinfo")
            return repr((host.decode(), number(port), number(flow.args[0]) if isinstance(flow, Made) else 0,
                         number(value.get("sin6_scope_id", 0))))
        case {"sa_family": "AF_UNIX", "sun_path": Bytes(path, _, abstract)}:
            return repr(b"\0" + path) if abstract else repr(OURS.sub("", path.decode(errors="surrogateescape")))
        case {"sa_family": "AF_UNIX"}:
            return "''"
        case {"sa_family": family}:
            return str(family)
    return ""


def endpoint(value: Any) -> tuple[str, int] | None:
    """``struct sockaddr`` 里的地址和端口，IPv4 的写成 IPv4 的；不是 IP 地址则为 None。"""
    match value.after if isinstance(value, Change) else value:
        case {"sin_port": Made(_, [port]), "sin_addr": Made(_, [Bytes(host)])}:
            return host.decode(), number(port)
        case {"sin6_port": Made(_, [port]), "inet_pton": Made(_, [_, Bytes(host), *_])}:
            return host.decode().removeprefix("::ffff:"), number(port)
    return None


def plain(value: Any) -> str:
    """别的值：照 C 的样子写。"""
    match value:
        case Bytes(data, whole):
            return repr(data) + ("" if whole else "…")
        case Change(_, after):
            return plain(after)
        case Fd(name=name):
            return repr(name)
        case Made(name, args):
            return f"{name}({', '.join(map(plain, args))})"
        case dict():
            return "{" + ", ".join(f"{key}={plain(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(plain, value)) + "]"
    return str(value)


def without_header(words: Words) -> Words:
    """IPv4 的原始套接字连 IP 首部一起收到，其中的标识字段是随机的：结果里只说有它，同 ``TracedSocket``。"""
    if words.data and words.result is not None and words.name.startswith(("recv", "read")):
        head, size = 4 * (words.data[0] & 0x0F), words.size or 0
        words.result = words.result.replace(data_text(words.data, size), f"IP 首部 + {data_text(words.data[head:], size - head)}")
    return words


# ---------------------------------------------------------------- 生与死

def _socket(asked: Asked) -> Words:
    protocol = str(asked.arg(2))
    args = [str(asked.arg(0)), str(asked.arg(1))] + ([protocol] if protocol not in ("", "0", "IPPROTO_IP") else [])
    return Words("socket", ", ".join(args), _fresh(asked))


def _fresh(asked: Asked) -> str | None:
    """返回的描述符：它的编号。"""
    return asked.label(asked.back.fd) if asked.back and asked.back.fd else None


def _accept(asked: Asked) -> Words:
    told = [_fresh(asked) or "", address(asked.arg(1))]
    return Words("accept", ", ".join(asked.flags(3)), ", ".join(filter(None, told)) or None)


def _address(asked: Asked) -> Words:
    return Words(asked.name, address(asked.arg(1)))


def _name(asked: Asked) -> Words:
    return Words(asked.name, "", address(asked.arg(1)) if asked.count is not None else None)


def _second(asked: Asked) -> Words:
    return Words(asked.name, str(asked.arg(1)))


def _bare(asked: Asked) -> Words:
    return Words(asked.name)


def _dup(asked: Asked) -> Words:
    return Words("dup", "", _fresh(asked))


def _fcntl(asked: Asked) -> Words:
    if str(asked.arg(1)).startswith("F_DUPFD"):
        return _dup(asked)
    return Words("fcntl", ", ".join(plain(a) for a in asked.args[1:]))


def _ioctl(asked: Asked) -> Words:
    value = asked.arg(2)
    return Words("ioctl", f"{asked.arg(1)}, {plain(value[0] if isinstance(value, list) and value else value)}")


# ---------------------------------------------------------------- 收发

def _moved(words: Words, asked: Asked, data: bytes, *, back: bool) -> Words:
    """搬动的字节：``back`` 为真是收到的，写在结果里；否则是发出的，结果是个数。"""
    if (count := asked.count) is not None:
        words.size, words.data = count, data[:min(count, KEPT)]
        if not back:
            words.result = str(count)
        elif words.result is None:
            words.result = data_text(data, count)
    return words


def _send(asked: Asked) -> Words:
    data, size = bytes_of(asked.arg(1)), number(asked.arg(2))
    target = address(asked.arg(4))
    name = "sendto" if target else "send" if asked.name == "sendto" else asked.name
    args = [data_text(data, size), *asked.flags(3), *([target] if target else [])]
    return _moved(Words(name, ", ".join(args)), asked, data, back=False)


def _receive(asked: Asked) -> Words:
    data, source = bytes_of(asked.arg(1)), address(asked.arg(4))
    name = "recvfrom" if source else "recv" if asked.name == "recvfrom" else asked.name
    size = [] if asked.arg(2) == "" else [str(asked.arg(2))]
    words = _moved(Words(name, ", ".join(size + asked.flags(3))), asked, data, back=True)
    if source and words.result is not None:
        words.result += f", {source}"
    return words


def _pieces(vector: Any) -> tuple[str, bytes, int]:
    """``struct iovec`` 的数组：文字、开头的字节、总长。"""
    rows = [row for row in vector if isinstance(row, dict)] if isinstance(vector, list) else []
    pieces = [(bytes_of(row.get("iov_base")), number(row.get("iov_len", 0))) for row in rows]
    whole = b""
    for data, size in pieces:
        whole += data[:size]
        if len(data) < size:  # 这一块没有写全，后面的接不上
            break
    return "[" + ", ".join(data_text(*piece) for piece in pieces) + "]", whole, sum(size for _, size in pieces)


def _writev(asked: Asked) -> Words:
    text, data, _ = _pieces(asked.arg(1))
    return _moved(Words(asked.name, text), asked, data, back=False)


def _readv(asked: Asked) -> Words:
    _, data, size = _pieces(asked.arg(1))
    return _moved(Words(asked.name, str(size) if size else ""), asked, data, back=True)


def _control(header: dict[str, Any], label: Label) -> str:
    """控制消息；传的是套接字，写它的编号。"""
    items = header.get("msg_control")
    told = []
    for item in items if isinstance(items, list) else []:
        body = item.get("cmsg_data", "") if isinstance(item, dict) else ""
        fds = [body] if isinstance(body, Fd) else body if isinstance(body, list) else []
        rights = [label(fd) or "描述符" for fd in fds if isinstance(fd, Fd)]
        kind = str(item.get("cmsg_type", "") if isinstance(item, dict) else item).removesuffix("_OLD")
        told.append(f"{SCM.get(kind, kind)} {' '.join(rights) or _told_alike(SCM.get(kind, kind), body)}".strip())
    return "[" + ", ".join(told) + "]"


def _told_alike(kind: str, body: Any) -> str:
    """控制消息里每次都一样的那部分，同 ``ancillary.py``：时刻和进程号不写。"""
    if kind in SCM.values():
        return ""
    match body:
        case {"ipi_spec_dst": Made(_, [Bytes(chosen)]), "ipi_addr": Made(_, [Bytes(target)])}:
            there = [target.decode()] if target != b"0.0.0.0" else []
            return ", ".join(there + ([f"spec_dst {chosen.decode()}"] if chosen != target else []))
        case [only]:
            return plain(only)
    return plain(body)


def _sendmsg(asked: Asked) -> Words:
    header = asked.arg(1) if isinstance(asked.arg(1), dict) else {}
    text, data, _ = _pieces(header.get("msg_iov"))
    control, target = _control(header, asked.label), address(header.get("msg_name"))
    args = [text] + ([control] if control != "[]" else []) + ([target] if target else []) + asked.flags(2)
    return _moved(Words("sendmsg", ", ".join(args)), asked, data, back=False)


def _recvmsg(asked: Asked) -> Words:
    header = asked.arg(1) if isinstance(asked.arg(1), dict) else {}
    _, data, size = _pieces(header.get("msg_iov"))
    words = _moved(Words("recvmsg", ", ".join(([str(size)] if size else []) + asked.flags(2))), asked, data, back=True)
    if words.result is not None:
        source = address(header.get("msg_name")) or "None"
        words.result += f", {_control(header, asked.label)}, {header.get('msg_flags', 0)}, {source}"
    return words


def _several(asked: Asked) -> Words:
    """sendmmsg、recvmmsg：一次调用，几个报文。"""
    rows = [row["msg_hdr"] for row in asked.arg(1) if isinstance(row, dict) and isinstance(row.get("msg_hdr"), dict)] \
        if isinstance(asked.arg(1), list) else []
    moved = rows[:asked.count or 0]
    pieces = [_pieces(row.get("msg_iov")) for row in (rows if asked.name == "sendmmsg" else moved)]
    told = "[" + ", ".join(text for text, _, _ in pieces) + "]"
    sent = asked.name == "sendmmsg"
    words = Words(asked.name, ", ".join([told if sent else str(asked.arg(2)), *asked.flags(3)]))
    if asked.count is not None:
        words.result = str(asked.count) if sent else told
        sizes = [number(row.get("msg_len", 0)) for row in asked.arg(1)[:asked.count] if isinstance(row, dict)]
        words.size, words.data = sum(sizes), pieces[0][1][:sizes[0] if sizes else 0] if pieces else b""
    return words


def _sendfile(asked: Asked) -> Words:
    offset = asked.arg(2).before if isinstance(asked.arg(2), Change) else asked.arg(2)
    start = [plain(offset[0])] if isinstance(offset, list) and offset else []
    name = asked.arg(1).name if isinstance(asked.arg(1), Fd) else ""
    words = Words("sendfile", ", ".join([repr(name), *start, str(asked.arg(3))]))
    if asked.count is not None:
        words.result, words.size = str(asked.count), asked.count
    return words


# ---------------------------------------------------------------- 选项

def _option(asked: Asked) -> str:
    """选项的名字；strace 不认得的，是一个数。"""
    name = str(asked.arg(2)).removesuffix("_OLD")
    if name[:1].isdigit():
        level = str(asked.arg(1))
        known = getattr(socket, level, None) or getattr(socket, level.replace("SOL_", "IPPROTO_"), None)
        return option_name(number(level) if known is None else int(known), number(name))
    return name


def _value(name: str, value: Any, length: Any) -> str:
    """选项的值；strace 没有拆开的结构和字符串，拆开来写。"""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if name == "TCP_INFO" and isinstance(value, (dict, Bytes)):
        size = length[0] if isinstance(length, list) and length else length
        return f"struct tcp_info（{size.after if isinstance(size, Change) else size} 字节）"
    if name in WORDS and str(value).isdigit():
        value = Bytes(number(value).to_bytes(4, "little"))
    return (pieces(name, value.data) if isinstance(value, Bytes) and value.whole else None) or plain(value)


def _setsockopt(asked: Asked) -> Words:
    return Words("setsockopt", f"{_option(asked)}, {_value(_option(asked), asked.arg(3), asked.arg(4))}")


def _getsockopt(asked: Asked) -> Words:
    told = _value(_option(asked), asked.arg(3), asked.arg(4)) if asked.count is not None else None
    return Words("getsockopt", _option(asked), told)


CALLS: dict[str, Callable[[Asked], Words]] = {
    "socket": _socket, "accept": _accept, "accept4": _accept, "bind": _address, "connect": _address,
    "listen": _second, "shutdown": _second, "close": _bare, "getsockname": _name, "getpeername": _name,
    "dup": _dup, "dup2": _dup, "dup3": _dup, "fcntl": _fcntl, "ioctl": _ioctl,
    "sendto": _send, "write": _send, "recvfrom": _receive, "read": _receive, "writev": _writev, "readv": _readv,
    "sendmsg": _sendmsg, "recvmsg": _recvmsg, "sendmmsg": _several, "recvmmsg": _several, "sendfile": _sendfile,
    "setsockopt": _setsockopt, "getsockopt": _getsockopt,
}
