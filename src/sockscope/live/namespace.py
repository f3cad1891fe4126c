"""命名空间：向主机工坊要一台私网里的主机，拿回它的网口、套接字和诊断口的描述符。"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from typing import Any, TypedDict, cast

from sockscope.live import forge
from sockscope.live.linux import after_fork
from sockscope.live.states import Own

__all__ = ["Interface", "Namespace", "NamespaceError", "Route"]

# 工坊的启动：两个空的包，里面只有它要的两个模块。不运行包的 __init__，启动因此快几百毫秒。
START = """
import sys
from types import ModuleType
for name in "sockscope", "sockscope.live":
    package = sys.modules[name] = ModuleType(name)
    package.__path__ = [sys.argv[1]]
from sockscope.live.forge import main
main(int(sys.argv[2]))
"""


class Interface(TypedDict):
    """一个网口：名字、直连路由的属性、``(地址, 前缀长度)``、替内核做哪些事（``offload.py``）。"""

    name: str
    metrics: dict[str, int]
    addresses: list[tuple[str, int]]
    offload: int


class Route(TypedDict):
    """一条路由：去哪个网段，经哪个邻居，什么属性。"""

    dst: str
    gateway: str
    metrics: dict[str, int]


class NamespaceError(OSError):
    """造不出命名空间。``stage`` 说明卡在哪一步：unshare、uid-map、tun-open、tun-create……"""

    def __init__(self, stage: str, number: int) -> None:
        super().__init__(number, os.strerror(number) if number else stage)
        self.stage = stage


class _Forge:
    """工坊在本进程里的代表：第一次用到时启动，坏了就再启动一个。"""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.control: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", START, os.path.dirname(forge.__file__), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
        self.control = ours
        return ours

    def order(self, plan: dict[str, Any]) -> socket.socket:
        """下单：返回新主机的控制套接字（它的应答还在路上）。工坊启动不了则抛 ``NamespaceError``。"""
        ours = None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with self.lock, theirs:
                self._hand_over(plan, theirs)
        except OSError as error:
            if ours is not None:
                ours.close()
            raise NamespaceError("forge", error.errno or 0) from None
        return cast(socket.socket, Own(fileno=ours.detach()))

    def _hand_over(self, plan: dict[str, Any], theirs: socket.socket) -> None:
        try:
            forge.send(self.control or self.start(), plan, [theirs.fileno()])
        except (BrokenPipeError, ConnectionResetError):
            self.stop()
            forge.send(self.start(), plan, [theirs.fileno()])

    def stop(self) -> None:
        """关掉控制套接字；工坊读到文件结束便退出。"""
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.process is not None:
            self.process.wait()
            self.process = None

    def forget(self) -> None:
        """在 fork 出来的子进程里：这一切都属于父进程，丢开不管。"""
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            self.process.returncode = 0  # 不是我的子进程，不必等它
        self.lock, self.control, self.process = threading.Lock(), None, None


_forge = _Forge()
atexit.register(_forge.stop)
after_fork(_forge.forget)


class Namespace:
    """一台主机的私有网络。

    ``sysctl``：/proc/sys/net 下的 名字→值；``buffer``：不用 TCP 的套接字生来的缓冲区，字节。
    造好以后 ``tuns`` 是每个网口在用户空间一端的描述符（非阻塞，一次读写一个 IP 包），
    ``diag`` 是命名空间里的 NETLINK_SOCK_DIAG 套接字，``refused`` 是没写成的参数和它们真正的值（没有这一项则为空串）。
    造不出来抛 ``NamespaceError``。
    """

    def __init__(self, interfaces: list[Interface], routes: list[Route] | None = None,
                 sysctl: dict[str, str] | None = None, buffer: int = 0) -> None:
        self._lock = threading.Lock()
        self._control = _forge.order(
            {"interfaces": interfaces, "routes": routes or [], "sysctl": sysctl or {}, "buffer": buffer})
        self.refused: dict[str, str] = {}
        self.tuns: list[int] = []
        self._diag: Own | None = None
        self.pid = 0

    def ready(self) -> Namespace:
        """等主机就绪。下单与等待分开，几台主机便能同时建造。"""
        try:
            message, fds = forge.receive(self._control)
        except OSError as error:
            message = {"error": error.errno, "stage": "forge"}
        if message is None or "error" in message:
            self._control.close()
            raise NamespaceError((message or {}).get("stage", "forge"), (message or {}).get("error", 0))
        self.pid, self.refused = message["pid"], message["refused"]
        *self.tuns, diag = fds
        self._diag = Own(fileno=diag)
        return self

    @property
    def diag(self) -> Own:
        assert self._diag is not None, "先 ready()"
        return self._diag

    def request(self, do: str, fds: list[int] | None = None, **arguments: Any) -> tuple[dict[str, Any], list[int]]:
        """请主机做一件事，返回应答和描述符。主机那边失败则抛同样 errno 的 ``OSError``。"""
        with self._lock:
            forge.send(self._control, {"do": do, **arguments}, fds)
            try:
                message, received = forge.receive(self._control)
            except OSError:  # 收不下交来的描述符：它后面那一句也取走，下次才对得上号
                forge.receive(self._control)
                raise
            if received:  # 等主机放下它手里的副本，从此只有我们拿着
                forge.receive(self._control)
        if message is None:
            raise ConnectionError("这台主机已经关闭")
        if "error" in message:
            raise OSError(message["error"], os.strerror(message["error"]))
        return message, received

    def socket(self, family: int, kind: int, proto: int = 0, powerless: bool = False) -> int:
        """在命名空间里新建套接字，返回描述符。``powerless``：由放下了全部权能的进程来建。"""
        return self.request("socket", family=int(family), type=int(kind), proto=int(proto), powerless=powerless)[1][0]

    def close(self) -> None:
        """放手：关掉我们这边的描述符。主机进程读到文件结束，自己退出，命名空间随之消失。"""
        for fd in self.tuns:
            os.close(fd)
        self.tuns = []
        if self._diag is not None:
            self._diag.close()
        self._control.close()
