"""一模一样的连接折成一段：少了不折，不一样的不折，插着别人的事不折。"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from sockscope.render import svg, text
from sockscope.render.folds import folds
from sockscope.render.repeats import repeats
from sockscope.trace import Action, Cable, Call, Event, Host, Packet, State, Trace

MS = 1_000_000
HOSTS = [Host(name="client", title="客户端", addresses=["10.0.0.1"]),
         Host(name="server", title="服务器", addresses=["10.0.0.2"])]


def connection(number: int, size: int = 4) -> Iterator[Event]:
    """第 ``number`` 个连接：连上，送 ``size`` 个字节，对端收下，重置。"""
    t, port, label = number * 10 * MS, 40_000 + number, f"s{number + 1}"
    near, far = f"10.0.0.1:{port}", "10.0.0.2:7"

    def packet(at: int, src: str, flags: list[str], **fields: int) -> Packet:
        out = src == "client"
        return Packet(t=t + at, end=t + at + 100, number=number, src=src, dst="server" if out else "client", protocol="tcp",
                      source=near if out else far, target=far if out else near, flags=flags, raw="45" + "00" * 39, **fields)

    yield Call(t=t, end=t + 900, host="client", thread="main", socket=label, name="connect", args="('10.0.0.2', 7)")
    yield packet(100, "client", ["SYN"], seq=0)
    yield packet(300, "server", ["SYN", "ACK"], seq=0, ack=1)
    yield State(t=t + 800, host="client", socket=label, local=near, peer=far, state="ESTABLISHED", origin="TCP_INFO")
    yield Call(t=t + 1000, end=t + 1100, host="client", thread="main", socket=label, name="send", size=size, data="61" * size)
    yield packet(1200, "client", ["ACK"], seq=1, ack=1, length=size)
    yield packet(1400, "server", ["RST"], seq=1)
    yield State(t=t + 1500, host="client", socket=label, local=near, peer=far, state="CLOSE", origin="TCP_INFO")


def trace(count: int, odd: int = -1, **more: object) -> Trace:
    events = [event for number in range(count) for event in connection(number, 5 if number == odd else 4)]
    return Trace(hosts=HOSTS, cables=[Cable(ends=["client", "server"])], events=sorted(
        [*events, *more.get("extra", [])], key=lambda e: e.t))


def test_all_but_the_first_two_and_the_last_are_folded():
    found, = folds(trace(20))
    assert found.connections == 17
    assert len(found.indices) == 17 * 8
    assert found.cable_words(0) == ["17 个同样的连接", "68 个包 68 B"]
    assert found.call_words("client") == ["17 次 connect()", "17 次 send() 68 B"]


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_the_figure_stays_small_and_every_event_is_in_it(width):
    few, many = trace(20), trace(400)
    drawn = svg.render(many, width=width)
    lists = re.findall(r'data-events="([^"]*)"', drawn)
    ElementTree.fromstring(drawn)
    words = [len(re.findall(r'<text class="(?!tick)', figure)) for figure in (drawn, svg.render(few, width=width))]
    assert words[0] == words[1]  # 刻度不算：时刻不同，最整的数也不同
    assert sorted([*map(int, re.findall(r'data-event="(\d+)"', drawn)), *map(int, " ".join(lists).split())]) \
        == list(range(len(many.events)))


def test_the_text_tells_it_in_a_line_and_knows_no_silence_in_it():
    told = text.render(trace(400))
    assert "397 个同样的连接" in told
    assert len(told.splitlines()) < 50
    assert "静默" not in told


def test_a_few_are_drawn():
    assert folds(trace(7)) == []


def test_one_that_differs_stands_between_two_folds():
    odd = trace(40, odd=20)
    assert [count for count, _ in repeats(odd)] == [17, 16]
    assert not any(20 * 8 <= i < 21 * 8 for _, indices in repeats(odd) for i in indices)


def test_nothing_is_hidden_that_belongs_to_somebody_else():
    cut = Action(t=55 * MS, where="cable0", name="cut")
    assert repeats(trace(20, extra=[cut])) == []


def test_times_ports_and_labels_do_not_matter_but_the_fate_does():
    plain = trace(20)
    lost = replace(plain, events=[replace(e, fate="lost", end=None) if isinstance(e, Packet) and i == 11 * 8 + 5 else e
                                  for i, e in enumerate(plain.events)])
    assert [count for count, _ in repeats(plain)] == [17]
    assert [count for count, _ in repeats(lost)] != [17]
