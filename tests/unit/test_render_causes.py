"""哪次调用引出了哪个包：逐条规则，对照真实的轨迹。"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from sockscope import experiments
from sockscope.render.causes import causes, socket_of
from sockscope.render.descriptors import holdings
from sockscope.render.lanes import lanes
from sockscope.render.waits import Waits
from sockscope.render.words import explain
from sockscope.trace import Action, Call, Packet, Ready, State, Trace, load

ZOO = {p.stem: p for p in sorted((Path(__file__).parent / "render_zoo").glob("*.json"))}


def pairs(trace: Trace) -> list[tuple[Packet, object]]:
    found = causes(trace)
    return [(e, trace.events[found[i]] if i in found else None)
            for i, e in enumerate(trace.events) if isinstance(e, Packet)]


def calls_behind(name: str, what: str) -> list[str]:
    """带有 ``what``（标志，或 data）的包各由哪次调用引出。"""
    wanted = [cause for packet, cause in pairs(load(ZOO[name]))
              if (what in packet.flags or (what == "data" and packet.length)) and isinstance(cause, Call)]
    return [f"{c.host}.{c.name}" for c in wanted]


def test_syn_comes_from_connect_and_is_answered() -> None:
    (syn, call), (synack, packet) = pairs(load(ZOO["echo10"]))[:2]
    assert syn.flags == ["SYN"]
    assert call.name == "connect"
    assert synack.flags == ["SYN", "ACK"]
    assert packet is syn


@pytest.mark.parametrize(("name", "what", "expected"), [
    ("echo10", "data", ["client.sendall", "server.sendall"]),
    ("echo10", "FIN", ["client.shutdown", "server.close"]),
    ("simultaneous", "FIN", ["client.close", "server.close"]),
    ("linger0", "RST", ["client.close"]),
    ("unread", "RST", ["client.close"]),
    ("dup", "data", ["client.sendall"]),
    ("ipv6", "data", ["client.sendall", "server.sendall"]),
])
def test_calls_behind_packets(name: str, what: str, expected: list[str]) -> None:
    assert calls_behind(name, what) == expected


def test_last_close_of_a_duplicate_sends_the_fin() -> None:
    fin, call = next((p, c) for p, c in pairs(load(ZOO["dup"])) if "FIN" in p.flags and p.src == "client")
    assert call.socket == "s1′"
    assert call.t < fin.t


def test_refusal_answers_the_syn() -> None:
    (syn, _), (rst, cause) = pairs(load(ZOO["refused"]))
    assert "RST" in rst.flags
    assert cause is syn


def test_death_of_a_process_sends_the_fin() -> None:
    cause = next(c for p, c in pairs(load(ZOO["killed"])) if "FIN" in p.flags and p.src == "client")
    assert isinstance(cause, Action)
    assert cause.name == "kill"


def test_reset_after_reboot_answers_the_data() -> None:
    cause = next(c for p, c in pairs(load(ZOO["halfopen"])) if "RST" in p.flags)
    assert isinstance(cause, Packet)
    assert cause.payload == b"two"


def test_router_forwards_what_it_received() -> None:
    for packet, cause in pairs(load(ZOO["router"])):
        if packet.src == "router":
            assert isinstance(cause, Packet)
            assert cause.raw[40:] == packet.raw[40:]  # 只有 IP 首部里的 TTL 与校验和不同
            assert cause.cable != packet.cable


def test_icmp_answers_the_packet_it_complains_about() -> None:
    cause = next(c for p, c in pairs(load(ZOO["unreachable"])) if p.protocol == "icmp")
    assert cause.flags == ["SYN"]


def test_retransmission_points_at_the_first_copy() -> None:
    again = [c for p, c in pairs(load(ZOO["syndrop"])) if p.note == "retransmission"]
    assert [c.number for c in again] == [1, 1]


def test_probes_have_no_cause() -> None:
    assert all(c is None for p, c in pairs(load(ZOO["keepalive"])) if p.note == "keepalive")


def test_each_datagram_has_its_own_sendto() -> None:
    data = [(p.payload, c) for p, c in pairs(load(ZOO["udplost"]))]
    assert all(isinstance(c, Call) and bytes.fromhex(c.data) == payload for payload, c in data)
    assert len({id(c) for _, c in data}) == len(data)


# ---------------------------------------------------------------- 描述符与道

def test_descriptors_of_a_duplicated_socket() -> None:
    counts = [n for _, n in holdings(load(ZOO["dup"]))["client", "s1"]]
    assert counts == [2, 1, 0]


def test_accepted_socket_is_born_by_accept() -> None:
    assert [n for _, n in holdings(load(ZOO["echo10"]))["server", "s2"]] == [1, 0]


@pytest.mark.parametrize(("keeps", "counts"), [(False, [1, 2, 1, 0]), (True, [1, 2, 1])])
def test_a_posted_descriptor_counts_until_its_process_ends(keeps, counts) -> None:
    trace = experiments.recording("passing", then="never", keeps=keeps)
    assert [n for _, n in holdings(trace)["server", "s2"]] == counts


def test_the_fin_of_a_posted_socket_is_not_caused_by_close() -> None:
    trace = experiments.recording("passing", then="speaks", keeps=False)
    assert [c for p, c in pairs(trace) if "FIN" in p.flags] == [None]


def test_connection_waits_for_accept_without_descriptor() -> None:
    lane = lanes(load(ZOO["echo10"]))["server"][0]
    syn_recv = lane.spans[0]
    assert syn_recv.state.state == "SYN_RECV"
    assert syn_recv.orphan[0][0] == syn_recv.t


def test_two_connections_have_two_lanes_and_one_listener_none() -> None:
    found = lanes(load(ZOO["two"]))
    assert [lane.number for lane in found["server"]] == [0, 1]
    assert all(lane.peer for lane in found["server"])


def test_reboot_ends_every_lane() -> None:
    trace = load(ZOO["halfopen"])
    reboot = next(e for e in trace.events if isinstance(e, Action))
    assert lanes(trace)["server"][0].end == reboot.t


# ---------------------------------------------------------------- 说明

@pytest.mark.parametrize("name", ZOO)
def test_every_event_can_be_explained(name: str) -> None:
    trace = load(ZOO[name])
    for index, event in enumerate(trace.events):
        told = explain(trace, index)
        assert told["title"]
        assert all(told["lines"])
        assert bool(told["hex"]) == isinstance(event, Packet)


def test_readiness_is_explained_bit_by_bit() -> None:
    trace = experiments.recording("ready_when", what="fin")
    index = next(i for i, e in enumerate(trace.events) if isinstance(e, Ready) and e.mask and "RDHUP" in e.mask)
    told = explain(trace, index)
    assert told["title"] == "服务器：s2 准备好了 IN、OUT、RDHUP"
    assert told["lines"][:3] == ["POLLIN：可读。", "POLLOUT：可写。", "POLLRDHUP：对端不再发。"]


def test_blocks_cover_the_whole_packet() -> None:
    trace = load(ZOO["echo10"])
    index = next(i for i, e in enumerate(trace.events) if isinstance(e, Packet) and e.length)
    blocks = explain(trace, index)["blocks"]
    assert [b["name"] for b in blocks] == ["IPv4 头", "TCP 头", "TCP 选项", "数据"]
    assert blocks[0]["start"] == 0
    assert all(a["end"] == b["start"] for a, b in pairwise(blocks))
    assert blocks[-1]["end"] == len(trace.events[index].raw) // 2
    assert blocks[-1]["rows"] == ["0034  68 65 6c 6c 6f                                   hello"]


def test_fin_and_errno_in_plain_words() -> None:
    trace = load(ZOO["unread"])
    lines = {line for i in range(len(trace.events)) for line in explain(trace, i)["lines"]}
    assert any(line.startswith("ECONNRESET：") for line in lines)
    assert any("不再发送" in line for i in range(len(load(ZOO["echo10"]).events))
               for line in explain(load(ZOO["echo10"]), i)["lines"])


# ---------------------------------------------------------------- 等过没有

def call(name: str, start: float, end: float | None, **more: str) -> Call:
    """``start``、``end`` 以毫秒计。"""
    return Call(t=round(start * 1e6), end=None if end is None else round(end * 1e6), name=name,
                **{"host": "client", "thread": "main", "socket": "s1"} | more)


@pytest.mark.parametrize(("one", "others", "expected"), [
    (call("recv", 0, None), [], True),
    (call("recv", 0, 3), [], True),
    (call("recv", 0, 3, args="64, MSG_DONTWAIT"), [], False),
    (call("socket", 0, 30), [], False),
    (call("send", 0, 3), [], False),
    (call("send", 0, 3), [call("recv", 1, 2, host="server", thread="serve")], True),
    (call("close", 0, 900), [], True),
])
def test_what_counts_as_waiting(one: Call, others: list[Call], expected: bool) -> None:
    assert Waits(Trace(events=[one, *others])).waited(one) is expected


def test_accept_names_the_owner_even_when_no_state_follows() -> None:
    base = {"host": "server", "local": "10.0.0.2:7", "peer": "10.0.0.1:40000", "origin": "sock_diag"}
    trace = Trace(events=[
        State(t=0, state="ESTABLISHED", **base),
        call("accept", 1, 1.1, host="server", result="s2, ('10.0.0.1', 40000)"),
    ])
    assert socket_of(trace) == {("server", "10.0.0.2:7", "10.0.0.1:40000"): "s2"}


@pytest.mark.parametrize(("experiment", "values", "cause"), [
    ("resets", {"cause": "unaccepted"}, "close"), ("resets", {"cause": "unread"}, "close"), ("severed", {}, None),
    ("keepalive", {"keepalive": True}, None)])
def test_a_reset_the_kernel_began_answers_no_packet(experiment, values, cause) -> None:
    """带 ACK 的 RST 不是对握手的回答：关了队列里还有连接的监听、``ss -K``、探测没有回音，都不是。"""
    trace = experiments.recording(experiment, **values)
    found = causes(trace)
    (place, *_) = [i for i, e in enumerate(trace.events) if isinstance(e, Packet) and "RST" in e.flags]
    assert (trace.events[found[place]].name if place in found else None) == cause


def test_closing_something_else_does_not_explain_a_reset() -> None:
    """关掉监听，队列里的连接收到 RST；紧接着关的另一个套接字不相干。"""
    trace = experiments.recording("resets", cause="unaccepted")
    place = next(i for i, e in enumerate(trace.events) if isinstance(e, Packet) and "RST" in e.flags)
    reset = trace.events[place]
    stray = Call(t=reset.t - 1, end=reset.t - 1, host=reset.src, thread="main", socket="s9", name="close")
    events = [*trace.events[:place], stray, *trace.events[place:]]
    assert events[causes(replace(trace, events=events))[place + 1]].socket == "s1"
