"""你的内核与书：三种结论各说得出为什么，写进文件读得回来，叫停了也说叫停了。"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sockscope import experiments
from sockscope.cells import my_kernel
from sockscope.cells.my_kernel import Finding, Report, compare_all, examined, judged, summary
from sockscope.cells.recordings import Book, Cell, sources
from sockscope.experiments.recheck import Outcome, Run
from sockscope.live import Unavailable

NOTEBOOK = "chapters/05_closing.ipynb"
RUN = Run("closing", "SHUT_WR.0.0.0")


def test_the_three_verdicts_of_an_experiment():
    book = experiments.recording("closing", how="SHUT_WR")
    other = replace(experiments.recording("closing", how="close"), parameters=book.parameters)
    assert judged(Outcome(RUN, replace(book, recorded=""))).verdict == "same"
    different = judged(Outcome(RUN, other))
    assert (different.verdict, different.trace) == ("different", other)
    assert "前者" in different.says
    assert judged(Outcome(RUN, problem="缺少网线", impossible=True)).verdict == "impossible"
    assert judged(Outcome(RUN, problem="过了时限")).verdict == "different"


def test_the_three_verdicts_of_a_cell():
    made = Book(NOTEBOOK, cells=dict(Book.load(NOTEBOOK).cells))
    for name, output in (("half-close", {"error": "AssertionError", "says": "", "where": "assert x"}),
                         ("one-close", {"error": "Unavailable", "says": "没有 IPv6。", "where": "f()"})):
        made.cells[name] = Cell(name, made.cells[name].digest, [output])
    found = {finding.name: finding for finding in examined(NOTEBOOK, made)}
    assert len(found) == len(sources(NOTEBOOK))
    assert (found["half-close"].verdict, found["half-close"].says) == ("different", "`assert x` 在这里不成立。")
    assert (found["one-close"].verdict, found["one-close"].says) == ("impossible", "没有 IPv6。")
    assert found["linger-waits"].verdict == "same"


def test_a_notebook_that_stopped_says_where():
    found = list(examined(NOTEBOOK, RuntimeError("停在 half-close")))
    assert {finding.says for finding in found} == {"停在 half-close"}


def test_a_machine_without_a_cable_gets_a_verdict_and_no_error(monkeypatch):
    def refuse(*_):
        raise Unavailable("没有 /dev/net/tun 设备。补救：sudo modprobe tun。")
    monkeypatch.setattr(my_kernel, "capability", refuse)
    monkeypatch.setattr(Report, "__init__", lambda self: self.__dict__.update(
        kernel="Linux", python="3", capture="loopback", findings=[], stopped=False))
    report = compare_all([NOTEBOOK], ["closing"])
    assert report.counts("cells") == {"same": 0, "different": 0, "impossible": len(sources(NOTEBOOK))}
    assert report.counts("experiments")["impossible"] == 48
    assert list(summary(report))[-1] == "  没有 /dev/net/tun 设备。补救：sudo modprobe tun。"


def test_the_file_is_read_back():
    trace = experiments.recording("closing")
    report = Report("Linux 6.1", "3.11", "cable", [
        Finding("experiments", "closing", "x", "different", "不同", trace), Finding("cells", NOTEBOOK, "one-close", "same")])
    again = Report.from_json(json.loads(json.dumps(report.to_json())))
    assert again.to_json() == report.to_json()
    assert again.findings[1].trace == trace


@pytest.mark.parametrize("told", [[], {"format": "sockscope/1"}, None])
def test_another_file_is_refused_in_a_sentence(told):
    with pytest.raises(ValueError, match="不是“你的内核与书”的结果"):
        Report.from_json(told)


@pytest.mark.parametrize(("arguments", "said"), [
    (["--cells", "chapters/99.ipynb"], "没有这样的笔记本：chapters/99.ipynb"),
    (["--experiments", "nothing"], "没有叫 'nothing' 的实验"),
    (["--experiments", "handshake", "--json", "/nowhere/x.json"], "写不了 /nowhere/x.json"),
])
def test_wrong_words_are_one_sentence(arguments, said, capsys, monkeypatch):
    monkeypatch.setattr(my_kernel, "_all", lambda *_: iter(()))
    assert my_kernel.main(arguments) == 1
    assert said in capsys.readouterr().err


def test_who_is_told_to_stop_stops(monkeypatch):
    def all_of(books, runs, meter):
        for name in ("one", "two", "three"):
            meter.step(1, name)
            yield Finding("experiments", "closing", name, "same")
    monkeypatch.setattr(my_kernel, "_all", all_of)
    report = compare_all([], ["closing"], on_progress=lambda done, total, what: what != "two")
    assert [finding.name for finding in report.findings] == ["one", "two"]
    assert report.stopped
