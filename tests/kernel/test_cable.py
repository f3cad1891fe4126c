"""网线的脾气：时延、抖动、丢失、重复、乱序、剪断、剪刀；同一个种子，同样的命运。"""

from __future__ import annotations

import socket

import pytest

from sockscope.live import Network
from sockscope.render import svg, text
from sockscope.trace import Packet


def datagrams(count: int, **temper: float) -> list[Packet]:
    """服务器收 ``count`` 个数据报时网线上的包；``temper`` 是网线的脾气。"""
    seed = int(temper.pop("seed", 0))
    with Network("client", "server", seed=seed) as net:
        for name, value in temper.items():
            setattr(net.cable, name, value)
        sender = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver = net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((net.server.address, 7))
        for number in range(count):
            sender.sendto(b"%03d" % number, receiver.getsockname())
        net.settle()
    return net.trace.packets


def fates(packets: list[Packet]) -> list[tuple[bytes, str]]:
    return [(p.payload, p.fate) for p in packets]


def arrivals(packets: list[Packet]) -> list[bytes]:
    """送达的数据，按到达的次序。"""
    return [p.payload for p in sorted((p for p in packets if p.end is not None), key=lambda p: p.end)]


# ---------------------------------------------------------------- 时间

def test_delay_is_at_least_what_was_asked():
    for packet in datagrams(5, delay=0.004):
        assert packet.end - packet.t >= 4_000_000


def test_no_delay_is_short():
    took = sorted(p.end - p.t for p in datagrams(21))
    assert took[10] < 2_000_000


def test_delay_can_change_while_running(net, connection):
    near, far = connection
    near.send(b"quick")
    far.recv(64)
    net.cable.delay = 0.02
    near.send(b"slow")
    assert far.recv(64) == b"slow"
    quick, slow = (next(p for p in net.trace.packets if p.payload == word) for word in (b"quick", b"slow"))
    assert quick.end - quick.t < 20_000_000 <= slow.end - slow.t


def test_jitter_varies_the_delay_and_keeps_the_order():
    packets = datagrams(30, delay=0.001, jitter=0.005)
    took = [p.end - p.t for p in packets]
    assert min(took) >= 1_000_000
    assert max(took) - min(took) > 1_000_000
    assert arrivals(packets) == [b"%03d" % n for n in range(30)]


# ---------------------------------------------------------------- 命运

TEMPERS = [{"loss": 0.4}, {"duplicate": 0.4}, {"reorder": 0.4, "reorder_delay": 0.01},
           {"loss": 0.2, "duplicate": 0.2, "jitter": 0.002}]


@pytest.mark.parametrize("temper", TEMPERS, ids=["+".join(t) for t in TEMPERS])
def test_the_same_seed_gives_the_same_fate(temper):
    one, two, other = (datagrams(40, **temper, seed=seed) for seed in (7, 7, 8))
    assert fates(one) == fates(two)
    assert (fates(one), arrivals(one)) != (fates(other), arrivals(other))


def test_loss_loses_about_that_many():
    lost = [f for _, f in fates(datagrams(60, loss=0.5))].count("lost")
    assert 15 < lost < 45
    assert {f for _, f in fates(datagrams(5, loss=1.0))} == {"lost"}
    assert {f for _, f in fates(datagrams(5, loss=0.0))} == {"delivered"}


def test_a_duplicate_is_marked_and_arrives_twice():
    packets = datagrams(3, duplicate=1.0)
    assert [f for _, f in fates(packets)] == ["delivered", "duplicate"] * 3
    assert arrivals(packets) == [b"000", b"000", b"001", b"001", b"002", b"002"]


def test_reordering_changes_the_order_and_loses_nothing():
    got = arrivals(datagrams(30, reorder=0.3, reorder_delay=0.5))  # 发送的一方停顿得再久，后面的也赶得上
    assert got != sorted(got)
    assert sorted(got) == [b"%03d" % n for n in range(30)]


@pytest.mark.parametrize(("name", "value"), [("loss", 1.5), ("loss", -0.1), ("duplicate", 2), ("delay", -1)])
def test_an_impossible_temper_is_refused_at_once(net, name, value):
    with pytest.raises(ValueError, match=name):
        setattr(net.cable, name, value)


# ---------------------------------------------------------------- 剪断与接上

