"""没有什么随事件的数目平方地变慢：数字节码，不看钟。事件加一倍，要做的事至多加一倍，外加一点零头。"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from sockscope import tcp
from sockscope.render import svg, text
from sockscope.render.causes import causes
from sockscope.trace import Action, Cable, Call, Event, Host, Packet, State, Trace, compare, dumps, in_order, loads

MS = 1_000_000
HOSTS = [Host(name="client", title="客户端", addresses=["10.0.0.1"]),
         Host(name="server", title="服务器", addresses=["10.0.0.2"])]
PING = "70696e67"


def counted(work: Callable[[], Any]) -> int:
    """做完它执行了多少条字节码。"""
    count = 0

    def look(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def packet(t: int, src: str, port: int, number: int, protocol: str = "tcp", **fields: Any) -> Packet:
    ends = [f"10.0.0.1:{port}", "10.0.0.2:7"]
    out = src == "client"
    told = {"end": t + 300_000, "raw": "45000020" + "00" * 24 + PING, **fields}
    return Packet(t=t, src=src, dst="server" if out else "client", number=number, protocol=protocol,
                  source=ends[not out], target=ends[out], **told)


def call(t: int, host: str, socket: str, name: str, **fields: Any) -> Call:
    return Call(t=t, end=t + 50_000, host=host, thread=fields.pop("thread", "main"), socket=socket, name=name, **fields)


def datagrams(count: int) -> Iterator[Event]:
    """一来一回的数据报，内容都一样；每隔一阵静默，每隔一阵一个 ICMP。"""
    for i in range(count):
        t = i * (30 if i % 4 == 0 else 1) * MS + i * MS
        yield call(t, "client", "s1", "sendto", args="b'ping'", size=4, data=PING)
        yield packet(t + 10_000, "client", 40000, 2 * i, "udp", length=4)
        yield packet(t + 400_000, "server", 40000, 2 * i + 1, "icmp", info="port unreachable")
        yield call(t + 800_000, "client", "s1", "recv", errno="ECONNREFUSED")


def lost(count: int) -> Iterator[Event]:
    """同样的数据报，一个也没有送到。"""
    for i in range(count):
        yield call(i * MS, "client", "s1", "sendto", args="b'ping'", size=4, data=PING)
        yield packet(i * MS + 10_000, "client", 40000, i, "udp", length=4, end=None, fate="lost")


def bulk(count: int) -> Iterator[Event]:
    """一条连接，一问一答，每五个段重传一个，每段都有一次发送。"""
    for i in range(count):
        t, seq = i * MS, 1 + 4 * i
        again = "retransmission" if i % 5 == 0 else ""
        yield call(t, "client", "s1", "send", size=4, data=PING)
        yield packet(t + 10_000, "client", 40000, 4 * i, flags=["ACK"], seq=seq, ack=1, window=9, length=4)
        yield packet(t + 20_000, "client", 40000, 4 * i + 1, flags=["ACK"], seq=seq, ack=1, window=9, length=4, note=again)
        yield packet(t + 500_000, "server", 40000, 4 * i + 2, flags=["ACK"], seq=1, ack=seq + 4, window=9)


def connections(count: int) -> Iterator[Event]:
    """许多连接，彼此重叠，各在各的线程里，最后进程死去。"""
    yield State(t=0, host="server", socket="s1", local="10.0.0.2:7", peer="", state="LISTEN", origin="sock_diag")
    for i in range(count):
        t, port, mine = i * MS, 40000 + i, f"s{i + 1}"
        yield call(t, "client", mine, "connect", thread=f"t{i}")
        yield packet(t + 1000, "client", port, 5 * i, flags=["SYN"], seq=0)
        yield packet(t + 400_000, "server", port, 5 * i + 1, flags=["SYN", "ACK"], seq=0, ack=1)
        yield packet(t + 800_000, "client", port, 5 * i + 2, flags=["ACK"], seq=1, ack=1)
        yield call(t + 850_000, "client", mine, "close", thread=f"t{i}")
        yield packet(t + 900_000, "client", port, 5 * i + 3, flags=["FIN", "ACK"], seq=1, ack=1)
        yield packet(t + 1300_000, "server", port, 5 * i + 4, flags=["FIN", "ACK"], seq=1, ack=2)
        for k, name in enumerate(("SYN_SENT", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT")):
            yield State(t=t + 1000 + 400_000 * k, host="client", socket=mine, local=f"10.0.0.1:{port}",
                        peer="10.0.0.2:7", state=name, origin="sock_diag")
    yield Action(t=count * MS + 9 * MS, where="server", name="kill")


SHAPES = {"数据报": datagrams, "丢失的数据报": lost, "大传输": bulk, "许多连接": connections}
WORKS: dict[str, Callable[[Trace], Any]] = {
    "宽图": svg.render, "窄图": lambda trace: svg.render(trace, width="narrow"), "文字": text.render,
    "朗读": text.spoken, "因果": causes, "状态机": tcp.violations, "规范形式": Trace.canonical,
    "比较": lambda trace: compare(trace, trace), "写出": dumps, "读回": lambda trace: loads(dumps(trace)),
}


def made(shape: str, count: int) -> Trace:
    return Trace(hosts=HOSTS, cables=[Cable(ends=["client", "server"])], settings={"quickack": "0"},
                 events=in_order(SHAPES[shape](count)))


@pytest.mark.slow
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_as_many_events_take_at_most_twice_the_work(shape: str, work: str) -> None:
    small, large = made(shape, 50), made(shape, 100)  # 都够多，都会折叠
    WORKS[work](small)  # 第一次要导入、要填各种缓存，不算
    WORKS[work](large)
    one, two = (counted(lambda trace=trace: WORKS[work](trace)) for trace in (small, large))
    assert two <= 2.15 * one + 2000, f"{one} 条字节码，加一倍以后 {two} 条"
