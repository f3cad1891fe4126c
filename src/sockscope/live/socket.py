"""留下记录的套接字：就是 ``socket.socket``，只是每次调用都写进日志。

读者写的代码与别处一样；唯一的不同是套接字由 ``host.socket()`` 诞生，从而属于那台主机的命名空间。
"""

from __future__ import annotations

import errno
import functools
import os
import re
import socket
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sockscope.live.ancillary import control_text
from sockscope.live.folder import PREFIX
from sockscope.live.journal import Owner
from sockscope.live.option_text import constants, option_name, structured
from sockscope.live.rights import credentials_text, inode, is_credentials, is_rights, rights_text
from sockscope.live.states import PLAIN, Address

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["TracedSocket", "give_birth"]

SO_ERROR = (socket.SOL_SOCKET, socket.SO_ERROR)
SHOWN = 24  # 图里一次调用最多显示的字节数


class TracedSocket(PLAIN):
    """一台主机上的套接字。方法、参数、返回值、异常都与 ``socket.socket`` 相同。

    ``label`` 是它在主机上的编号（``s1``、``s2``……）。
    """

    def __init__(self, host: Host, family: int, type: int, proto: int, fileno: int, label: str = "") -> None:
        super().__init__(family, type, proto, fileno)
        self.host = host
        self.label = label or host.next_label()
        self._ends: tuple[Address, Address] | None = None
        self._describing = False
        host.journal.sockets.setdefault(inode(fileno), Owner(host.name, host.title, self.label))
        host.adopt(self)

    def ends(self) -> tuple[Address, Address | None]:
        """本地地址与对端地址；还没有对端则为 None。"""
        if self._ends is None:
            try:
                local = _on_wire(PLAIN.getsockname(self))
            except OSError:
                return ("0.0.0.0", 0), None
            try:
                self._ends = local, _on_wire(PLAIN.getpeername(self))
            except OSError:
                return local, None
        return self._ends

    # ------------------------------------------------------------ 与 socket.socket 不同的只有下面几个

    def accept(self) -> tuple[TracedSocket, Any]:
        with _record(self, "accept", "") as done:
            fd, address = self._accept()  # type: ignore[attr-defined]  # socket.socket 自己的 accept() 也用它；类型桩里没有
            conn = TracedSocket(self.host, self.family, self.type, self.proto, fd)
            self.host.furnish(conn)
            if socket.getdefaulttimeout() is None and self.gettimeout():
                conn.setblocking(True)
            done(result=f"{conn.label}, {show(address)}")
        return conn, address

    def bind(self, address: Any) -> None:
        with _record(self, "bind", show(address)) as done:
            if self.host.powerless:
                self.host.require_namespace().request("powerless", [self.fileno()], call="bind", address=address)
            else:
                super().bind(address)
            done()

    def connect(self, address: Any) -> None:
        self.host.before_connect(self, address)
        with _record(self, "connect", show(address)) as done:
            if self.host.powerless:
                self.host.require_namespace().request("powerless", [self.fileno()], call="connect", address=address)
            else:
                super().connect(address)
            done()

    def dup(self) -> TracedSocket:
        with _record(self, "dup", "") as done:
            fd = os.dup(self.fileno())
            copy = TracedSocket(self.host, self.family, self.type, self.proto, fd, label=f"{self.label}′")
            PLAIN.settimeout(copy, self.gettimeout())
            done(result=copy.label)
        return copy

    def _real_close(self, _ss: type = socket.socket) -> None:
        """真正的 close(2)。描述符在锁里交出、在锁外关闭：带 SO_LINGER 的 close 会阻塞，而网线不能停。"""
        if self.fileno() < 0:
            return
        with _record(self, "close", "") as done:
            if (fd := self.host.release(self)) >= 0:  # 两个线程同时关：交出描述符的只有一个
                os.close(fd)
            done()

    def detach(self) -> int:
        return self.host.release(self)

    def __del__(self) -> None:
        """没有人再用它：像平常的套接字，说一声 ``ResourceWarning``，然后关闭。"""
        if self.fileno() < 0 or not hasattr(self, "label"):
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
        finally:
            self._real_close()

    def getsockname(self) -> Any:
        return self._asked("getsockname")

    def getpeername(self) -> Any:
        return self._asked("getpeername")

    def _asked(self, name: str) -> Any:
        """问名字；只有别人写的程序（``foreign``）问的才进轨迹。"""
        original = getattr(super(), name)
        if not self.host.foreign or self._describing:
            return original()
        with _record(self, name, "") as done:
            value = original()
            done(result=show(value))
        return value

    def __repr__(self) -> str:
        self._describing = True  # 写它的样子也要问名字，那不是程序的调用
        try:
            return super().__repr__()
        finally:
            self._describing = False

    def _sendfile_use_sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """``sendfile()`` 交给内核的那一种；内核办不到时 Python 改用 send()，那些 send() 自己会记。"""
        args = arguments(getattr(file, "name", file), offset, *([] if count is None else [count]))
        record = _record(self, "sendfile", args)
        with record as done:
            try:
                sent: int = super()._sendfile_use_sendfile(file, offset, count)  # type: ignore[misc]
            except socket._GiveupOnSendfile:  # type: ignore[attr-defined]
                self.host.journal.withdraw(record.entry)
                raise
            done(result=str(sent), data=os.pread(file.fileno(), min(sent, 256), offset), size=sent)
        return sent

    def setsockopt(self, level: int, option: int, value: Any, *length: int) -> None:
        told = structured(level, option, value) or show(value)
        with _record(self, "setsockopt", f"{option_name(level, option)}, {told}") as done:
            super().setsockopt(level, option, value, *length)
            done()

    def getsockopt(self, level: int, option: int, *length: int) -> Any:
        with _record(self, "getsockopt", option_name(level, option)) as done:
            value = super().getsockopt(level, option, *length)
            done(result=_option_value(level, option, value))
        return value

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        place = memoryview(buffer).cast("B")
        with _record(self, "recv", arguments(nbytes or len(place), flags=flags)) as done:
            count = super().recv_into(buffer, nbytes, flags)
            data = bytes(place[:min(count, nbytes or count)])
            told = f"{count}, " if flags & socket.MSG_TRUNC else ""  # 返回值与缓冲区里的字节数可以不同
            done(result=told + show(data), data=data)
        return count

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        place = memoryview(buffer).cast("B")
        with _record(self, "recvfrom", arguments(nbytes or len(place), flags=flags)) as done:
            count, address = super().recvfrom_into(buffer, nbytes, flags)
            data = bytes(place[:count])
            done(result=f"{show(data)}, {show(address)}", data=data)
        return count, address

    def sendmsg(self, buffers: Iterable[Any], ancillary: Iterable[Any] = (), flags: int = 0,
                address: Any = None) -> int:
        buffers, ancillary = list(buffers), list(ancillary)
        told = [show(buffers)] + ([self._ancillary(ancillary)] if ancillary else [])
        args = ", ".join(told + ([show(address)] if address else []) + ([flag_names(flags)] if flags else []))
        with _record(self, "sendmsg", args) as done:
            count = super().sendmsg(buffers, ancillary, flags, address)
            done(**_sent(count, (buffers,)))
        return count

    def recvmsg(self, size: int, ancillary: int = 0, flags: int = 0) -> tuple[bytes, list[Any], int, Any]:
        with _record(self, "recvmsg", arguments(size, *([ancillary] if ancillary else []), flags=flags)) as done:
            data, items, told, address = super().recvmsg(size, ancillary, flags)
            words = f"{show(data)}, {self._ancillary(items)}, {flag_names(told) or 0}, {show(address)}"
            done(result=words, data=data)
        return data, items, told, address

    def recvmsg_into(self, buffers: Iterable[Any], ancillary: int = 0, flags: int = 0) -> tuple[int, list[Any], int, Any]:
        places = [memoryview(b).cast("B") for b in buffers]
        args = arguments([len(p) for p in places], *([ancillary] if ancillary else []), flags=flags)
        with _record(self, "recvmsg", args) as done:
            count, items, told, address = super().recvmsg_into(places, ancillary, flags)
            left = [bytes(p)[:max(0, count - sum(map(len, places[:i])))] for i, p in enumerate(places)]
            words = f"{show(left)}, {self._ancillary(items)}, {flag_names(told) or 0}, {show(address)}"
            done(result=words, data=b"".join(left))
        return count, items, told, address

    def _ancillary(self, items: list[Any]) -> str:
        """辅助数据的文字；传的是本机的套接字就写编号，别的主机的还要写主机名；别的控制消息说出名字。"""
        names = {number: label if host == self.host.name else f"{title}的 {label}"
                 for number, (host, title, label) in self.host.journal.sockets.items()}
        return "[" + ", ".join(_item_text(item, names) for item in items) + "]"


