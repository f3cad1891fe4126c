"""说得出来历的不同：条目都成立，换写法的真的一样，不同的除了那几行一字不差；不再用得着的一条，在这里看见。"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sockscope import experiments
from sockscope.cells.my_kernel import judged
from sockscope.experiments.known import Known, Verdict, judge, known
from sockscope.experiments.recheck import Outcome, Run
from sockscope.pages.kernels import kernels
from sockscope.pages.page_kernel import load
from sockscope.trace import Call, Packet, Trace
from sockscope.widgets.report import report

ENTRIES = known()


def elsewhere(experiment: str, variant: str) -> list[Trace]:
    """别的内核做这个变体的轨迹（附录 F 的录制）。"""
    return [one.trace for kernel in kernels() for one in kernel.differences
            if (one.experiment, one.variant) == (experiment, variant)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_about_experiments_that_exist_and_is_one_sentence(entry):
    for name in entry.experiments:
        wanted = {choice.name: choice.choices for choice in experiments.get(name).parameters}
        for parameter, values in entry.where:
            assert set(values) <= set(wanted[parameter])
    assert entry.reads or entry.lines
    assert re.fullmatch(r"[^\n]+。", entry.why)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_needed(entry):
    """页内内核的成绩里，或别的内核的录制里，至少有一处用得着它。"""
    page = {one.get("why") for one in load()["experiments"].values()}
    others = {judge(one.book, one.trace).why for kernel in kernels() for one in kernel.differences}
    assert entry.why in page | others


def test_a_kernels_own_sctp_is_the_same_but_for_its_names():
    book = experiments.recording("streams", second=0)
    traces = elsewhere("streams", "0")
    assert traces
    for trace in traces:
        assert judge(book, trace).says == ""
        assert "usrsctp" in judge(book, trace).why


def test_what_no_entry_speaks_of_is_still_a_difference():
    """来历只管它说的那几处：同一条轨迹里再有别的不同，就不说来历。"""
    book, [trace, *_] = experiments.recording("streams", second=0), elsewhere("streams", "0")
    lost = next(event for event in trace.events if isinstance(event, Packet) and event.flags == ["COOKIE ACK"])
    found = judge(book, replace(trace, events=[event for event in trace.events if event is not lost]))
    assert found.says
    assert found.why == ""


def test_a_real_difference_stays_one_and_says_why():
    book, [trace, *_] = experiments.recording("overflowing", buffer=1, size=2), elsewhere("overflowing", "1.2")
    found = judge(book, trace)
    assert "b'#2'" in found.says
    assert "记账" in found.why
    said = report(experiments.get("overflowing"), [], replace(trace, recorded=""), "")["difference"]
    assert found.says in said
    assert said.endswith(found.why)


def test_your_kernel_and_the_book_say_why_as_well():
    """sockscope compare 与交互实验说的是同一个来历；只是写法不同的，也算一样。"""
    [other, *_], [named, *_] = elsewhere("overflowing", "1.2"), elsewhere("streams", "0")
    assert judged(Outcome(Run("overflowing", "1.2"), other)).says.endswith("都一样。")
    assert judged(Outcome(Run("streams", "0"), named)).verdict == "same"


def test_the_same_is_the_same_and_needs_no_reason():
    book = experiments.recording("truncated_rights")
    assert judge(book, book) == Verdict()


def test_a_32_bit_machine_writes_other_sizes_and_is_the_same():
    book = experiments.recording("truncated_rights")
    mine = replace(book, recorded="", events=[
        replace(event, args="64, 16") if isinstance(event, Call) and event.args == "64, 20" else event for event in book.events])
    assert mine != book
    assert judge(book, mine).says == ""
    assert "只是写法不同：这是 32 位的内核" in report(experiments.get("truncated_rights"), [], mine, "")["difference"]


def test_an_entry_with_conditions_speaks_only_of_those_variants():
    entry = Known("x", ("talking",), "因为。", lines=(".*",), where=(("kind", ("SOCK_SEQPACKET",)),))
    wanted = experiments.get("talking")
    covered = {key for key, trace in experiments.Recording.load("talking").variants.items() if entry.covers(trace)}
    assert covered == {wanted.key(values) for values in wanted.variants() if values["kind"] == "SOCK_SEQPACKET"}
