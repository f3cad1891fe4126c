"""图上的网络：NAT、防火墙、交换机、两条路、许多台主机；规则是内核自己的。"""

from __future__ import annotations

import errno
import resource
import socket

import pytest

from sockscope import Network, Unavailable
from sockscope.render import svg, text
from sockscope.trace import dumps, loads

NAT = [("client", "nat"), ("nat", "server")]
FORGET = "netfilter/nf_conntrack_tcp_timeout_established"


def listening(host, port: int = 7) -> socket.socket:
    listener = host.socket()
    listener.bind(("0.0.0.0", port))
    listener.listen()
    return listener


def connected(net: Network, near, far):
    """一条连接的两端，和 accept() 说的对端地址。"""
    listener = listening(far)
    sock = near.socket()
    sock.connect((far.address, 7))
    conn, peer = listener.accept()
    net.settle()
    return sock, conn, peer


# ---------------------------------------------------------------- NAT

def test_a_nat_shows_its_own_address():
    with Network(cables=NAT) as net:
        net.nat.masquerade("server")
        near, conn, peer = connected(net, net.client, net.server)
        near.send(b"hi")
        assert conn.recv(8) == b"hi"
        conn.send(b"ho")
        assert near.recv(8) == b"ho"
    assert peer[0] == net.nat.addresses[2 if len(net.nat.addresses) > 2 else 1]
    seen = {p.source.split(":")[0] for p in net.trace.packets if p.cable == 1 and p.src == "nat"}
    assert seen == {peer[0]}
    assert any(a.name == "masquerade" for a in net.trace.events if a.kind == "action")


def test_a_nat_with_two_ports_lets_two_connections_out():
    with Network(cables=NAT, rto_min=2.0) as net:
        net.nat.masquerade("server", ports=(40_000, 40_001))
        listener = listening(net.server)
        socks = [net.client.socket() for _ in range(3)]
        for sock in socks[:2]:
            sock.connect((net.server.address, 7))
        peers = {listener.accept()[1][1] for _ in range(2)}
        assert peers == {40_000, 40_001}
        socks[2].setblocking(False)
        assert socks[2].connect_ex((net.server.address, 7)) == errno.EINPROGRESS
        net.settle()
    passed = [p for p in net.trace.packets if p.cable == 1 and p.flags == ["SYN"]]
    assert len(passed) == 2


@pytest.mark.parametrize("ports", [(0, 5), (9, 8), (1, 65536)])
def test_ports_that_are_none_are_one_sentence(ports):
    with Network(cables=NAT) as net, pytest.raises(ValueError, match="在 1 到 65535 之间"):
        net.nat.masquerade("server", ports=ports)


@pytest.mark.parametrize("loose", [0, 1])
def test_a_nat_that_forgot_an_idle_connection(loose):
    """忘了以后：严格的，数据石沉大海；宽松的（内核的缺省），当作新的连接接着换。"""
    with Network(cables=NAT, rto_min=2.0) as net:
        net.nat.sysctl(FORGET, 0)  # 安静 0 秒就忘
        net.nat.sysctl("netfilter/nf_conntrack_tcp_loose", loose)
        net.nat.masquerade("server")
        near, conn, _ = connected(net, net.client, net.server)
        before = len(net.trace.packets)
        near.send(b"still there?")
        net.settle()
        passed = [p for p in net.trace.packets[before:] if p.cable == 1 and p.length]
        assert bool(passed) is bool(loose)
        assert conn


# ---------------------------------------------------------------- 防火墙

@pytest.mark.parametrize("reject", [False, True])
def test_a_firewall_lets_only_one_side_begin(reject):
    with Network("client", "firewall", "server", rto_min=2.0) as net:
        net.firewall.firewall("client", reject=reject)
        near, conn, _ = connected(net, net.client, net.server)
        conn.send(b"back")
        assert near.recv(8) == b"back"
        listening(net.client, 8)
        out = net.server.socket()
        out.setblocking(False)
        assert out.connect_ex((net.client.address, 8))
        net.settle()
        syns = [p for p in net.trace.packets if p.flags == ["SYN"] and p.target.endswith(":8")]
        told = [p for p in net.trace.packets if p.protocol == "icmp"]
    assert [p.cable for p in syns] == [1]
    assert [p.info for p in told] == ["communication prohibited"] * reject


@pytest.mark.parametrize(("reply", "told", "info"), [
    (True, "EHOSTUNREACH", "communication prohibited"), ("host", "EHOSTUNREACH", "host unreachable"),
    ("net", "ENETUNREACH", "net unreachable"), ("port", "ECONNREFUSED", "port unreachable"), ("reset", "ECONNREFUSED", "")])
def test_a_firewall_refuses_in_its_own_words_and_the_target_hears_nothing(reply, told, info):
    with Network("client", "firewall", "server") as net:
        net.firewall.firewall("server", reject=reply)
        sock = net.client.socket()
        with pytest.raises(OSError) as failed:
            sock.connect((net.server.address, 7007))
        assert errno.errorcode[failed.value.errno] == told
        net.settle()
    assert net.trace.packets[-1].info == info
    assert "server" not in [p.dst for p in net.trace.packets]


