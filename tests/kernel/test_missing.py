"""内核少了点什么：没有 IPv6，网络照样造得出来，要用它的说一句话；不许新建命名空间，就退到环回。"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sockscope import Network, Unavailable
from sockscope.live import stock
from sockscope.live.capability import OUT_OF_DESCRIPTORS
from sockscope.live.namespace import NamespaceError
from sockscope.live.plan import Plan

WITHOUT = Path(__file__).with_name("without.py")
NO_IPV6 = "这台机器的内核没有 IPv6。补救：去掉启动参数 ipv6.disable=1，再重启。"
ASK_IPV6 = """
import json, socket
from sockscope import Network, Unavailable, capability, experiments

def said(call, *args):
    try:
        return call(*args)
    except Unavailable as sentence:
        return [str(sentence), isinstance(sentence, OSError) and sentence.errno]

told = {"level": capability().level}
for capture in ("cable", "loopback"):
    with Network("client", "server", capture=capture) as net:
        listener, near = net.server.socket(), net.client.socket()
        listener.bind((net.server.address, 7007))
        listener.listen()
        near.connect(listener.getsockname())
        told[capture] = [len(net.server.addresses), said(lambda: net.client.address6), said(net.client.socket, socket.AF_INET6)]
with Network("client", "router", "server") as net:
    far, near = (host.socket(socket.AF_INET, socket.SOCK_DGRAM) for host in (net.server, net.client))
    far.bind((net.server.address, 7007))
    near.sendto(b"routed", far.getsockname())
    told["routed"] = far.recv(64).decode()
    net.router.reboot()
    told["ipv6"] = [name for name in net.settings if "ipv6" in name]
labels = {name: experiments.get(name).observe().label for name in ("closing", "dual_stack", "probing")}
print(json.dumps(told | {"labels": labels}))
"""
ASK = "from sockscope import capability; print(capability().level, capability().sentence)"


def asked(what: str, program: str) -> str:
    done = subprocess.run([sys.executable, str(WITHOUT), what, sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_no_ipv6_in_the_kernel():
    refusal = [NO_IPV6, 97]  # EAFNOSUPPORT
    assert json.loads(asked("ipv6", ASK_IPV6)) == {
        "level": "cable", "cable": [1, refusal, refusal], "loopback": [1, refusal, refusal],
        "routed": "routed", "ipv6": [], "labels": {"closing": "实时", "dual_stack": "录制", "probing": "实时"}}


def test_a_default_container():
    assert asked("namespaces", ASK) == (
        "loopback 实时（无抓包）。内核或容器不许新建网络命名空间（EPERM）。补救：在容器里，叫 seccomp 放行 unshare 与 clone"
        "（Docker：--security-opt seccomp=unconfined），并加 --device /dev/net/tun；不需要 root，也不需要别的权能。\n")


@pytest.mark.parametrize(("stage", "number", "words"), [
    ("fork", 11, "造主机的小进程启动不了（EAGAIN）。补救：看看进程数、描述符数"),
    ("unshare", 28, "用户命名空间的数目上限是 0。补救：sudo sysctl"),
    ("tun-open", 2, "没有 /dev/net/tun 设备。补救：sudo modprobe tun"),
    ("somewhere", 5, "造主机时卡在 somewhere（EIO）。补救：")])
def test_what_ran_out_since_the_probe_is_a_sentence_too(monkeypatch, stage, number, words):
    def refuse(_plan):
        raise NamespaceError(stage, number)
    monkeypatch.setattr(stock, "take", refuse)
    with pytest.raises(Unavailable, match=words):
        Network("client", "server", capture="cable")


def test_a_reboot_that_is_refused_is_a_sentence_too(monkeypatch):
    with Network("client", "server") as net:
        monkeypatch.setattr(Plan, "build", lambda _plan: (_ for _ in ()).throw(NamespaceError("fork", 11)))
        with pytest.raises(Unavailable, match="造主机的小进程启动不了"):
            net.client.reboot()


def test_what_cannot_be_kept_in_stock_is_not_kept(monkeypatch):
    monkeypatch.setattr(Plan, "build", lambda _plan: (_ for _ in ()).throw(NamespaceError("fork", 11)))
    stock.prepare(Plan.row(2, False, 0.0))  # 没有回溯


def test_a_host_that_cannot_be_born_says_why(monkeypatch):
    from sockscope.live import forge
    monkeypatch.setattr(forge, "send", lambda *_: (_ for _ in ()).throw(OSError(24, "")))
    with pytest.raises(NamespaceError) as refusal:
        Plan.row(2, False, 0.0)[0].build()
    assert (refusal.value.stage, refusal.value.errno) == ("forge", 24)


FEW = """
import os, resource
from sockscope import Network, Unavailable
with Network("client", "server"):  # 该导入的先导入好
    pass
before = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (before + {room}, before + {room}))
networks = []
try:
    while True:
        networks.append(Network("client", "server"))
except Unavailable as sentence:
    print(sentence)
for network in networks:
    network.close()
print(len(os.listdir("/proc/self/fd")) - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", range(2, 14))
def test_running_out_of_descriptors_is_a_sentence_and_leaks_none(room):
    """不管是在建造的哪一步用完的。"""
    done = subprocess.run([sys.executable, "-c", FEW.format(room=room)], capture_output=True, text=True)
    sentence = "".join(OUT_OF_DESCRIPTORS)
    assert (done.stdout, done.stderr) == (f"{sentence}\n0\n", "")


def test_a_socket_that_finds_no_descriptor_disturbs_nothing():
    """进程没有描述符了，socket() 报 EMFILE；放开以后，主机照样听话。"""
    import resource

    with Network("client", "server") as net:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(OSError) as refusal:
                net.client.socket()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert refusal.value.errno == 24  # EMFILE
        assert net.client.sysctl("tcp_syn_retries") == "6"
        net.client.socket().close()


# ---------------------------------------------------------------- 没有 OpenSSL 的 Python

WITHOUT_OPENSSL = """
import sys
sys.modules["_ssl"] = sys.modules["_hashlib"] = None
from sockscope import experiments
trace = experiments.get("half_close").run()
print(trace.label, len(trace.packets) > 0)
"""


def test_a_python_without_openssl_misses_nothing_else():
    """页内内核里的 Python 就没有它。"""
    done = subprocess.run([sys.executable, "-c", WITHOUT_OPENSSL], capture_output=True, text=True)
    assert done.stdout == "实时 True\n", done.stderr
