"""唯一的状态迁移表：它自己讲得通，录制都合它，改坏的录制都不合。"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest

from sockscope.experiments import Recording, names
from sockscope.live.states import NAMES
from sockscope.tcp import RFC_NAMES, STATES, TRANSITIONS, violations, walk
from sockscope.trace import State, Trace

CLOSING = Recording.load("closing").variants


def recorded(name: str) -> list[tuple[str, Trace]]:
    """一个实验的全部录制：变体与剪刀。"""
    whole = Recording.load(name)
    return [*whole.variants.items(), *(item for group in whole.drops.values() for item in group.items())]


# ---------------------------------------------------------------- 表

def test_every_edge_joins_known_states():
    assert {t.before for t in TRANSITIONS} == set(STATES) == {t.after for t in TRANSITIONS}


def test_an_event_leads_from_a_state_to_one_place():
    edges = [(t.before, t.event) for t in TRANSITIONS]
    assert len(set(edges)) == len(edges)


def test_events_and_actions_are_spelled_one_way():
    for edge in TRANSITIONS:
        assert re.fullmatch(r"call (listen|connect|close)|rcv [A-Z+]+(ACK of FIN)?|rcv ACK of FIN|timeout \S+|abort",
                            edge.event), edge
        assert edge.action in ("", "SYN", "SYN+ACK", "ACK", "FIN", "RST"), edge
        assert re.fullmatch(r"3(\.\d+)+|tcp\(7\)", edge.section), edge


@pytest.mark.parametrize("start", STATES)
def test_every_state_can_be_reached_and_left(start):
    reached, more = {start}, True
    while more:
        found = {t.after for t in TRANSITIONS if t.before in reached} - reached
        reached, more = reached | found, bool(found)
    assert reached == set(STATES), "从每个状态都能走回 CLOSE，再走遍全图"


def test_linux_names_are_the_kernel_s_and_rfc_names_match():
    assert set(STATES) == set(NAMES) - {""}
    spelled = {re.sub(r"(\d)", r"_\1", linux).replace("_", "-") for linux in STATES}
    spelled = {{"CLOSE": "CLOSED", "SYN-RECV": "SYN-RECEIVED"}.get(n, n) for n in spelled}
    assert spelled == set(RFC_NAMES.values())


def test_ordinary_edges_are_figure_5():
    """RFC 9293 图 5 的边：RST、放弃与 R2 超时不在其中。"""
    assert all("RST" not in t.event and t.event != "abort" for t in TRANSITIONS if t.ordinary)
    assert {t.before for t in TRANSITIONS if t.ordinary} == set(STATES)


# ---------------------------------------------------------------- 录制

@pytest.mark.parametrize("name", names())
def test_no_recording_breaks_the_table(name):
    for key, trace in recorded(name):
        assert violations(trace) == [], key


def test_the_ordinary_close_walks_the_textbook_edges():
    steps = [(s.after, s.edges[0].event) for s in walk(CLOSING["close.0.0.0"]) if s.host == "client"]
    assert [after for after, _ in steps] == ["SYN_SENT", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"]
    assert [event for _, event in steps] == ["call connect", "rcv SYN+ACK", "call close", "rcv ACK of FIN", "rcv FIN"]


def edited(trace: Trace, change) -> Trace:
    return replace(trace, events=[e for e in map(change, trace.events) if e is not None])


FINISHED = [(key, trace) for key, trace in CLOSING.items()
            if trace.sent_by("client", "FIN") and "CLOSE_WAIT" in trace.states_of("server")]


@pytest.mark.parametrize(("key", "trace"), FINISHED, ids=[k for k, _ in FINISHED])
def test_close_wait_needs_a_fin(key, trace):
    gone = trace.sent_by("client", "FIN")
    said = violations(edited(trace, lambda e: None if e in gone else e))
    assert any("CLOSE_WAIT" in s and "server" in s for s in said), said


def test_a_lost_fin_is_no_reason_either():
    trace = CLOSING["close.0.0.0"]
    gone = trace.sent_by("client", "FIN")
    assert violations(edited(trace, lambda e: replace(e, fate="lost", end=None) if e in gone else e))


def test_fin_wait_2_needs_an_acknowledgement_of_the_fin():
    trace = CLOSING["close.0.0.0"]
    said = violations(edited(trace, lambda e: replace(e, ack=1) if getattr(e, "src", "") == "server" else e))
    assert any("FIN_WAIT2" in s for s in said), said


def test_reset_needs_a_reset():
    trace = CLOSING["linger0.0.0.0"]
    gone = trace.sent_by("client", "RST")
    assert gone
    assert violations(edited(trace, lambda e: None if e in gone else e))


def test_swapped_states_break_the_table():
    trace = CLOSING["close.0.0.0"]
    life = [s for s in trace.states if s.host == "client" and s.state != "LISTEN"]
    for one, two in itertools.pairwise(life):
        swap = {id(one): two.state, id(two): one.state}
        said = violations(edited(trace, lambda e, swap=swap: replace(e, state=swap.get(id(e), e.state))
                                 if isinstance(e, State) else e))
        assert said, f"{one.state} 与 {two.state} 换位也没有被发现"


def test_a_violation_is_one_sentence_with_place_and_time():
    trace = CLOSING["close.0.0.0"]
    said = violations(edited(trace, lambda e: None if e in trace.packets else e))
    assert said[0].startswith("server 的 10.0.0.2:7007→10.0.0.1:")
    assert " ms 从 " in said[0]
    assert said[0].endswith("。")


def test_without_capture_only_the_edges_count():
    """没有抓包就没有段可查；走不通的边仍然走不通。"""
    trace = replace(CLOSING["close.0.0.0"], capture="loopback")
    trace = edited(trace, lambda e: None if e in trace.packets else e)
    assert violations(trace) == []
    wrong = edited(trace, lambda e: replace(e, state="LISTEN") if getattr(e, "state", "") == "FIN_WAIT1" else e)
    assert violations(wrong)
