"""规范形式：协议不承诺的改了也一样，协议承诺的动一下就不同。改的都是真实的轨迹。"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sockscope.experiments import Recording, names
from sockscope.trace import Action, Cable, Call, Event, Host, Packet, State, Trace, compare, dumps, in_order, loads

CLOSING = Recording.load("closing").variants
WHOLE = [(f"{name} {key}", trace) for name in names(recorded=True) for key, trace in Recording.load(name).variants.items()]
SAMPLE = [CLOSING[key] for key in ("close.0.0.0", "SHUT_WR.0.1.0", "close.1.0.0", "SHUT_RDWR.0.1.0", "linger0.0.0.0")]


def edit(trace: Trace, change) -> Trace:
    """每个事件换成 ``change(event)``：一个事件、一串事件，或 None（去掉）。"""
    events = []
    for event in trace.events:
        changed = change(event)
        events += changed if isinstance(changed, list) else [changed] if changed else []
    return replace(trace, events=events)


def without(trace: Trace, gone: object) -> Trace:
    return edit(trace, lambda e: None if e is gone else e)


# ---------------------------------------------------------------- 不承诺的

def other_ports(trace: Trace) -> Trace:
    """换一个临时端口。"""
    port = trace.sent_by("client", "SYN")[0].source.split(":")[1]
    return loads(re.sub(rf"\b{port}\b", "45678", dumps(trace)))


def other_initial_numbers(trace: Trace) -> Trace:
    """换初始序号：TCP 首部里的两个序号字段都加上一个数。"""
    def shifted(raw: str) -> str:
        return raw[:48] + "".join(f"{(int(raw[i:i + 8], 16) + 0x12345678) % 2**32:08x}" for i in (48, 56)) + raw[64:]
    return edit(trace, lambda e: replace(e, raw=shifted(e.raw)) if isinstance(e, Packet) and e.protocol == "tcp" else e)


def other_times(trace: Trace) -> Trace:
    """慢三倍，从另一个时刻开始。"""
    def later(t: int | None) -> int | None:
        return None if t is None else t * 3 + 999
    return edit(trace, lambda e: replace(e, t=later(e.t), **({"end": later(e.end)} if hasattr(e, "end") else {})))


def no_lone_acks(trace: Trace) -> Trace:
    return edit(trace, lambda e: None if isinstance(e, Packet) and e.pure_ack else e)


def more_lone_acks(trace: Trace) -> Trace:
    """每个到达的段都单独确认一次。"""
    def answered(event: object) -> object:
        if not isinstance(event, Packet) or event.end is None or event.protocol != "tcp" or "RST" in event.flags:
            return event
        ack = replace(event, src=event.dst, dst=event.src, source=event.target, target=event.source,
                      flags=["ACK"], length=0, note="", t=event.end, end=event.end + 1)
        return [event, ack]
    return edit(trace, answered)


def needless_retransmissions(trace: Trace) -> Trace:
    """定时器比忙着的机器早到一步：每个送到了、也得到确认的段，在确认还在路上时又发一遍。"""
    extra = []
    for packet in trace.packets:
        end = (packet.seq or 0) + packet.length + len({"SYN", "FIN"} & set(packet.flags))
        acks = [p for p in trace.packets if p.source == packet.target and p.end and p.t >= (packet.end or 0)
                and p.ack is not None and p.ack >= end]
        if packet.end and acks and not packet.pure_ack and "RST" not in packet.flags:
            extra.append(replace(packet, number=packet.number + 1000, note="retransmission",
                                 t=acks[0].t + 1, end=acks[0].t + 9_000_000))
    assert extra
    return replace(trace, events=in_order([*trace.events, *extra]))


def other_windows(trace: Trace) -> Trace:
    return edit(trace, lambda e: replace(e, window=1, ack=None, options={}) if isinstance(e, Packet) else e)


def interleaved_otherwise(trace: Trace) -> Trace:
    """谁先谁后换一种运气：服务器的状态和它发的包一律晚一拍，各列自己的次序不动。"""
    def late(event: object) -> object:
        where = event.host if isinstance(event, State) else getattr(event, "src", "")
        return replace(event, t=event.t + 5_000_000) if where == "server" else event
    moved = edit(trace, late)
    return replace(moved, events=in_order(moved.events))


@pytest.mark.parametrize("change", [
    other_ports, other_initial_numbers, other_times, no_lone_acks, more_lone_acks, other_windows,
    interleaved_otherwise, needless_retransmissions], ids=lambda f: f.__name__)
def test_luck_does_not_matter(change):
    for trace in SAMPLE:
        assert change(trace) != trace, "改动没有改到东西"
        assert compare(trace, change(trace)) is None


# ---------------------------------------------------------------- 承诺的

def spoken(trace: Trace) -> list[Packet]:
    """说了话的包：除纯 ACK 以外的全部。"""
    return [p for p in trace.packets if not p.pure_ack]


def lost_packets(trace: Trace) -> Iterator[Trace]:
    return (without(trace, p) for p in spoken(trace))


def extra_packets(trace: Trace) -> Iterator[Trace]:
    return (edit(trace, lambda e, p=p: [e, e] if e is p else e) for p in spoken(trace))


def reordered_packets(trace: Trace) -> Iterator[Trace]:
    """同一方向上相邻的两个包换位。"""
    for host in trace.hosts:
        said = [p for p in spoken(trace) if p.src == host.name]
        for one, two in itertools.pairwise(said):
            yield edit(trace, lambda e, a=one, b=two: b if e is a else a if e is b else e)


def undelivered_packets(trace: Trace) -> Iterator[Trace]:
    return (edit(trace, lambda e, p=p: replace(e, fate="lost", end=None) if e is p else e) for p in spoken(trace))


def changed_flags(trace: Trace) -> Iterator[Trace]:
    for p in spoken(trace):
        for flag in {"SYN", "FIN", "RST"} & set(p.flags):
            flags = [f for f in p.flags if f != flag]
            yield edit(trace, lambda e, p=p, flags=flags: replace(e, flags=[*flags, "URG"]) if e is p else e)


def changed_bytes(trace: Trace) -> Iterator[Trace]:
    for p in spoken(trace):
        for place in range(1, p.length + 1):
            raw = bytearray(bytes.fromhex(p.raw))
            raw[-place] ^= 1
            yield edit(trace, lambda e, p=p, raw=raw: replace(e, raw=raw.hex()) if e is p else e)


def changed_calls(trace: Trace) -> Iterator[Trace]:
    for c in trace.calls:
        yield without(trace, c)
        for changes in ({"errno": "EOWNERDEAD"}, {"end": None, "result": None, "errno": None}, {"args": "42"},
                        {"name": "ioctl"}, {"socket": "s9"}):
            yield edit(trace, lambda e, c=c, changes=changes: replace(e, **changes) if e is c else e)


def swapped_calls(trace: Trace) -> Iterator[Trace]:
    for one, two in zip(trace.calls, trace.calls[1:], strict=False):
        if (one.name, one.args, one.errno, one.result, one.socket) != (
                two.name, two.args, two.errno, two.result, two.socket):
            yield edit(trace, lambda e, a=one, b=two: b if e is a else a if e is b else e)


def lost_states(trace: Trace) -> Iterator[Trace]:
    return (without(trace, s) for s in trace.states)


def swapped_states(trace: Trace) -> Iterator[Trace]:
    """同一端点先后的两个状态换位。"""
    for one in trace.states:
        later = [s for s in trace.states if s.t >= one.t and s is not one
                 and (s.host, s.local, s.peer) == (one.host, one.local, one.peer)]
        for two in later[:1]:
            yield edit(trace, lambda e, a=one, b=two: b if e is a else a if e is b else e)


def changed_actions(trace: Trace) -> Iterator[Trace]:
    yield replace(trace, events=[*trace.events, Action(t=trace.duration, where="cable0", name="cut")])


@pytest.mark.parametrize("damage", [
    lost_packets, extra_packets, reordered_packets, undelivered_packets, changed_flags, changed_bytes,
    changed_calls, swapped_calls, lost_states, swapped_states, changed_actions], ids=lambda f: f.__name__)
def test_what_the_protocol_promises_matters(damage):
    tried = 0
    for trace in SAMPLE:
        for damaged in damage(trace):
            tried += 1
            assert compare(trace, damaged) is not None
    assert tried >= 3


def test_recordings_of_different_variants_differ():
    """48 种走法里，规范形式相同的只会是本来就看不出区别的；参数不进入比较，事件进入。"""
    assert compare(CLOSING["close.0.0.0"], CLOSING["SHUT_WR.0.0.0"])
    assert compare(CLOSING["close.0.0.0"], CLOSING["linger0.0.0.0"])
    assert compare(CLOSING["close.0.0.0"], CLOSING["close.1.0.0"])


def test_ports_are_named_in_order_of_appearance():
    lines = CLOSING["close.0.0.0"].canonical()
    assert any("10.0.0.1:p1 → 10.0.0.2:7007 tcp SYN" in line for line in lines)
    assert not any(re.search(r":[3-6]\d{4}\b", line) for line in lines)


# ---------------------------------------------------------------- 运气与承诺的边界

def test_a_retransmission_that_was_needed_matters():
    """丢的是段也好，是确认也好，补的那一次都算；监听的一方不理确认而重发的 SYN+ACK 也算。"""
    tried = 0
    for name in ("closing", "talking", "backlog"):
        for group in Recording.load(name).drops.values():
            for trace in group.values():
                for again in (p for p in trace.packets if p.note == "retransmission"):
                    tried += compare(trace, without(trace, again)) is not None
    assert tried > 20


def halfway(trace: Trace) -> Trace:
    """服务器的 ACK 搭 FIN 的车：客户端不在 FIN_WAIT2 停。"""
    return edit(trace, lambda e: None if isinstance(e, State) and e.state == "FIN_WAIT2" else e)


def may_delay(trace: Trace) -> Trace:
    return replace(trace, settings=trace.settings | {"quickack": "0"})


def test_passing_through_fin_wait2_is_luck_where_the_kernel_may_delay_its_ack():
    whole = CLOSING["close.0.0.0"]
    assert compare(whole, halfway(whole)) is not None
    assert compare(may_delay(whole), may_delay(halfway(whole))) is None


def test_staying_in_fin_wait2_never_is():
    """其间收到了数据，或者再没有离开。"""
    talked, stayed = CLOSING["SHUT_WR.0.1.0"], Recording.load("orphan").variants["close"]
    for trace in (talked, stayed):
        assert "FIN_WAIT2" in trace.states_of("client")
        assert compare(may_delay(trace), may_delay(halfway(trace))) is not None


# ---------------------------------------------------------------- 一句话的比较

FIN = "包 0 client→server  10.0.0.1:p1 → 10.0.0.2:7007 tcp FIN"


def test_compare_names_the_packet_that_is_missing():
    whole = CLOSING["close.0.0.0"]
    fin = whole.sent_by("client", "FIN")[0]
    assert compare(whole, without(whole, fin)) == f"前者有而后者没有：{FIN}"
    assert compare(without(whole, fin), whole) == f"后者有而前者没有：{FIN}"


def test_compare_names_both_sides_when_something_changed():
    whole = CLOSING["close.0.0.0"]
    recv = next(c for c in whole.calls if c.name == "recv")
    said = compare(whole, edit(whole, lambda e: replace(e, errno="EIO") if e is recv else e))
    assert said is not None
    assert "EIO" in said
    assert "recv" in said


def test_compare_names_what_comes_after_the_end():
    one = Trace(events=[Action(t=0, where="cable0", name="cut")])
    assert compare(one, Trace()) == "前者多出一件事：动作  cable0 cut"
    assert compare(Trace(), one) == "后者多出一件事：动作  cable0 cut"


def test_everything_equals_itself():
    for name, trace in WHOLE:
        assert compare(trace, trace) is None, name


# ---------------------------------------------------------------- 签名

def test_signatures_are_unique_within_a_trace():
    for name, trace in WHOLE:
        marked = [s for s, p in zip(trace.signatures, trace.packets, strict=True) if p.fate != "duplicate"]
        assert len(set(marked)) == len(marked), name


def test_the_same_packet_again_is_numbered():
    syns = [s for s in Recording.load("syn_backoff").variants["2.4"].signatures if " SYN " in s]
    assert syns[:3] == [f"client>server SYN 0+0 #{nth}" for nth in (1, 2, 3)]


def test_signatures_do_not_depend_on_luck():
    for trace in SAMPLE:
        for change in (other_ports, other_initial_numbers, other_times, other_windows):
            assert change(trace).signatures == trace.signatures


def test_a_copy_shares_the_signature_of_its_original():
    trace = CLOSING["close.0.0.0"]
    fin = trace.sent_by("client", "FIN")[0]
    twice = edit(trace, lambda e: [e, replace(e, fate="duplicate")] if e is fin else e)
    assert twice.signatures.count("client>server FIN+ACK 1+0 #1") == 2


# ---------------------------------------------------------------- 轨迹上的问题

def test_pure_ack_is_neither_probe_nor_speech():
    ack = next(p for p in CLOSING["close.0.0.0"].packets if p.pure_ack)
    assert not replace(ack, note="keepalive").pure_ack
    assert not replace(ack, note="window probe").pure_ack
    assert not replace(ack, flags=["FIN", "ACK"]).pure_ack


def test_payload_is_the_tail_of_the_packet():
    sent = next(p for p in CLOSING["SHUT_WR.0.1.0"].packets if p.length)
    assert sent.payload == b"late"


def test_duration_reaches_the_last_arrival():
    trace = CLOSING["close.0.0.0"]
    assert trace.duration == max(getattr(e, "end", None) or e.t for e in trace.events)
    assert Trace().duration == 0


def test_hosts_by_name():
    trace = CLOSING["close.0.0.0"]
    assert trace.host("server").addresses[0] == "10.0.0.2"
    with pytest.raises(KeyError):
        trace.host("nobody")


def test_states_of_a_life():
    assert CLOSING["close.0.0.0"].states_of("client")[:3] == ["SYN_SENT", "ESTABLISHED", "FIN_WAIT1"]
    assert isinstance(CLOSING["close.0.0.0"].calls[0], Call)


# ---------------------------------------------------------------- 定时器、随机时间与别的程序的运气

def events_of(*lines: Event) -> Trace:
    return Trace(hosts=[Host(name="client", title="客户端", addresses=["10.0.0.1"]),
                        Host(name="server", title="服务器", addresses=["10.0.0.2"])],
                 cables=[Cable(ends=["client", "server"])], events=list(lines))


def one_packet(t: int, protocol: str = "tcp", source: str = "10.0.0.1:40001", **fields) -> Packet:
    return Packet(t=t, number=t, src="client", dst="server", protocol=protocol, source=source, target="10.0.0.2:7007",
                  raw="00", **fields)


def test_a_retransmission_of_one_connection_and_a_syn_of_another_are_not_ordered():
    again = {"flags": ["PSH", "ACK"], "seq": 1, "ack": 1, "note": "retransmission", "fate": "cut"}
    syn = {"source": "10.0.0.1:40002", "flags": ["SYN"], "seq": 0, "fate": "cut"}
    first = one_packet(0, flags=["SYN"], seq=0)
    one = events_of(first, one_packet(1, **again), one_packet(2, **syn))
    two = events_of(first, one_packet(1, **syn), one_packet(2, **again))
    assert compare(one, two) is None
    assert compare(one, events_of(first, one_packet(2, **syn))) is not None


def test_a_retransmission_before_the_first_copy_arrived_is_luck():
    """网线那头的进程停顿了一会儿：第一份还没有送到，定时器先响了。送到以后才重传的（确认丢了），照算。"""
    data = {"flags": ["PSH", "ACK"], "seq": 1, "ack": 1, "length": 4}
    again = {**data, "note": "retransmission", "end": 400}
    plain = events_of(one_packet(0, end=300, **data))
    assert compare(plain, events_of(one_packet(0, end=300, **data), one_packet(200, **again))) is None
    assert compare(plain, events_of(one_packet(0, end=100, **data), one_packet(200, **again))) is not None


def test_a_syn_sent_again_before_the_first_arrived_is_no_luck():
    """同时打开：SYN+ACK 带着同样的序号，在自己的 SYN 送到之前就发出，那是协议，不是定时器。"""
    syn, answer = {"flags": ["SYN"], "seq": 0}, {"flags": ["SYN", "ACK"], "seq": 0, "note": "retransmission"}
    plain = events_of(one_packet(0, end=300, **syn))
    assert compare(plain, events_of(one_packet(0, end=300, **syn), one_packet(200, end=500, **answer))) is not None


def test_how_often_a_membership_is_reported_before_the_end_is_luck():
    report = {"protocol": "igmp", "source": "10.0.0.1", "info": "membership report"}
    never, once, twice = (events_of(*(one_packet(t, **report) for t in range(n))) for n in range(3))
    assert compare(once, twice) is None
    assert compare(once, never) is None


def test_states_of_a_host_whose_program_is_not_watched_are_not_compared():
    def state(host):
        return State(t=1, host=host, local="10.0.0.2:7007", peer="10.0.0.1:40001", state="CLOSE_WAIT", origin="sock_diag")
    call = Call(t=0, end=1, host="client", thread="main", socket="s1", name="close")
    assert compare(events_of(call, state("server")), events_of(call)) is None
    assert compare(events_of(call, state("client")), events_of(call)) is not None


def test_a_process_number_is_luck_and_a_user_is_not():
    def asked(pid, uid):
        return events_of(Call(t=0, end=1, host="server", thread="main", socket="s2", name="getsockopt", args="SO_PEERCRED",
                              result=f"{{pid={pid}, uid={uid}, gid=0}}"))
    assert compare(asked(12, 0), asked(34567, 0)) is None
    assert compare(asked(12, 0), asked(12, 1000)) is not None


def test_whether_a_delayed_ack_came_before_the_end_is_luck():
    """内核可以延迟确认时，轨迹停在 FIN_WAIT1 还是 FIN_WAIT2 是运气；停下来收到过数据的不是。"""
    def ends_with(*names, data=False):
        states = [State(t=t, host="client", local="10.0.0.1:40001", peer="10.0.0.2:7007", state=name, origin="sock_diag")
                  for t, name in enumerate(names, 1)]
        late = Packet(t=8, end=9, number=9, src="server", dst="client", protocol="tcp", source="10.0.0.2:7007",
                      target="10.0.0.1:40001", seq=1, ack=2, length=4, flags=["PSH", "ACK"], raw="00000000")
        call = Call(t=0, end=1, host="client", thread="main", socket="s1", name="close")
        return replace(events_of(call, *states, *([late] if data else [])), settings={"quickack": "0"})
    one, two = ends_with("ESTABLISHED", "FIN_WAIT1"), ends_with("ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2")
    assert compare(one, two) is None
    assert compare(replace(one, settings={}), replace(two, settings={})) is not None
    assert compare(ends_with("FIN_WAIT1", data=True), ends_with("FIN_WAIT1", "FIN_WAIT2", data=True)) is not None


# ---------------------------------------------------------------- 别人的程序

NEAR, FAR = "10.0.0.1:40000", "10.0.0.2:80"
BODY = b"Date: Sun, 29 Nov 2026 09:39:30 GMT\r\nhello\n"


def program(compares: str = "packets", **changes: object) -> Trace:
    """别人的程序：一次握手，一页。"""
    page = {"t": 30, "end": 40, "number": 2, "flags": ["PSH", "ACK"], "seq": 1, "length": len(BODY), "raw": BODY.hex()} | changes
    syn = Packet(t=10, end=20, number=1, src="client", dst="server", protocol="tcp", source=NEAR, target=FAR,
                 flags=["SYN"], seq=0, raw="")
    return Trace(settings={"compares": compares}, events=[
        syn, Packet(src="server", dst="client", protocol="tcp", source=FAR, target=NEAR, **page)])


def dated(date: bytes) -> str:
    return (b"Date: " + date + b"\r\nhello\n").hex()


def test_the_date_of_http_is_luck():
    assert compare(program(), program(raw=dated(b"Mon, 30 Nov 2026 10:00:00 GMT"))) is None
    assert compare(program(), program(raw=dated(b"Sun, 29 Nov 2026 09:39:30 GMT").replace(b"hello".hex(), b"jello".hex())))


def test_what_a_program_calls_is_its_own_business_its_packets_are_not():
    one = program()
    call = Call(t=5, end=6, host="client", thread="curl", socket="s1", name="poll")
    state = State(t=25, host="client", local="10.0.0.1:40000", peer="10.0.0.2:80", state="ESTABLISHED", origin="sock_diag")
    ended = Action(t=50, where="client", name="ended", detail="curl")
    assert compare(one, replace(one, events=[*one.events, call, state, ended])) is None
    assert compare(one, replace(one, events=one.events[1:]))
    assert compare(one, program(length=42))


def test_the_number_of_a_dns_question_is_luck():
    def asked(number: bytes, name: bytes) -> Trace:
        packet = Packet(t=1, end=2, number=1, src="client", dst="dns", protocol="udp", source=NEAR, target="10.0.0.2:53",
                        length=8, raw=(number + name).hex())
        return Trace(events=[packet])

    assert compare(asked(b"\1\2", b"normal"), asked(b"\3\4", b"normal")) is None
    assert compare(asked(b"\1\2", b"normal"), asked(b"\1\2", b"strange"[:6]))


def test_where_bytes_differ_every_time_only_kinds_are_compared():
    one, longer = program("kinds"), program("kinds", length=40, seq=7)
    assert compare(one, longer) is None
    assert compare(one, program("kinds", length=0))
    assert compare(one, program("kinds", fate="overflow", end=None))
    assert compare(one, program("kinds", flags=["FIN", "ACK"]))
    assert compare(one, replace(one, events=one.events[1:]))
