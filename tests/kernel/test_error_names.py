"""当作结果返回的错误号，在轨迹里用它的名字。"""

from __future__ import annotations

from errno import ECONNREFUSED, EINPROGRESS
from select import select
from socket import SO_ERROR, SOL_SOCKET


def test_errors_returned_as_values_are_named(net):
    sock = net.client.socket()
    sock.setblocking(False)
    assert sock.connect_ex((net.server.address, 9)) == EINPROGRESS
    select([], [sock], [])
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == ECONNREFUSED
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == 0
    told = [(c.name, c.result, c.errno) for c in net.trace.calls if c.name in ("connect_ex", "getsockopt")]
    assert told == [("connect_ex", "EINPROGRESS", None), ("getsockopt", "ECONNREFUSED", None), ("getsockopt", "0", None)]
