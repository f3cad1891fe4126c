"""仪器记下 socket() 本身，能放下特权，文件夹用完不留。"""

from __future__ import annotations

from pathlib import Path
from socket import AF_INET, AF_UNIX, SOCK_RAW, SOCK_STREAM

import pytest

from sockscope import Network


def test_births_are_calls_with_their_outcome():
    with Network("client", "server", births=True) as net:
        net.client.socket(AF_UNIX, SOCK_STREAM)
        with pytest.raises(OSError, match="not supported"):
            net.client.socket(AF_INET, SOCK_STREAM, 132 + 1)
    good, bad = net.trace.calls
    assert (good.args, good.result) == ("AF_UNIX, SOCK_STREAM", "s1")
    assert (bad.args, bad.errno) == ("AF_INET, SOCK_STREAM, 133", "EPROTONOSUPPORT")


def test_births_are_silent_unless_asked_for():
    with Network("client", "server") as net:
        net.client.socket()
    assert net.trace.calls == []


def test_without_privilege_low_ports_and_raw_sockets_are_refused():
    with Network("client", "server") as net:
        sock = net.client.socket()
        with net.client.unprivileged():
            with pytest.raises(PermissionError) as bind:
                sock.bind((net.client.address, 7))
            with pytest.raises(PermissionError) as raw:
                net.client.socket(AF_INET, SOCK_RAW, 1)
        sock.bind((net.client.address, 7))
        net.client.socket(AF_INET, SOCK_RAW, 1)
    assert [c.errno for c in net.trace.calls] == ["EACCES", None]
    assert (bind.value.errno, raw.value.errno) == (13, 1)


def test_the_folder_is_private_nameless_and_gone_afterwards():
    with Network("client", "server") as net:
        net.client.socket(AF_UNIX, SOCK_STREAM).bind(net.folder + "x.sock")
        folder = Path(net.folder)
        assert (folder / "x.sock").is_socket()
    assert not folder.exists()
    assert net.trace.calls[0].args == "'x.sock'"
