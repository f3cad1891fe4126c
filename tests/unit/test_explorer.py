"""交互实验的 Python 一侧：字典里有什么，静态书页里有什么，什么样的失败都只是一句话。"""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sockscope import experiments
from sockscope.cells.made import construct
from sockscope.live import Unavailable
from sockscope.widgets import report
from sockscope.widgets.widget import STOPPED, Explorer

ex = importlib.import_module("sockscope.widgets.explorer")  # 包里的同名属性是函数
ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "ext"))


@pytest.fixture
def static():
    """书的扩展。"""
    return importlib.import_module("explorer_static")


@pytest.fixture
def replayed(monkeypatch):
    """没有内核可用：实验一律用录制回答。"""
    def refuse(self, **_):
        raise Unavailable("测试里不做实验。")
    monkeypatch.setattr(experiments.Experiment, "run", refuse)


@pytest.fixture
def live(monkeypatch):
    """把录制当作刚刚发生的：内核之外的部分与现场相同。"""
    def run(self, *, drop=(), on_progress=None, **values):
        trace = replace(experiments.recording(self.name, drop=drop, **values), recorded="")
        if on_progress:
            on_progress(trace)
        return trace
    monkeypatch.setattr(experiments.Experiment, "run", run)


class Worker(Explorer):
    """记下后台线程交来的一切，并能等到它做完。"""

    def __init__(self, name, **initial):
        self.heard, self.idle = [], threading.Event()
        super().__init__(name, **initial)
        self.observe(lambda change: self.heard.append((change["name"], change["new"])), ["payload", "error"])
        self.observe(lambda change: self.idle.set() if not change["new"] else None, "running")

    def ask(self, **traits):
        self.idle.clear()
        self.set_trait("error", "")
        for name, value in traits.items():
            setattr(self, name, value)
        self.request += 1
        assert self.idle.wait(100)


# ---------------------------------------------------------------- 字典

def test_payload_is_json_and_says_what_it_is(replayed):
    made = report.payload("closing", {"how": "SHUT_WR"})
    assert json.loads(json.dumps(made)) == made
    assert (made["label"], made["live"], made["key"]) == ("录制", False, "SHUT_WR.0.0.0")
    assert made["note"].startswith(f"录制于 {made['recorded']}，{made['kernel']}。")
    assert made["difference"] is None
    assert made["wide"] != made["narrow"]
    assert made["protocol_ms"] > 0


def test_every_event_is_explained_and_every_packet_can_be_cut(replayed):
    made = report.payload("closing", {})
    trace = experiments.recording("closing")
    assert len(made["events"]) == len(trace.events)
    assert all({"title", "lines", "cause", "blocks"} <= set(event) for event in made["events"])
    packets = [str(i) for i, event in enumerate(trace.events) if event.kind == "packet"]
    assert list(made["signatures"]) == packets
    assert len(set(made["signatures"].values())) == len(packets)
    recorded = experiments.Recording.load("closing").drops[made["key"]]
    assert set(made["signatures"].values()) == set(recorded), "图上的签名就是剪刀认的、录制里写的"


def test_results_show_errno_and_states_of_both_sides(replayed):
    client, server = report.payload("closing", {"how": "SHUT_WR", "peer_sends": True})["results"]
    assert {"call": "send(b'more')", "outcome": "EPIPE", "failed": True} in client["calls"]
    assert client["states"][-1] == "TIME_WAIT"
    assert server["states"][-1] == "CLOSE"


def test_live_answer_is_compared_with_the_book(live):
    made = report.payload("closing", {})
    assert made["label"] == "实时"
    assert made["live"]
    assert made["difference"] == f"与书上的录制（{experiments.recording('closing').kernel}）一致。"
    assert made["kernel"] in made["note"]


def test_a_different_kernel_is_told_apart(live, monkeypatch):
    honest = experiments.recording("closing", how="SHUT_RD")
    monkeypatch.setattr(experiments, "recording", lambda *_, **__: honest)
    trace = replace(experiments.Recording.load("closing").variants["close.0.0.0"], recorded="")
    assert report._difference(trace, []).startswith("你的内核与书上（Linux")


def test_without_packets_the_note_names_the_remedy(live, monkeypatch):
    trace = replace(experiments.recording("closing"), recorded="", capture="loopback")
    monkeypatch.setattr(experiments.Experiment, "run", lambda self, **_: trace)
    monkeypatch.setattr(report, "capability", lambda *_: replace_capability("没有网线。", "补救：换一台机器。"))
    made = report.payload("closing", {})
    assert (made["label"], made["note"]) == ("实时（无抓包）", "没有网线。补救：换一台机器。")
    assert made["difference"].startswith("没有抓包，只比较了调用的结果：")


def replace_capability(reason, remedy):
    from sockscope.live import Capability
    return Capability("loopback", reason, remedy)


def test_progress_has_pictures_and_no_explanations(live):
    seen = []
    report.payload("closing", {}, on_progress=seen.append)
    assert [set(one) for one in seen] == [{"wide", "narrow", "live", "label"}]


# ---------------------------------------------------------------- 部件

def test_widget_shows_the_recording_before_its_first_run():
    widget = Explorer("closing", how="kill")
    assert (widget.payload["label"], widget.values["how"]) == ("录制", "kill")
    bundle, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].count("<svg") == 2