def _item_text(item: Any, names: dict[int, str]) -> str:
    """一条辅助数据；不成样子的原样写出，内核（或 Python）会拒绝它。"""
    try:
        return rights_text(item[2], names) if is_rights(*item[:2]) else control_text(*item) or show(item)
    except (TypeError, ValueError, IndexError):
        return show(item)


def give_birth(host: Host, family: int, type: int, proto: int) -> TracedSocket:
    """新建套接字，并把 ``socket()`` 本身也记成一次调用：成功记它的编号，被拒绝记 errno。"""
    entry = host.journal.begin(None, host.name, "", "socket", kind_text(family, type, proto), timeout=True)
    try:
        sock = TracedSocket(host, family, type, proto, host.new_fd(family, type, proto))
    except OSError as error:
        host.journal.finish(entry, error=error)
        raise
    host.journal.finish(entry, result=sock.label)
    return sock


def _on_wire(address: tuple[Any, ...]) -> Address:
    """网线上的地址：AF_INET6 套接字接住的 IPv4 连接写作 ``::ffff:10.0.0.1``，包里却是 ``10.0.0.1``。"""
    return address[0].removeprefix("::ffff:"), address[1]


class _record:
    """一次调用的记录：进入时记开始，``done(...)`` 记结果，异常记 errno，出来时再看一眼内核的状态。"""

    def __init__(self, sock: TracedSocket, name: str, args: str) -> None:
        self.sock, self.host = sock, sock.host
        self.name, self.args = name, args

    def __enter__(self) -> Callable[..., None]:
        self.entry = self.host.journal.begin(
            self.sock, self.host.name, self.sock.label, self.name, self.args,
            timeout=self.sock.fileno() >= 0 and self.sock.gettimeout() is not None)
        return self.done

    def done(self, **outcome: Any) -> None:
        if outcome.get("data") and (self.sock.family, self.sock.type) == (socket.AF_INET, socket.SOCK_RAW):
            outcome["result"] = _without_header(outcome["result"], outcome["data"])
        self.host.journal.finish(self.entry, **outcome)

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if error is not None:
            self.done(error=error)
        self.host.watch.sample()