def test_cut_and_join_while_running(net, connection):
    near, far = connection
    net.cable.cut()
    near.send(b"into the dark")
    net.settle()
    with pytest.raises(BlockingIOError):
        far.recv(64, socket.MSG_DONTWAIT)
    net.cable.join()
    assert far.recv(64) == b"into the dark", "重传补上了它"
    there = [(p.fate, p.note) for p in net.trace.sent_by("client") if p.length]
    assert there[0] == ("cut", "")
    assert there[-1] == ("delivered", "retransmission")
    assert [(e.where, e.name) for e in net.trace.events if e.kind == "action"] == [("cable0", "cut"), ("cable0", "join")]


def test_what_is_under_way_is_lost_in_the_cut():
    with Network("client", "server", delay=60) as net:  # 这边停顿多久，它也还在路上
        sender = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.sendto(b"x", (net.server.address, 7))
        while not net.trace.packets:  # 等它上线
            pass
        net.cable.cut()
        net.cable.join()  # 接上也找不回来
        net.settle()
    assert [(p.fate, p.end) for p in net.trace.packets] == [("cut", None)]


def test_an_experiment_that_ends_with_packets_on_the_wire_says_so(monkeypatch):
    monkeypatch.setattr("sockscope.live.quiet.PATIENCE", 0.05)
    with (pytest.raises(TimeoutError, match="网线上还有包"), Network("client", "server", delay=60) as net):
        net.client.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (net.server.address, 7))


# ---------------------------------------------------------------- 剪刀

def test_drop_the_nth():
    with Network("client", "server") as net:
        net.cable.drop(n=2)
        receiver = net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((net.server.address, 7))
        sender = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for word in (b"one", b"two", b"three"):
            sender.sendto(word, (net.server.address, 7))
        net.settle()
    assert [p.fate for p in net.trace.sent_by("client")] == ["delivered", "dropped", "delivered"]


def test_drop_what_matches(net, connection):
    near, far = connection
    net.cable.drop(match=lambda p: p.payload == b"no", times=2)
    for word in (b"yes", b"no"):
        near.send(word)
        net.settle()
    assert far.recv(64) == b"yes"
    assert far.recv(64) == b"no"
    assert [p.fate for p in net.trace.sent_by("client") if p.payload == b"no"] == ["dropped", "dropped", "delivered"]


def test_drop_the_kth_of_a_signature(net, connection):
    """同一签名第二次出现就是重传：丢第二次，第一次与第三次照样送达。"""
    near, far = connection
    signature = "client>server PSH+ACK 1+5"
    net.cable.drop(match=lambda p: p.signature == signature, times=1)
    net.cable.drop(signature=f"{signature} #2")
    near.send(b"again")
    assert far.recv(64) == b"again"
    assert [(s, p.fate) for s, p in zip(net.trace.signatures, net.trace.packets, strict=True)
            if s.startswith(signature)] == [
        (f"{signature} #1", "dropped"), (f"{signature} #2", "dropped"), (f"{signature} #3", "delivered")]


def test_sightings_before_the_rule_count_too(net, connection):
    """规则来得晚，或者网线剪断过：第几次出现仍与轨迹里的编号一致。"""
    near, far = connection
    udp = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.sendto(b"same", (net.server.address, 9))
    net.settle()
    net.cable.cut()
    udp.sendto(b"same", (net.server.address, 9))
    net.settle()
    net.cable.join()
    net.cable.drop(signature="client>server UDP 4 #3")
    for _ in range(2):
        udp.sendto(b"same", (net.server.address, 9))
        net.settle()
    fates_ = {s: p.fate for s, p in zip(net.trace.signatures, net.trace.packets, strict=True) if "UDP" in s}
    assert fates_ == {"client>server UDP 4 #1": "delivered", "client>server UDP 4 #2": "cut",
                      "client>server UDP 4 #3": "dropped", "client>server UDP 4 #4": "delivered"}
    near.close()
    far.close()


def test_the_signature_of_a_recording_finds_the_packet_again(net, listener):
    net.cable.drop(signature="server>client SYN+ACK 0+0 #1")
    near = net.client.socket()
    near.connect(listener.getsockname())
    answers = [(s, p.fate) for s, p in zip(net.trace.signatures, net.trace.packets, strict=True) if "SYN+ACK" in s]
    assert answers[:2] == [("server>client SYN+ACK 0+0 #1", "dropped"), ("server>client SYN+ACK 0+0 #2", "delivered")]


@pytest.mark.parametrize("asked", [{}, {"n": 1, "signature": "x"}])
def test_drop_wants_exactly_one_rule(net, asked):
    with pytest.raises(ValueError, match="三者之一"):
        net.cable.drop(**asked)