def test_a_firewall_says_what_it_can_answer():
    with Network("client", "firewall", "server") as net, pytest.raises(ValueError, match="不会答 'maybe'；可取：prohibited、"):
        net.firewall.firewall("server", reject="maybe")


@pytest.mark.slow
def test_nobody_answers_arp_on_an_empty_ethernet():
    with Network("client", "server") as net:
        net.client.ethernet("10.8.0.1/24")
        sock = net.client.socket()
        with pytest.raises(OSError) as failed:
            sock.connect(("10.8.0.9", 7007))
        assert failed.value.errno == errno.EHOSTUNREACH
    assert net.trace.packets == []


def test_a_wrong_neighbour_is_one_sentence():
    with Network(cables=NAT) as net, pytest.raises(ValueError, match="nat 与 mars 之间没有网线"):
        net.nat.masquerade("mars")


def test_a_kernel_without_nf_tables_is_one_sentence(monkeypatch):
    with Network(cables=NAT) as net:
        def refuse(*_args, **_options):
            raise OSError(93, "Protocol not supported")
        monkeypatch.setattr(net.nat.namespace, "request", refuse)
        with pytest.raises(Unavailable, match="没有 nf_tables"):
            net.nat.masquerade("server")


# ---------------------------------------------------------------- 交换机与两条路

def test_a_switch_sends_each_packet_where_it_belongs():
    with Network(cables=[("a", "lan"), ("b", "lan"), ("c", "lan")], switches=["lan"], delay=0.001) as net:
        near, conn, peer = connected(net, net.a, net.c)
        near.send(b"hi")
        assert conn.recv(8) == b"hi"
        assert peer[0] == net.a.address
    assert {p.cable for p in net.trace.packets} == {0, 2}
    assert [h.name for h in net.trace.hosts] == ["a", "lan", "b", "c"]
    trace = net.trace
    assert loads(dumps(trace)) == trace
    assert "lan→c SYN" in text.render(trace, width=140)
    for style in ("wide", "narrow"):
        assert svg.render(trace, width=style).count("交换机") >= 1


def test_a_switch_sends_what_is_for_everybody_to_everybody_else():
    with Network(cables=[("a", "lan"), ("b", "lan"), ("c", "lan")], switches=["lan"]) as net:
        ears = []
        for host in (net.b, net.c):
            ear = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.bind(("", 9))
            ears.append(ear)
        mouth = net.a.socket(socket.AF_INET, socket.SOCK_DGRAM)
        mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        mouth.sendto(b"all", ("10.0.0.255", 9))
        assert [ear.recv(8) for ear in ears] == [b"all", b"all"]


def test_a_switch_carries_bursts_whole():
    with Network(cables=[("a", "lan"), ("b", "lan")], switches=["lan"], offload=True) as net:
        near, conn, _ = connected(net, net.a, net.b)
        near.sendall(bytes(20_000))
        got = 0
        while got < 20_000:
            got += len(conn.recv(65536))
        net.settle()
    assert {p.length for p in net.trace.packets if p.length} <= set(range(1, 1449))


def test_two_ways_with_different_delays():
    with Network(cables=[("client", "r1"), ("client", "r2"), ("r1", "server"), ("r2", "server")]) as net:
        net.between("client", "r2").delay = 0.03
        listening(net.server)
        for address in [a for a in net.server.addresses if ":" not in a]:
            net.client.socket().connect((address, 7))
        net.settle()
    first = {p.target.split(":")[0]: (p.cable, p.end - p.t) for p in net.trace.packets
             if p.src == "client" and p.flags == ["SYN"]}
    assert first["10.0.2.2"][0] == 0
    assert first["10.0.3.2"][0] == 1
    assert first["10.0.3.2"][1] >= 30_000_000


def test_between_asks_back():
    with Network(cables=NAT) as net:
        assert net.between("server", "nat") is net.cables[1]
        with pytest.raises(ValueError, match="client─nat、nat─server"):
            net.between("client", "server")


def test_a_rebooted_router_is_plugged_in_again():
    with Network("client", "router", "server") as net:
        net.router.reboot()
        _near, _conn, peer = connected(net, net.client, net.server)
        assert peer[0] == net.client.address


# ---------------------------------------------------------------- 许多台

@pytest.fixture
def descriptors():
    """许多台主机要许多描述符；试完放回原来的限制。"""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
def test_two_hundred_and_fifty_hosts_on_one_switch(descriptors):
    with Network(cables=[(f"h{i}", "lan") for i in range(250)], switches=["lan"]) as net:
        _near, _conn, peer = connected(net, net.h0, net.h249)
    assert peer[0] == "10.0.0.1"
    assert net.h249.address == "10.0.0.250"


@pytest.mark.slow
def test_a_row_longer_than_the_usual_ttl(descriptors):
    with Network(*(f"h{i}" for i in range(80))) as net:
        _near, _conn, peer = connected(net, net.h0, net.h79)
        assert net.h0.sysctl("ip_default_ttl") == "255"
    assert peer[0] == "10.0.0.1"