def _without_header(result: str, data: bytes) -> str:
    """IPv4 的原始套接字连 IP 首部一起收到，其中的标识字段是随机的：首部照录在 ``data`` 里，结果只说有它。"""
    return result.replace(show(data), f"IP 首部 + {show(data[4 * (data[0] & 0x0F):])}")


# ---------------------------------------------------------------- 其余的调用形状相同：记下参数，原样转交

def _recorded(name: str, describe: Callable[..., str], outcome: Callable[..., dict[str, Any]]) -> Any:
    original = getattr(PLAIN, name)

    @functools.wraps(original)
    def method(self: TracedSocket, *args: Any, **options: Any) -> Any:
        if name.startswith("connect"):
            self.host.before_connect(self, *args)
        with _record(self, name, _described(describe, args, options)) as done:
            value = original(self, *args, **options)
            done(**outcome(value, args))
        return value

    return method


def _described(describe: Callable[..., str], args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """参数的文字；不成样子的原样写出，由 ``socket.socket`` 去说它错在哪里。"""
    try:
        return describe(*args, **options)
    except (TypeError, ValueError, IndexError):
        return arguments(*args)


def _sent(value: int | None, args: tuple[Any, ...]) -> dict[str, Any]:
    """发出的字节：``send`` 的返回值说明内核收下了多少。"""
    data = b"".join(bytes(b) for b in args[0]) if isinstance(args[0], (list, tuple)) else bytes(args[0])
    return {"result": None if value is None else str(value), "data": data if value is None else data[:value]}


def _received(value: Any, _args: Any) -> dict[str, Any]:
    """收到的字节：``recv`` 返回它本身，``recvfrom`` 返回以它开头的元组。"""
    if isinstance(value, bytes):
        return {"result": show(value), "data": value}
    data, *rest = value
    return {"result": ", ".join(show(v) for v in (data, *rest)), "data": data}


def arguments(*values: Any, flags: int = 0) -> str:
    """参数列表的文字；``flags`` 写成 MSG_ 名字，为 0 就省去。"""
    return ", ".join([show(v) for v in values] + ([flag_names(flags)] if flags else []))


def _with_flags(count: int) -> Callable[..., str]:
    def describe(*args: Any, flags: int = 0, **_: Any) -> str:
        rest = list(args[count:])
        if rest and isinstance(rest[0], int) and not isinstance(rest[0], bool):
            flags, rest = rest[0], rest[1:]
        return arguments(*args[:count], *rest, flags=flags)
    return describe


def _send_to(data: Any, *rest: Any) -> str:
    return arguments(data, rest[-1], flags=rest[0] if len(rest) > 1 else 0)


def _plain(*args: Any, **_: Any) -> str:
    return arguments(*args)


def _how(how: int) -> str:
    return ("SHUT_RD", "SHUT_WR", "SHUT_RDWR")[how] if how in (0, 1, 2) else str(how)


def _nothing(_value: Any, _args: Any) -> dict[str, Any]:
    return {}


for _name, _describe, _outcome in (
    ("listen", _plain, _nothing),
    ("shutdown", _how, _nothing), ("setblocking", _plain, _nothing), ("settimeout", _plain, _nothing),
    ("connect_ex", _plain, lambda value, _: {"result": _error_text(value)}),
    ("send", _with_flags(1), _sent), ("sendall", _with_flags(1), _sent), ("sendto", _send_to, _sent),
    ("recv", _with_flags(1), _received), ("recvfrom", _with_flags(1), _received),
):
    setattr(TracedSocket, _name, _recorded(_name, _describe, _outcome))


# ---------------------------------------------------------------- 把参数写成人话

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


_OURS = re.compile(rf"^/.*{PREFIX}[a-z0-9_]{{8}}/")  # mkdtemp() 起的名字


def kind_text(family: int, type: int, proto: int) -> str:
    """``socket()`` 的三个参数；协议为 0 就省去。"""
    names = [getattr(family, "name", str(family)), getattr(type, "name", str(type))]
    known = {number: name for name, number in constants("IPPROTO_")}
    return ", ".join(names + ([known.get(int(proto), str(int(proto)))] if proto else []))


def _option_value(level: int, option: int, value: Any) -> str:
    """读到的选项：错误号写成名字，对端的身份拆成三个字段。"""
    if (level, option) == SO_ERROR:
        return _error_text(value)
    if is_credentials(level, option, value):
        return credentials_text(value)
    return structured(level, option, value) or show(value)


def _error_text(value: int) -> str:
    """当作结果返回的错误号：``111`` → ``ECONNREFUSED``；0 是没有错误。"""
    return errno.errorcode.get(value, str(value))


def flag_names(flags: int) -> str:
    """``0x41`` → ``MSG_OOB|MSG_DONTWAIT``；不认识的位写成十六进制。"""
    names, rest = [], int(flags)
    for name, bit in constants("MSG_"):
        if bit and rest & bit == bit:
            names.append(name)
            rest &= ~bit
    return "|".join(names + ([hex(rest)] if rest else []))
