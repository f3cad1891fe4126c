"""没有网线的时候：同样的实验，照实标明看到的是什么；不行的原因和补救各是一句中文。"""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from sockscope import experiments
from sockscope.experiments import Recording
from sockscope.live import Network, Unavailable, capability
from sockscope.live.capability import Capability
from sockscope.tcp import violations

CLOSING = experiments.get("closing")
SAME = [{"how": how, "duplicate": duplicate} for how in ("close", "SHUT_WR", "SHUT_RDWR", "linger0")
        for duplicate in (False, True)]


@pytest.fixture
def loopback(monkeypatch):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "loopback")


@pytest.mark.parametrize("values", SAME, ids=CLOSING.key)
def test_loopback_gives_the_same_results_as_the_cable(loopback, values):
    """环回上没有包，但每一次调用的结果和 errno 与网线上的录制相同。"""
    trace = CLOSING.run(**values)
    assert (trace.label, trace.packets, trace.cables) == ("实时（无抓包）", [], [])
    recorded = experiments.recording("closing", **values)
    assert [(c.host, c.socket, c.name, c.errno or c.result) for c in trace.calls if c.name not in ("accept",)] == [
        (c.host, c.socket, c.name, c.errno or c.result) for c in recorded.calls if c.name not in ("accept",)]
    assert violations(trace) == []


def test_loopback_shows_states(loopback):
    trace = CLOSING.run(how="SHUT_WR")
    assert {"ESTABLISHED", "TIME_WAIT"} <= set(trace.states_of("client"))


def test_loopback_networks_do_not_disturb_each_other(loopback):
    with Network("client", "server") as one, Network("client", "server") as two:
        for net in (one, two):
            listener = net.server.socket()
            listener.bind((net.server.address, 7007))
            listener.listen()
            sock = net.client.socket()
            sock.connect((net.server.address, 7007))
            assert sock.getsockname()[0] == net.client.address
        assert one.server.address != two.server.address


def test_what_needs_a_cable_says_so(loopback):
    with Network("client", "server") as net:
        for ask in (lambda: net.cable, lambda: net.client.route("10.9.9.0/24", "blackhole"), net.server.reboot,
                    lambda: net.client.process(), lambda: net.client.program("true")):
            with pytest.raises(Unavailable, match="环回地址"):
                ask()
    with pytest.raises(Unavailable, match="要看网线上的包"):
        experiments.get("unreachable").run()
    assert experiments.get("unreachable").observe().label == "录制"


def test_recording_is_shown_as_a_recording(monkeypatch):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "recording")
    assert CLOSING.observe().label == "录制"
    assert CLOSING.observe() == Recording.load("closing").variants[CLOSING.key({})]
    with pytest.raises(Unavailable, match=r"^录制。"):
        Network("client", "server")


def test_live_is_shown_as_live():
    assert CLOSING.run().label == "实时"


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="不认识的抓包方式 'wifi'；可选：cable、loopback、recording"):
        capability("wifi")


# ---------------------------------------------------------------- 为什么不行：真的让它不行

ASK = "from sockscope.live import capability; found = capability(); print(found.level, found.sentence)"


def asked(prefix: list[str] = (), **environment: str) -> str:
    """另一个进程里的 ``capability()``。"""
    done = subprocess.run([*prefix, sys.executable, "-c", ASK], env=os.environ | environment,
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_no_device():
    assert asked(SOCKSCOPE_TUN="/nowhere/tun") == (
        "loopback 实时（无抓包）。没有 /dev/net/tun 设备。"
        "补救：sudo modprobe tun；在容器里启动时加 --device /dev/net/tun。")


def test_a_device_that_is_something_else():
    assert asked(SOCKSCOPE_TUN="/dev/null").startswith("loopback 实时（无抓包）。")


def test_a_device_that_may_not_be_opened(tmp_path):
    node = tmp_path / "directory"
    node.mkdir()
    assert asked(SOCKSCOPE_TUN=str(node)) == (
        "loopback 实时（无抓包）。/dev/net/tun 打不开（EISDIR）。补救：sudo chmod 0666 /dev/net/tun。")


def test_no_namespaces_allowed(tmp_path):
    """在一个不许再建用户命名空间、又没有特权的用户命名空间里。"""
    limit = tmp_path / "limited"
    limit.write_text("import os, sys\n"
                     "for name in ('user', 'net'):\n"
                     "    open(f'/proc/sys/user/max_{name}_namespaces', 'w').write('0')\n"
                     "os.execv(sys.argv[1], sys.argv[1:])\n")
    said = asked(["unshare", "--user", "--map-root-user", sys.executable, str(limit)])
    assert said == "loopback 实时（无抓包）。用户命名空间的数目上限是 0。补救：sudo sysctl -w user.max_user_namespaces=15000。"


def test_apparmor_has_a_one_line_remedy(monkeypatch):
    """Ubuntu 23.10 起的缺省；这里没有 AppArmor，只好假装那个文件存在。"""
    module = sys.modules["sockscope.live.capability"]
    monkeypatch.setattr(module, "_apparmor_restricts", lambda: True)
    reason, remedy = module.explain(module.NamespaceError("uid-map", 1))
    assert "AppArmor" in reason
    assert remedy == "补救：sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0。"


def test_not_even_loopback(monkeypatch):
    module = sys.modules["sockscope.live.capability"]

    def refuse(*_):
        raise PermissionError
    monkeypatch.setattr(socket, "socket", refuse)
    assert module._loopback("没有。", "补救。") == Capability("recording", "没有。环回地址也不能用。", "补救。")


def test_machine_table_is_made_of_trials():
    from sockscope.live import machine
    rows = {title: works for title, works, _ in machine()}
    assert rows["自己的网络命名空间与网线（能抓包）"]
    assert rows["Unix 域套接字"]
    assert len(rows) == 7
