"""make record：许多个同时做，结果与几个无关；一个做不成，说出是哪一次、停在哪里，旧录制留着，别的照录。"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from sockscope import experiments, places
from sockscope.__main__ import main
from sockscope.experiments import Recording, connected, experiment, recheck, recorder
from sockscope.experiments.recheck import Outcome, Run, difference, every_run, perform, perform_all, team
from sockscope.trace import Trace, compare

module = sys.modules[experiments.Experiment.__module__]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """一个临时的录制文件夹。"""
    monkeypatch.setattr(places, "recordings", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def here(monkeypatch):
    """不另起进程，就在这里一个一个做：测试里临时写的实验，别的进程不认识。"""
    class Now:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def one_by_one(_pool, runs, then):
        queue = list(runs)
        while queue:
            outcome = perform(queue.pop(0))
            queue += then(outcome)
            yield outcome

    monkeypatch.setattr(recorder, "team", lambda _workers: Now())
    monkeypatch.setattr(recorder, "perform_all", one_by_one)


@pytest.fixture
def registered(monkeypatch):
    """登记一个临时的实验。"""
    experiments.names()
    monkeypatch.setattr(module, "_registry", dict(module._registry))

    def register(function, **options):
        return experiment(chapter="99", title="样品", question="？", **options)(function)
    return register


def waits_for_ever(net):
    near, _far = connected(net)
    near.recv(1)


def fails(net):
    net.client.socket().connect((net.server.address, 9))


def works(net):
    connected(net)


# ---------------------------------------------------------------- 做不成的

def test_an_experiment_over_its_limit_is_not_recorded_and_names_the_call(folder, here, registered):
    registered(waits_for_ever, limit=0.3)
    (said, problems), = recorder.record(["waits_for_ever"])
    assert said == "waits_for_ever：1 次没有做成，旧录制留着。"
    assert problems == ["waits_for_ever（default）：实验过了 0 秒还没有做完，到此为止。（还在等：client s1.recv(1)）"]
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_one_that_fails_keeps_its_old_recording_and_stops_no_other(folder, here, registered, capsys):
    registered(fails)
    registered(works)
    old = folder / "fails.json"
    Recording("fails", {"default": Trace(recorded="2000-01-01")}).save()
    before = old.read_bytes()
    assert main(["record", "fails", "works"]) == 1
    shown = capsys.readouterr()
    assert shown.err == ("fails（default）：[Errno 111] Connection refused"
                         "（在：client s1.connect(('10.0.0.2', 9)) → ECONNREFUSED）\n")
    assert "works：1 个变体中 1 个" in shown.out
    assert old.read_bytes() == before
    assert set(Recording.load("works").drops["default"]) == set(Recording.load("works").variants["default"].signatures)


@pytest.mark.slow
def test_a_cut_that_fails_is_named(folder, here, registered):
    def stubborn(net):
        near, far = connected(net)
        far.send(b"hello")
        net.settle()
        assert len(net.trace.sent_by("server", "PSH")) == 1, "剪掉它，就要重发"
        near.recv(5)

    registered(stubborn)
    (_, problems), = recorder.record(["stubborn"])
    named = [problem for problem in problems if "剪 server>client PSH+ACK 1+5 #1）：剪掉它，就要重发" in problem]
    assert len(named) == 1
    assert "（在：server " in named[0]
    assert list(folder.iterdir()) == []


def test_a_trace_against_rfc_9293_is_refused(monkeypatch):
    monkeypatch.setattr(recheck, "violations", lambda _trace: ["CLOSE 之后是 ESTABLISHED"])
    outcome = perform(Run("closed_port", "1"))
    assert outcome == Outcome(Run("closed_port", "1"),
                              problem="closed_port（1） 的轨迹违反 RFC 9293 的状态机：CLOSE 之后是 ESTABLISHED")


# ---------------------------------------------------------------- 收工不属于实验

def test_nothing_of_the_teardown_is_in_a_trace_that_was_stopped():
    """叫醒等着的人时，仪器 shutdown() 它们的套接字，内核因此发 FIN：那不是实验里发生的。"""
    limited = replace(experiments.get("half_close"), function=waits_for_ever, parameters=[], limit=20.0)
    trace = limited.run(on_progress=lambda _trace: False)
    assert trace.calls[-1].end is None
    assert trace.sent_by("client", "FIN") == trace.sent_by("server", "FIN") == []
    assert trace.states_of("client")[-1] == "ESTABLISHED"


@pytest.mark.parametrize("name", experiments.names())
def test_no_recording_ran_into_its_limit(name):
    wanted, whole = experiments.get(name), Recording.load(name)
    traces = [*whole.variants.values(), *(trace for cuts in whole.drops.values() for trace in cuts.values())]
    assert max(trace.duration for trace in traces) < wanted.limit * 0.9e9
    assert {trace.settings.get("table") for trace in traces} == {"stock/1"}


# ---------------------------------------------------------------- 几个同时做都一样

@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(folder):
    wanted, made = ["closed_port", "half_close"], []
    for workers in (1, 7):
        assert [problems for _, problems in recorder.record(wanted, workers=workers, force=True)] == [[], []]
        made.append([Recording.load(name) for name in wanted])
    for one, two in zip(*made, strict=True):
        assert list(one.variants) == list(two.variants)
        assert [list(cuts) for cuts in one.drops.values()] == [list(cuts) for cuts in two.drops.values()]
        assert [compare(one.variants[key], two.variants[key]) for key in one.variants] == [None] * len(one.variants)


@pytest.mark.slow
def test_recording_again_leaves_the_file_as_it_is(folder):
    list(recorder.record(["closed_port"], workers=2))
    before = (folder / "closed_port.json").read_bytes()
    assert list(recorder.record(["closed_port"], workers=2)) == [
        ("closed_port：2 个变体中 0 个、2 种剪法中 0 种与旧录制不同。", [])]
    assert (folder / "closed_port.json").read_bytes() == before


@pytest.mark.parametrize("change", [
    lambda t: replace(t, settings=t.settings | {"table": "stock/0"}),
    lambda t: replace(t, settings={}),
    lambda t: replace(t, cables=[replace(c, delay=c.delay + 1) for c in t.cables]),
    lambda t: replace(t, events=t.events[:-1]),
])
def test_a_recording_is_replaced_when_what_it_was_made_under_changed(change):
    trace = experiments.recording("half_close")
    assert recorder.alike(trace, trace)
    assert not recorder.alike(change(trace), trace)


# ---------------------------------------------------------------- 复查

@pytest.mark.slow
def test_every_recorded_run_is_asked_for_once():
    runs = [run for run, _ in every_run()]
    assert len(runs) == len(set(runs)) > 1300
    took = [took for _, took in every_run()]
    assert took == sorted(took, reverse=True)


def test_a_difference_names_the_run_and_what_differs():
    run = Run("closed_port", "1")
    trace = experiments.recording("closed_port")
    assert difference(Outcome(run, trace)) == ""
    assert difference(Outcome(run, replace(trace, events=trace.events[:-1]))).startswith("closed_port（1）：前者有而后者没有：")
    assert difference(Outcome(run, problem="closed_port（1）：没有做成")) == "closed_port（1）：没有做成"


def test_what_follows_from_a_run_is_run_too():
    def then(outcome):
        return [replace(outcome.run, cut="client>server UDP 7 #1")] if not outcome.run.cut else []
    with team(2) as pool:
        outcomes = list(perform_all(pool, [Run("closed_port", "1")], then))
    assert [outcome.run.cut != "" for outcome in outcomes] == [False, True]


# ---------------------------------------------------------------- 不留下什么

PATIENCE = 100.0  # 正在做的那一次做完，秒
WORKING = """
from sockscope.experiments.recheck import Run, perform_all, team
if __name__ == "__main__":
    with team(3) as pool:
        list(perform_all(pool, [Run("closed_port", "1")] * 3))
        print(*pool._processes, flush=True)
        list(perform_all(pool, [Run("detecting", "off.0.0")] * 6))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_processes_die_with_their_master(how, tmp_path):
    program = tmp_path / "working.py"
    program.write_text(WORKING)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as master:
        try:
            workers = [os.pidfd_open(int(pid)) for pid in master.stdout.readline().split()]
            assert len(workers) == 3
            master.send_signal(how)
            for worker in workers:
                assert select.select([worker], [], [], PATIENCE)[0], "它还活着"
                os.close(worker)
        finally:
            master.kill()
