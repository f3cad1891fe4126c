"""章里的 C 程序：没有警告，行为与页面所说的一样。"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sockscope import Network

FOLDER = Path(__file__).parents[2] / "chapters" / "c"
SOURCES = sorted(FOLDER.glob("*.c"))


def test_there_are_programs():
    assert SOURCES


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_compiles_without_a_warning(source, build):
    assert Path(build(source.stem)).exists()


def test_half_close_in_c_looks_the_same_on_the_wire(build):
    with Network("client", "server", delay=0.005) as net:
        server = net.server.program(build("half_close_server"), net.server.address, "7007")
        assert server.stdout.readline() == b"ready\n"
        client = net.client.program(build("half_close_client"), net.server.address, "7007", "hello")
        assert client.stdout.read() == b"5 bytes"
        assert client.wait() == server.wait() == 0
    fins = [p.src for p in net.trace.packets if "FIN" in p.flags]
    assert fins == ["client", "server"]
    assert not net.trace.sent_by("client", "RST") + net.trace.sent_by("server", "RST")


@pytest.mark.parametrize(("option", "status", "output"), [
    ([], -signal.SIGPIPE, b""), (["nosignal"], 0, b"EPIPE\n"),
], ids=["default", "MSG_NOSIGNAL"])
def test_sigpipe_kills_unless_told_otherwise(option, status, output, build):
    with Network("client", "server") as net:
        listener = net.server.socket()
        listener.bind((net.server.address, 7007))
        listener.listen()
        program = net.client.program(build("sigpipe"), net.server.address, "7007", *option)
        assert program.stdout.read() == output
        assert program.wait() == status