def test_a_faulty_rule_surfaces_in_the_main_thread():
    def faulty(packet: Packet) -> bool:
        raise ZeroDivisionError("读者写错了")

    def connect() -> None:
        with Network("client", "server") as net:
            net.cable.drop(match=faulty)
            net.client.socket().connect_ex((net.server.address, 7))  # 不会永远等下去

    with pytest.raises(ZeroDivisionError, match="读者写错了"):
        connect()


def test_a_probe_after_a_lost_window_update_is_a_window_probe():
    """窗口更新丢了：网线见过它，发送方没有；之后的探测是窗口探测，不是保活。"""
    with Network("client", "server", delay=0.002, delayed_ack=False) as net:
        listener = net.server.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind((net.server.address, 7))
        listener.listen()
        near = net.client.socket()
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        net.client.spawn(near.sendall, bytes(9000))
        net.settle()
        net.cable.drop(match=lambda packet: packet.src == "server" and bool(packet.window))
        received = 0
        while received < 9000:
            received += len(far.recv(9000))
    notes = [p.note for p in net.trace.packets]
    assert "window probe" in notes
    assert "keepalive" not in notes


def test_after_the_pen_is_down_packets_still_travel_but_leave_no_trace(net, connection):
    """收工时杀死的进程也会说再见，那不属于实验；说得再多，轨迹也不再长。"""
    near, far = connection
    assert net.settle()
    before = net.trace.packets
    net.wires.freeze()
    near.close()
    assert net.wires.settle(5)
    assert far.recv(1) == b""
    assert net.trace.packets == before


# ---------------------------------------------------------------- 带宽与队列

def test_a_narrow_cable_takes_its_time_and_keeps_the_order():
    """每个数据报 31 字节：10 千比特每秒的网线上，一个要 24.8 ms，后面的排在它后面。"""
    packets = datagrams(4, bandwidth=10_000)
    assert all(p.end - packets[0].t >= (n + 1) * 31 * 8 * 100_000 for n, p in enumerate(packets))
    assert arrivals(packets) == [b"000", b"001", b"002", b"003"]


def test_what_the_queue_cannot_hold_is_lost_and_says_so():
    packets = datagrams(8, bandwidth=10_000, queue=2)
    assert [p.fate for p in packets] == ["delivered"] * 3 + ["overflow"] * 5
    assert all(p.end is None for p in packets[3:])


def test_the_figure_tells_the_bandwidth_and_what_was_lost(net):
    net.cable.bandwidth, net.cable.queue = 10_000, 1
    sender = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(4):
        sender.sendto(b"x", (net.server.address, 7))
    net.settle()
    assert net.trace.cables[0].bandwidth == 10_000
    for told in (text.render(net.trace), svg.render(net.trace)):
        assert "带宽 10 kbit/s" in told
        assert "队列满" in told
    assert "带宽 0.01 Mbit/s，队列 1 个包" in repr(net.cable)


def test_the_other_direction_has_a_queue_of_its_own(net, connection):
    net.cable.bandwidth, net.cable.queue = 50_000, 1
    near, far = connection
    near.send(b"there")
    assert far.recv(16) == b"there"
    far.send(b"back")
    assert near.recv(16) == b"back"
    assert {p.fate for p in net.trace.packets} == {"delivered"}


@pytest.mark.parametrize(("name", "value", "said"), [
    ("bandwidth", -1, "比特每秒"), ("queue", 0, "1 以上的整数"), ("queue", 1.5, "1 以上的整数"),
    ("delay", float("inf"), "单位是秒"), ("delay", float("nan"), "单位是秒")])
def test_a_value_that_makes_no_sense_is_one_sentence(net, name, value, said):
    with pytest.raises(ValueError, match=said):
        setattr(net.cable, name, value)


# ---------------------------------------------------------------- 写错了名字

@pytest.mark.parametrize(("wrong", "said"), [("losss", "是不是 loss？"), ("bandwith", "是不是 bandwidth？"), ("colour", "有：")])
def test_a_misspelt_property_is_asked_back(net, wrong, said):
    with pytest.raises(AttributeError, match=said):
        setattr(net.cable, wrong, 0.5)


@pytest.mark.parametrize("signature", ["zzz #x", "client>server", "client>client SYN 0+0", "client>server SYN 0+0 #0", ""])
def test_a_signature_that_cannot_be_is_refused(net, signature):
    with pytest.raises(ValueError, match="签名的样子"):
        net.cable.drop(signature=signature)


@pytest.mark.parametrize("name", ["delay", "rto_min"])
@pytest.mark.parametrize("value", [-5, float("inf"), float("nan")])
def test_a_network_refuses_a_time_that_makes_no_sense(name, value):
    with pytest.raises(ValueError, match=f"{name} 的单位是秒"):
        Network("client", "server", **{name: value})
