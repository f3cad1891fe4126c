"""别的系统：全部模块导入得了，全部书页与 Linux 上一字不差，实验都有录制可看，做不了的说一句为什么。

另一个系统的名字从 ``platforms.json`` 来，由 ``pretend.py`` 在一个子进程里假装。
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from sockscope.live import linux

HERE = Path(__file__).parent
SENTENCES = {
    "darwin": ("loopback", "实时（无抓包）。macOS 没有 Linux 的网络命名空间。要看到包，请在 Linux 的虚拟机里运行。"),
    "win32": ("recording", "录制。Windows 的套接字不是 Linux 的。补救：在 WSL 2 里运行。"),
}
LOOPBACK = """
from sockscope import Network
with Network("client", "server") as net:
    listener = net.server.socket()
    listener.bind((net.server.address, 0))
    listener.listen()
    net.server.spawn(lambda: listener.accept()[0].sendall(b"hello"))
    sock = net.client.socket()
    sock.connect(listener.getsockname())
    print(sock.recv(64), net.trace.label, len(net.trace.calls))
"""


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, "-X", "warn_default_encoding", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def told(platform: str) -> dict:
    return json.loads(run(str(HERE / "pretend.py"), platform, str(HERE / "every_page.py")))


@cache
def here() -> dict:
    return json.loads(run(str(HERE / "every_page.py")))


@pytest.mark.slow
@pytest.mark.parametrize("platform", SENTENCES)
def test_every_page_is_the_same_everywhere(platform):
    pages = told(platform)["pages"]
    assert len(pages) > 190
    assert [name for name, page in here()["pages"].items() if pages[name] != page] == []


@pytest.mark.slow
@pytest.mark.parametrize("platform", SENTENCES)
def test_every_experiment_shows_its_recording_and_says_why(platform):
    found = told(platform)
    assert (found["level"], found["sentence"]) == SENTENCES[platform]
    assert (found["observed"], found["payload"]) == (["录制"], "录制")
    assert found["refusal"] == "这个实验问的是 Linux 的内核。" + found["sentence"]


def test_plain_sockets_work_on_loopback_where_there_are_no_namespaces(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(LOOPBACK, encoding="utf-8")
    assert run(str(HERE / "pretend.py"), "darwin", str(script)).split() == ["b'hello'", "实时（无抓包）", "6"]


def test_the_numbers_are_those_of_linux():
    assert {name: getattr(linux, name) for name in linux._NUMBERS} == linux._NUMBERS
    assert {name for name in linux._NUMBERS if hasattr(socket, name) or hasattr(select, name)} == set(linux._NUMBERS)
