"""主机：各有各的命名空间、地址、端口和特权。"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from sockscope.live import Network, Unavailable


def namespace_of(pid: int) -> int:
    return os.stat(f"/proc/{pid}/ns/net").st_ino


def test_every_host_has_a_namespace_of_its_own(net):
    spaces = {namespace_of(pid) for pid in (os.getpid(), net.client.namespace.pid, net.server.namespace.pid)}
    assert len(spaces) == 3


def test_a_socket_stays_where_it_was_born(net, listener):
    """SIOCGSKNS 问得到套接字所在的命名空间（socket(7)）：无论在哪个线程里用，它都属于出生的主机。"""
    import fcntl
    siocgskns, seen = 0x894C, []

    def look() -> None:
        fd = fcntl.ioctl(listener.fileno(), siocgskns)
        seen.append(os.fstat(fd).st_ino)
        os.close(fd)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [namespace_of(net.server.namespace.pid)]


def held_by(pid: int, sock: socket.socket) -> bool:
    """那个进程也拿着这个套接字的描述符。"""
    wanted, folder = os.readlink(f"/proc/self/fd/{sock.fileno()}"), f"/proc/{pid}/fd"
    held = set()
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # 刚分叉的进程还在放下别的描述符
            held.add(os.readlink(f"{folder}/{fd}"))
    return wanted in held


def test_nobody_else_holds_a_new_socket(net):
    """主机交出套接字时已经放下自己的副本：close() 是最后一个引用，FIN 立刻发出。"""
    for _ in range(20):
        assert not held_by(net.client.namespace.pid, net.client.socket())


def test_only_the_process_holds_what_it_was_given(net):
    for _ in range(20):
        sock = net.client.socket()
        with socket.socket(fileno=os.dup(sock.fileno())) as keep:
            process = net.client.process(sock)
            assert held_by(process.pid, keep)
            assert not held_by(net.client.namespace.pid, keep)


def test_the_outside_does_not_see_a_host(net, listener):
    """本机的套接字连不到主机里：两个世界只共用这个进程。"""
    with socket.socket() as outside, Network("client", "server") as other:
        outside.bind(("127.0.0.1", 0))
        near = other.client.socket()
        assert near.connect_ex(("127.0.0.1", outside.getsockname()[1])) == errno.ECONNREFUSED


@pytest.mark.parametrize(("family", "attribute"), [(socket.AF_INET, "address"), (socket.AF_INET6, "address6")])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_both_families_reach_the_other_host(net, family, attribute, kind):
    server, client = net.server.socket(family, kind), net.client.socket(family, kind)
    server.bind((getattr(net.server, attribute), 7))
    if kind == socket.SOCK_STREAM:
        server.listen()
    client.connect((getattr(net.server, attribute), 7))
    client.send(b"hello")
    far = server.accept()[0] if kind == socket.SOCK_STREAM else server
    assert far.recv(64) == b"hello"
    assert client.getsockname()[0] == getattr(net.client, attribute)


def test_loopback_inside_a_host_is_up(net):
    listener = net.client.socket()
    listener.bind(("127.0.0.1", 7))
    listener.listen()
    sock = net.client.socket()
    sock.connect(("127.0.0.1", 7))
    assert net.trace.packets == [], "环回上的包不经过网线"


def test_ports_below_1024_are_free_to_use(net):
    for port in (1, 7, 80, 1023):
        sock = net.server.socket()
        sock.bind(("0.0.0.0", port))


def test_raw_sockets_work_inside(net):
    raw = net.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.sendto(bytes([8, 0, 0xF7, 0xFF, 0, 0, 0, 0]), (net.server.address, 0))
    reply = raw.recv(64)
    assert reply[20] == 0, "ICMP echo reply"
    assert [p.info for p in net.trace.packets] == ["echo request", "echo reply"]


def test_nothing_but_the_experiment_is_on_the_cable(net):
    """内核在新网口上发的 IPv6 邻居发现和组播报告不进轨迹。"""
    net.settle()
    assert net.trace.packets == []


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_row_of_hosts_is_routed_from_end_to_end(count):
    names = [f"h{i}" for i in range(count)]
    with Network(*names, delayed_ack=False) as net:
        assert len(net.cables) == count - 1
        for family, pick in ((socket.AF_INET, "address"), (socket.AF_INET6, "address6")):
            last = net[names[-1]].socket(family)
            last.bind((getattr(net[names[-1]], pick), 7))
            last.listen()
            near = net[names[0]].socket(family)
            near.connect(last.getsockname())
            assert last.accept()[1][:2] == near.getsockname()[:2]
    hops = [(p.src, p.dst) for p in net.trace.packets if p.flags == ["SYN"]]
    assert hops == [(f"h{i}", f"h{i + 1}") for i in range(count - 1)] * 2


def test_routers_lower_the_hop_limit():
    with Network("client", "router", "server", delayed_ack=False) as net:
        sock = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.sendto(b"x", (net.server.address, 9))
        net.settle()
    there = [p for p in net.trace.packets if p.protocol == "udp"]
    assert [bytes.fromhex(p.raw)[8] for p in there] == [64, 63]


def test_sysctl_belongs_to_one_host(net):
    net.client.sysctl("tcp_syn_retries", 1)
    reader = net.client.program("cat", "/proc/sys/net/ipv4/tcp_syn_retries")
    assert reader.stdout.read() == b"1\n"
    other = net.server.program("cat", "/proc/sys/net/ipv4/tcp_syn_retries")
    assert other.stdout.read() == b"6\n"
    with pytest.raises(Unavailable, match=r"这个内核没有 net\.ipv4\.no_such_thing 这个参数"):
        net.client.sysctl("no_such_thing", 1)


def test_kernel_errors_come_back_as_the_same_errors(net):
    with pytest.raises(OSError) as caught:
        net.client.socket(socket.AF_INET, socket.SOCK_STREAM, 250)
    assert caught.value.errno == errno.EPROTONOSUPPORT
    with pytest.raises(OSError) as caught:
        net.client.route("10.9.9.0/24", "unicast", gateway="172.16.0.1")
    assert caught.value.errno == errno.ENETUNREACH
    net.client.socket()  # 主机还活着，还应答


def test_hosts_are_reached_by_name(net):
    assert net["client"] is net.client
    assert repr(net.client) == f"<Host client {' '.join(net.client.addresses)}>"
    with pytest.raises(AttributeError, match="没有叫 'nobody' 的主机"):
        net.nobody  # noqa: B018
    assert not hasattr(net, "nobody")


@pytest.mark.parametrize("names", [(), ("one",), ("same", "same")])
def test_a_network_needs_two_different_hosts(names):
    with pytest.raises(ValueError, match="至少要两台名字不同的主机"):
        Network(*names)


def test_a_parameter_is_asked_of_the_host_not_of_the_machine(net):
    net.client.sysctl("ip_local_port_range", "40000 40001")
    assert net.client.sysctl("ip_local_port_range") == "40000 40001"
    assert net.server.sysctl("ip_local_port_range") == "32768 60999"


def test_on_loopback_the_host_is_the_machine():
    with Network("client", "server", capture="loopback") as net:
        assert net.server.sysctl("core/rmem_max") == " ".join(Path("/proc/sys/net/core/rmem_max").read_text().split())
        with pytest.raises(Unavailable, match="命名空间"):
            net.server.sysctl("tcp_syn_retries", 1)


def test_after_closing_no_socket_is_born():
    with Network("client", "server") as net:
        pass
    with pytest.raises(ValueError, match="已经关闭"):
        net.client.socket()
    with pytest.raises(Unavailable, match="环回"), Network("client", "server", capture="loopback") as other:
        other.cable.cut()


def test_ipv6_addresses_are_ready_at_once():
    """造好的主机，IPv6 地址马上绑得上、连得到：不留给重复地址检测去赛跑。"""
    for _ in range(10):
        with Network("client", "server") as net:
            listener, near = net.server.socket(socket.AF_INET6), net.client.socket(socket.AF_INET6)
            listener.bind((net.server.address6, 7))
            listener.listen()
            near.connect((net.server.address6, 7))
