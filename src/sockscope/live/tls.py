"""加密的套接字：OpenSSL 自己读写描述符，不经过 Python 的 send 和 recv，所以记下向 OpenSSL 要的那几件事。

``ssl.SSLSocket`` 的每个方法最后都落在它的 ``_sslobj`` 上：``SSL_do_handshake``、``SSL_read``、``SSL_write``、
``SSL_shutdown``（名字同 OpenSSL 的函数）。图里因此左右是明文的调用，中间是密文的包。
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockscope.live import hooks
from sockscope.live.call_text import show
from sockscope.live.lives import LIVES, Life
from sockscope.live.record import record

if TYPE_CHECKING:
    import ssl

__all__: list[str] = []


class Session:
    """``_ssl._SSLSocket``，它的四件事记进轨迹；别的照原样转交。"""

    def __init__(self, sock: ssl.SSLSocket, life: Life, real: Any) -> None:
        vars(self).update(_sock=weakref.ref(sock), _life=life, _real=real)

    def do_handshake(self) -> None:
        """握手。"""
        with record(self._sock(), self._life, "SSL_do_handshake", "") as done:
            self._real.do_handshake()
            done(result=f"{self._real.version()}, {self._real.cipher()[0]}")

    def write(self, data: Any) -> int:
        """写明文。"""
        with record(self._sock(), self._life, "SSL_write", show(data)) as done:
            size: int = self._real.write(data)
            done(result=str(size), data=bytes(memoryview(data).cast("B")[:size]))
        return size

    def read(self, size: int, *buffer: Any) -> Any:
        """读明文。"""
        with record(self._sock(), self._life, "SSL_read", str(size)) as done:
            value = self._real.read(size, *buffer)
            data = bytes(buffer[0][:value]) if buffer else value
            done(result=show(data), data=data)
        return value

    def shutdown(self) -> Any:
        """说完了：close_notify。"""
        with record(self._sock(), self._life, "SSL_shutdown", "") as done:
            value = self._real.shutdown()
            done()
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)


class Kept:
    """``SSLSocket._sslobj``：是主机的套接字，就换成记录在案的。放在原来的地方，放回以后也取得到。"""

    def __get__(self, sock: Any, _owner: type) -> Any:
        return self if sock is None else vars(sock).get("_sslobj")

    def __set__(self, sock: Any, value: Any) -> None:
        life = LIVES.get(id(sock))
        vars(sock)["_sslobj"] = value if value is None or life is None else Session(sock, life, value)


with suppress(ImportError):  # 有的 Python 没有 OpenSSL（页内内核里的就没有）：那里也没有加密的套接字
    from ssl import SSLSocket

    hooks.attribute(SSLSocket, "_sslobj", Kept())
