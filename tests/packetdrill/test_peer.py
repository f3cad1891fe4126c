"""手本身：内核答得不一样，脚本就失败；多一个段、少一个段也是。没有 IPv6 的机器上照样。"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from . import peer as vocabulary
from .peer import WRAP, Peer, fails

HERE = Path(__file__).parent
WITHOUT = HERE.parent / "kernel" / "without.py"


@pytest.mark.parametrize("wrong", [
    {"flags": "F."}, {"seq": 2}, {"ack": 2}, {"length": 9}, {"window": 0}, {"ecn": 1}, {"sack": [(1, 2)]},
    {"options": {"MSS": 536}}])
def test_a_different_answer_fails(peer: Peer, wrong: dict[str, object]) -> None:
    """标志、序号、确认号、长度、窗口、选项，一样不对就不行。"""
    conn = peer.accepted()
    conn.send(bytes(10))
    with pytest.raises(AssertionError, match="来的是 Heard"):
        peer.expect(**{"flags": "P.", "seq": 1, "ack": 1, "length": 10} | wrong)
    peer.inject(".", 1, ack=11)


def test_data_in_other_pieces_fails(peer: Peer) -> None:
    """一大块数据，切得不一样也不行。"""
    conn = peer.accepted()
    conn.send(bytes(1500))
    with pytest.raises(AssertionError, match="该是"):
        peer.expect_data(1, 1501, ack=1, mss=500)
    peer.heard()
    peer.inject(".", 1, ack=1501)


def test_silence_fails(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """该来的没有来。"""
    monkeypatch.setattr(vocabulary, "PATIENCE", 0)
    peer.accepted()
    with pytest.raises(pytest.fail.Exception, match="什么也没有来"):
        peer.expect("F.", 1, ack=1)


def test_one_more_segment_fails(peer: Peer) -> None:
    """不该来的来了。"""
    conn = peer.accepted()
    conn.send(bytes(10))
    with pytest.raises(AssertionError, match="不该再有段了"):
        peer.quiet()
    peer.inject(".", 1, ack=11)


def test_another_errno_fails(peer: Peer) -> None:
    """errno 不一样。"""
    conn = peer.accepted()
    conn.setblocking(False)
    with pytest.raises(AssertionError):
        fails("EPIPE", conn.recv, 10)


def test_the_hand_has_no_kernel(peer: Peer) -> None:
    """对端的内核不说话：它没有这条连接，却没有人替它答 RST；序号绕回也没有关系。"""
    conn = peer.accepted()
    conn.send(bytes(1000))
    assert peer.isn + 1000 > WRAP
    peer.expect("P.", 1, length=1000, ack=1)
    peer.inject("P.", 1, data=1000, ack=1001)
    peer.expect(".", 1001, ack=1001)
    assert {packet.src for packet in peer.net.trace.packets} == {"kernel", "peer"}
    assert not peer.net.trace.sent_by("peer", "RST")


def scenarios() -> list[tuple[str, str]]:
    """每个场景：说明里写的出处，测试的名字。"""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body if path != Path(__file__) else ():
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.append(((ast.get_docstring(node) or "").partition("。")[0], node.name))
    return found


def test_readme_lists_every_scenario() -> None:
    """README 的表与测试一一对上。"""
    rows = re.findall(r"^\| (.+?) \| `(test_\w+)` \| .+ \|$", (HERE / "README.md").read_text(), re.M)
    assert sorted(rows) == sorted(scenarios())


@pytest.mark.slow
def test_without_ipv6() -> None:
    """启动时关掉了 IPv6 的内核上，这些脚本一样通过；差别只在造网络，所以做一个文件就够。"""
    command = [sys.executable, "-m", "pytest", str(HERE / "test_close.py"), "-q", "-m", "not slow", "-p", "no:xdist"]
    done = subprocess.run([sys.executable, str(WITHOUT), "ipv6", *command], capture_output=True, text=True, cwd=HERE.parents[1])
    assert done.returncode == 0, done.stdout + done.stderr