def test_widget_answers_the_reader(live):
    widget = Worker("closing")
    widget.ask(values=widget.values | {"how": "SHUT_RD"})
    assert widget.payload["key"] == "SHUT_RD.0.0.0"
    assert widget.error == ""


@pytest.mark.parametrize("wrong", [{"how": "nonsense"}, {"nonsense": 1}])
def test_wrong_values_become_a_sentence_in_the_widget(live, wrong):
    widget = Worker("closing")
    widget.ask(values=wrong)
    assert re.search(r"nonsense.*。$", widget.error)
    assert widget.payload["label"] == "录制"


def test_a_defect_in_an_experiment_becomes_a_sentence_and_the_widget_lives_on(monkeypatch):
    def broken(self, **_):
        raise ZeroDivisionError
    with monkeypatch.context() as patch:
        patch.setattr(experiments.Experiment, "run", broken)
        widget = Worker("closing")
        widget.ask()
        assert widget.error == "实验没有做完：ZeroDivisionError()。"
    monkeypatch.setattr(experiments.Experiment, "run", lambda self, **v: experiments.recording(self.name))
    widget.ask()
    assert widget.error == ""


def test_stop_keeps_what_was_seen_and_says_so(monkeypatch):
    """实验每报告一次进展就问要不要停；停下的那一次不算做完。"""
    def endless(self, *, drop=(), on_progress=None, **values):
        trace = replace(experiments.recording(self.name, **values), recorded="")
        while on_progress(trace):
            widget.halt = widget.request
        return trace
    monkeypatch.setattr(experiments.Experiment, "run", endless)
    widget = Worker("closing")
    widget.ask()
    assert widget.error == STOPPED
    assert "events" not in widget.payload


def test_a_new_toggle_overtakes_a_running_experiment(monkeypatch):
    runs = []

    def endless(self, *, drop=(), on_progress=None, **values):
        trace = replace(experiments.recording(self.name, **values), recorded="")
        runs.append(values["how"])
        if len(runs) == 1:
            for how in ("kill", "SHUT_RD", "linger0"):
                widget.values = widget.values | {"how": how}
                widget.request += 1
            while on_progress(trace):
                pass
        return trace
    monkeypatch.setattr(experiments.Experiment, "run", endless)
    widget = Worker("closing")
    widget.ask()
    assert runs == ["close", "linger0"]
    assert widget.payload["key"] == "linger0.0.0.0"


def test_a_wrong_name_in_a_cell_is_one_line():
    with pytest.raises(ValueError, match="没有叫 'nonsense' 的实验") as caught:
        ex.explorer("nonsense")
    assert caught.value._render_traceback_() == [str(caught.value)]


# ---------------------------------------------------------------- 书页

def test_page_is_readable_without_scripts_and_names_its_recordings():
    page = construct({"made": "widgets.explorer.explorer", "args": ["closing"], "options": {"how": "SHUT_WR"}}, page=True)
    html = page._repr_html_()
    assert html.count("<svg") == 2
    assert "<script" not in html
    assert page.start()["recorded"] == list(experiments.Recording.load("closing").variants)
    assert page.start()["payload"]["label"] == "录制"
    assert page.start()["cuts"] == {key: list(cuts) for key, cuts in
                                    experiments.Recording.load("closing").drops.items()}


def test_a_pack_is_drawn_again_only_when_what_it_is_made_of_changed(static, tmp_path):
    static.draw("handshake", tmp_path, "first")
    drawn = tmp_path / "handshake.js"
    drawn.write_text("// first\nkept")
    static.draw("handshake", tmp_path, "first")
    assert drawn.read_text() == "// first\nkept"
    static.draw("handshake", tmp_path, "second")
    assert drawn.read_text().startswith('// second\nsockscopePacked("recordings/handshake",')


def test_the_same_module_becomes_a_classic_script(static):
    module = (ROOT / "src/sockscope/widgets/explorer.js").read_text()
    script = static.classic(module, "sockscopeExplorer")
    assert "window.sockscopeExplorer = {" in script
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


def test_every_recording_is_in_the_pack(static, tmp_path):
    recorded = experiments.Recording.load("keepalive")
    static.draw("keepalive", tmp_path, "now")
    made = static.packs.unpack((tmp_path / "keepalive.js").read_text())
    cuts = [f"{key}~{place}" for key, group in recorded.drops.items() for place in range(len(group))]
    assert set(made) == {*recorded.variants, *cuts}
    assert made["1.1"]["label"] == "录制"
    assert len((tmp_path / "keepalive.js").read_text()) < len(json.dumps(made)) / 4


def test_a_recorded_report_does_not_depend_on_the_building_machine(static, monkeypatch):
    before = static.reports("keepalive")
    monkeypatch.setattr(report, "capability", lambda *_: pytest.fail("书页与构建它的机器无关"))
    assert static.reports("keepalive") == before


@pytest.mark.parametrize("name", experiments.names())
def test_the_host_names_variants_as_python_does(name):
    """host.js 的 variant()：是与否写成 1 与 0，其余照 JavaScript 的写法。"""
    made = experiments.get(name)
    for values in made.variants():
        parts = [str(int(v)) if isinstance(v, bool) else json.dumps(v).strip('"') for v in values.values()]
        assert (".".join(parts) or "default") == made.key(values)
