"""主机生来的内核参数：表里怎么写就是怎么样；写不成的，轨迹里说真话。"""

from __future__ import annotations

import socket

import pytest

from sockscope import experiments
from sockscope.live import Network
from sockscope.live.namespace import Namespace
from sockscope.live.settings import BUFFER, INSTRUMENT, MACHINE, VERSION, machine_wide, table

PINNED = table("stock").values
PINGS = "ipv4/ping_group_range"
SIZES = {socket.SO_RCVBUF: "core/rmem_max", socket.SO_SNDBUF: "core/wmem_max"}
READ = 'for name; do printf "%s=" "$name"; cat "/proc/sys/net/$name" 2>/dev/null || echo; done'


def values(host, *names: str) -> dict[str, str]:
    """主机里此刻的值；没有这一项则为空串。"""
    program = host.program("sh", "-c", READ, "sh", *names)
    lines = program.stdout.read().decode().splitlines()
    assert program.wait() == 0
    return {name: " ".join(value.split()) for name, _, value in (line.partition("=") for line in lines)}


def congestion(sock: socket.socket) -> str:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


@pytest.mark.parametrize("host", ["client", "server"])
def test_every_host_is_born_as_the_table_says(net, host):
    told = net.trace.settings
    expected = {name: told.get(name, value) for name, value in PINNED.items()}
    found = values(net[host], *PINNED)
    if found[PINGS] != "1 0":  # 用户命名空间里没有组 1；读出来的是两个“没有这个组”，同样谁也不许
        low, high = found.pop(PINGS).split()
        assert low == high != "0"
        del expected[PINGS]
    assert {name: value for name, value in found.items() if value != expected[name]} == {}


def test_what_was_refused_is_told_and_is_the_truth(net):
    told = net.trace.settings
    refused = [name for name in told if name in PINNED]
    assert told["table"] == VERSION
    assert values(net.client, *refused) == {name: told[name] for name in refused}
    assert [name for name in refused if told[name] == PINNED[name]] == []


def test_a_setting_that_no_kernel_has_is_told_and_is_no_error():
    wanted = {"ipv4/no_such_thing": "1", "ipv4/tcp_congestion_control": "snail", "ipv4/tcp_dsack": "0"}
    namespace = Namespace([], sysctl=wanted).ready()
    namespace.close()
    assert namespace.refused == {"ipv4/no_such_thing": "", "ipv4/tcp_congestion_control": "reno"}


def test_tcp_sockets_get_the_congestion_control_of_the_table_where_the_kernel_has_it(net, connection):
    available = values(net.client, "ipv4/tcp_available_congestion_control").popitem()[1].split()
    wanted = PINNED["ipv4/tcp_congestion_control"]
    expected = wanted if wanted in available else "reno"
    sockets = [*connection, net.client.socket(socket.AF_INET6)]
    assert {congestion(sock) for sock in sockets} == {expected}


@pytest.mark.parametrize("buffer", [BUFFER, 65536, 8_388_608])
def test_sockets_without_tcp_are_born_with_the_buffers_they_are_given(buffer):
    """换掉表里的值，与机器的缺省不同是一个道理。超过机器上限的，只有 root 设得成。"""
    namespace, limits = Namespace([], buffer=buffer).ready(), machine_wide()
    try:
        for family, kind in ((socket.AF_UNIX, socket.SOCK_DGRAM), (socket.AF_INET, socket.SOCK_DGRAM)):
            with socket.socket(fileno=namespace.socket(family, kind)) as sock:
                for option, limit in SIZES.items():
                    highest = 2 * int(limits[limit])
                    assert sock.getsockopt(socket.SOL_SOCKET, option) in {buffer, min(buffer, highest)}
    finally:
        namespace.close()


def test_what_accept_makes_has_the_same_buffers(net):
    net.client.plan.buffer = 65536  # 机器的缺省与表里的不同时，是一个道理
    listener, near = net.client.socket(socket.AF_UNIX), net.client.socket(socket.AF_UNIX)
    listener.bind(net.folder + "door")
    listener.listen()
    near.connect(net.folder + "door")
    far, _ = listener.accept()
    assert [c.name for c in net.trace.calls] == ["bind", "listen", "connect", "accept"], "仪器做的不算"
    assert [far.getsockopt(socket.SOL_SOCKET, option) for option in SIZES] == [65536, 65536]


def test_tcp_buffers_are_those_of_tcp_rmem_and_tcp_wmem(net):
    sock = net.client.socket()
    for option, name in ((socket.SO_RCVBUF, "ipv4/tcp_rmem"), (socket.SO_SNDBUF, "ipv4/tcp_wmem")):
        assert sock.getsockopt(socket.SOL_SOCKET, option) == int(PINNED[name].split()[1])


def test_the_trace_tells_what_the_experiment_changed(net):
    net.client.sysctl("tcp_fin_timeout", 7)
    assert net.trace.settings["client ipv4/tcp_fin_timeout"] == "7"
    assert values(net.client, "ipv4/tcp_fin_timeout") == {"ipv4/tcp_fin_timeout": "7"}


def test_the_trace_tells_what_the_whole_machine_has(net):
    assert {name: net.trace.settings.get(name) for name in MACHINE} == {name: machine_wide().get(name) for name in MACHINE}
    assert "core/rmem_max" in net.trace.settings


def test_nobody_may_ping_until_a_group_may(net):
    """root 与普通用户一样：``1 0`` 写得进去（或本来就是），写过 ``0 0`` 以后组 0 就可以。"""
    net.client.sysctl(PINGS, "1 0")
    with net.client.unprivileged(), pytest.raises(PermissionError):
        net.client.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    net.client.sysctl(PINGS, "0 0")
    with net.client.unprivileged():
        net.client.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)


def test_the_machine_s_own_settings_on_demand():
    with Network("client", "server", settings="machine") as net:
        found = values(net.client, *INSTRUMENT)
    assert net.trace.settings["table"] == "machine"
    assert found == {name: PINNED[name] for name in INSTRUMENT}
    assert len(table("machine").values) == len(INSTRUMENT)


def test_loopback_is_the_machine_as_it_is():
    trace = experiments.get("half_close").run(capture="loopback")
    assert trace.settings == {"table": "machine"} | machine_wide()


@pytest.mark.parametrize("settings", ["", "mine", "STOCK"])
def test_unknown_settings_get_one_sentence(settings):
    with pytest.raises(ValueError) as caught:
        Network("client", "server", settings=settings)
    assert str(caught.value).startswith("settings 只能是 'stock'")
    assert "\n" not in str(caught.value)
