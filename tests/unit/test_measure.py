"""测量：存得下，读得回，写错的文件得到一句中文；图读得出数目；按钮按得动，停得下。"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from sockscope.measure import KINDS, Flow, Latency, Measurement, MeasurementError, panel, recorded
from sockscope.measure.race import SIZES
from sockscope.measure.results import PLACE, load

BOOK = recorded()


def made(**changes) -> Measurement:
    took = Latency.of("Python", "tcp", 64, range(1000, 101_000, 100))
    flow = Flow("Python", "tcp", 64, 1000, 900, 2000)
    return replace(Measurement("某机器", "Linux 6.18", "3.11", latencies=[took], flows=[flow]), **changes)


def test_numbers_are_what_they_say():
    took, flow = made().latencies[0], made().flows[0]
    assert took.median == 51_000
    assert took.fastest == 2_000
    assert sum(took.bins.values()) == 1000
    assert sum(share for _, share in took.curve) == pytest.approx(1)
    assert flow.rate == pytest.approx(450)
    assert flow.lost == pytest.approx(0.1)


def test_what_is_saved_is_read_back(tmp_path):
    made(recorded="2026-01-02").save(tmp_path / "a.json")
    assert load(tmp_path / "a.json") == made(recorded="2026-01-02")


@pytest.mark.parametrize(("change", "said"), [
    (lambda v: "{", "不是 JSON"), (lambda v: [], "format"), (lambda v: v | {"format": "x"}, "format"),
    (lambda v: {k: x for k, x in v.items() if k != "flows"}, "flows"), (lambda v: v | {"colour": 1}, "colour"),
    (lambda v: v | {"kernel": 6}, "kernel"), (lambda v: v | {"latencies": [{}]}, "字段不对"),
    (lambda v: v | {"flows": 3}, "字段不对"),
    (lambda v: v | {"latencies": [v["latencies"][0] | {"bins": []}]}, "bins"),
    (lambda v: v | {"latencies": [v["latencies"][0] | {"quantiles": ["x"] * 7}]}, "quantiles"),
])
def test_a_bad_file_gets_one_chinese_sentence(tmp_path, change, said):
    changed = change(json.loads(PLACE.read_text()))
    path = tmp_path / "bad.json"
    path.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    with pytest.raises(MeasurementError, match=said) as caught:
        load(path)
    assert "重录" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m sockscope\.measure"):
        load(tmp_path / "none.json")


def test_the_book_has_measured_everything():
    assert BOOK.languages == ["C", "Python"]
    assert {(x.language, x.kind) for x in BOOK.latencies} == {(lang, kind) for lang in BOOK.languages for kind in KINDS}
    assert {(f.language, f.kind, f.size) for f in BOOK.flows} == {
        (lang, kind, size) for lang in BOOK.languages for kind in KINDS for size in SIZES}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", BOOK.recorded)
    assert all(f.received == f.sent for f in BOOK.flows if f.kind != "udp")


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("draw", [panel.latency_svg, panel.throughput_svg])
@pytest.mark.parametrize("what", [BOOK, made()], ids=["book", "one"])
def test_charts_stand_alone_and_can_be_read_aloud(what, draw, narrow):
    svg = draw(what, narrow)
    tree = ElementTree.fromstring(svg)
    assert "TCP" in tree.get("aria-label")
    assert int(tree.get("width")) == (360 if narrow else 700)
    assert not re.search(r"(href|src)=|nan|inf", svg)
    for text in tree.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.get("x")) <= float(tree.get("width"))


def test_the_page_says_where_it_comes_from_and_what_was_lost():
    html = repr(panel.Figure(BOOK)) + panel.Figure(BOOK)._repr_html_()
    assert f"录制于 {BOOK.recorded}；{BOOK.machine}，{BOOK.kernel}" in html
    assert html.count("<tr>") == 1 + len(BOOK.latencies)
    assert "至多" in html
    assert panel.NO_COMPILER not in html
    assert panel.NO_COMPILER in panel.Figure(made())._repr_html_()


# ---------------------------------------------------------------- 部件

def pressed(widget: panel.Remeasure) -> None:
    widget.press()
    if widget.thread is not None:
        widget.thread.join()


def test_the_button_measures_and_shows_progress(monkeypatch):
    widget, seen = panel.Remeasure(BOOK), []

    def measure(on_progress):
        on_progress(3, 7, "Python，TCP")
        seen.append((widget.bar.value, widget.bar.max, widget.said.value, widget.button.description))
        return replace(BOOK, recorded="")

    monkeypatch.setattr(panel, "measure", measure)
    pressed(widget)
    assert seen == [(3, 7, "Python，TCP", "停下")]
    assert "实时：刚刚在你的机器上量的" in widget.picture.value
    assert "书上" in widget.said.value


def test_pressing_again_stops_it(monkeypatch):
    widget = panel.Remeasure(BOOK)

    def measure(on_progress):
        assert on_progress(0, 7, "") is True
        widget.press()
        return None if on_progress(1, 7, "") is False else made()

    monkeypatch.setattr(panel, "measure", measure)
    pressed(widget)
    assert widget.made is BOOK
    assert widget.said.value == "停下了，图还是原来的。"


def test_a_failure_is_one_sentence(monkeypatch):
    def measure(_on_progress):
        raise OSError("没有地方了")

    widget = panel.Remeasure(BOOK)
    monkeypatch.setattr(panel, "measure", measure)
    pressed(widget)
    assert widget.said.value == "没有量成：没有地方了"
