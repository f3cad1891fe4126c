"""加密的套接字：OpenSSL 自己读写描述符，不经过 Python 的 send 和 recv，所以记下向 OpenSSL 要的那几件事。

``ssl.SSLSocket`` 的每个方法最后都落在它的 ``_sslobj`` 上：``SSL_do_handshake``、``SSL_read``、``SSL_write``、
``SSL_shutdown``（名字同 OpenSSL 的函数）。图里因此左右是明文的调用，中间是密文的包。
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from sockscope.live.call_text import show
from sockscope.live.record import record

if TYPE_CHECKING:
    from sockscope.live.socket import TracedSocket

__all__ = ["spoken_by"]


class Session:
    """``_ssl._SSLSocket``，它的四件事记进轨迹；别的照原样转交。"""

    def __init__(self, sock: TracedSocket, real: Any) -> None:
        self.__dict__.update(_owner=weakref.ref(sock), _real=real)

    @property
    def _sock(self) -> TracedSocket:
        sock: TracedSocket = self._owner()
        return sock

    def do_handshake(self) -> None:
        """握手。"""
        with record(self._sock, "SSL_do_handshake", "") as done:
            self._real.do_handshake()
            done(result=f"{self._real.version()}, {self._real.cipher()[0]}")

    def write(self, data: Any) -> int:
        """写明文。"""
        with record(self._sock, "SSL_write", show(data)) as done:
            size: int = self._real.write(data)
            done(result=str(size), data=bytes(memoryview(data).cast("B")[:size]))
        return size

    def read(self, size: int, *buffer: Any) -> Any:
        """读明文。"""
        with record(self._sock, "SSL_read", str(size)) as done:
            value = self._real.read(size, *buffer)
            data = bytes(buffer[0][:value]) if buffer else value
            done(result=show(data), data=data)
        return value

    def shutdown(self) -> Any:
        """说完了：close_notify。"""
        with record(self._sock, "SSL_shutdown", "") as done:
            value = self._real.shutdown()
            done()
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)


def _get(sock: Any) -> Any:
    return sock.__dict__.get("_session")


def _set(sock: Any, value: Any) -> None:
    sock.__dict__["_session"] = value if value is None or isinstance(value, Session) else Session(sock, value)


def spoken_by(cls: type) -> dict[str, Any]:
    """这个类是加密的套接字，就多给它一样：``_sslobj`` 换成记录在案的。"""
    ssl = sys.modules.get("ssl")
    return {"_sslobj": property(_get, _set)} if ssl and issubclass(cls, ssl.SSLSocket) else {}
