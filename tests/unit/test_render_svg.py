"""三轨图：合格的 XML，一个事件一个 <g>，字不压字，不引用外物，宽窄两版都是。"""

import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sockscope import places
from sockscope.render import measure, mimebundle, svg
from sockscope.render.causes import causes
from sockscope.render.columns import NARROW, WIDE
from sockscope.render.declutter import overlap
from sockscope.render.layout import layout
from sockscope.trace import Call, Packet, Trace, from_json, load

ZOO = {p.stem: p for p in sorted((Path(__file__).parent / "render_zoo").glob("*.json"))}
SVG = "{http://www.w3.org/2000/svg}"
METRICS = {"wide": WIDE, "narrow": NARROW}

zoo = pytest.mark.parametrize("name", ZOO)
both = pytest.mark.parametrize("width", METRICS)


def draw(name: str, width: str = "wide") -> ElementTree.Element:
    return ElementTree.fromstring(svg.render(load(ZOO[name]), width=width))


def groups(root: ElementTree.Element) -> dict[int, ElementTree.Element]:
    found = [g for g in root.iter(f"{SVG}g") if "data-event" in g.attrib]
    assert len(found) == len({g.get("data-event") for g in found}), "一个事件只能有一个 <g>"
    return {int(g.get("data-event")): g for g in found}


def folded(root: ElementTree.Element) -> set[int]:
    return {int(i) for g in root.iter(f"{SVG}g") for i in g.get("data-events", "").split()}


def text_of(element: ElementTree.Element) -> str:
    return " ".join("".join(t.itertext()) for t in element.iter(f"{SVG}text"))


@zoo
@both
def test_every_event_has_its_group(name: str, width: str) -> None:
    root, trace = draw(name, width), load(ZOO[name])
    drawn, hidden = groups(root), folded(root)
    assert not drawn.keys() & hidden
    for index, event in enumerate(trace.events):
        if getattr(event, "state", "") and not event.peer:
            continue  # 监听端点不单画
        assert index in drawn or index in hidden, f"第 {index} 个事件没有画：{event}"
        if index in drawn:
            assert drawn[index].get("data-t") == str(event.t)
            assert event.kind in drawn[index].get("class").split()


@zoo
@both
def test_no_text_lies_on_text(name: str, width: str) -> None:
    labels = [label for label in layout(load(ZOO[name]), METRICS[width]).labels() if label.text]
    for place, one in enumerate(labels):
        for two in labels[place + 1:]:
            assert not overlap(one.box(), two.box(), -1.5), f"{one.text!r} 压住了 {two.text!r}（y≈{one.y:.0f}）"


@zoo
@both
def test_text_stays_inside_and_large_enough(name: str, width: str) -> None:
    metrics = METRICS[width]
    for label in layout(load(ZOO[name]), metrics).labels():
        x, _, wide, _, angle = label.box()
        if label.text and not angle:
            assert x - wide / 2 >= -1, label.text
            assert x + wide / 2 <= metrics.width + 1, label.text
        assert label.size >= 11, label.text


@zoo
@both
def test_self_contained_and_deterministic(name: str, width: str) -> None:
    text = svg.render(load(ZOO[name]), width=width)
    assert text == svg.render(load(ZOO[name]), width=width)
    assert "<script" not in text
    assert "@import" not in text
    assert re.findall(r"https?://[^\"'<\s)]+", text) == ["http://www.w3.org/2000/svg"]
    assert all(ref.startswith("url(#") for ref in re.findall(r"url\([^)]*", text))


def test_ids_are_unique_on_a_page_of_figures() -> None:
    ids = [i for path in ZOO.values() for width in METRICS
           for i in re.findall(r'\bid="([^"]+)"', svg.render(load(path), width=width))]
    assert len(ids) == len(set(ids))


def test_references_resolve() -> None:
    text = svg.render(load(ZOO["echo10"]))
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= ids
    assert set(re.search(r'aria-labelledby="([^"]+)"', text)[1].split()) <= ids


def test_text_alternative_tells_the_story() -> None:
    root = draw("echo10")
    assert root.find(f"{SVG}title").text == "半关闭：客户端先说完"
    story = root.find(f"{SVG}desc").text
    assert "客户端调用 shutdown(SHUT_WR)" in story
    assert "服务器状态 CLOSE_WAIT" in story


def test_width_must_be_known() -> None:
    with pytest.raises(ValueError, match="wide"):
        svg.render(Trace(), width="huge")


def test_an_empty_trace_is_still_a_figure() -> None:
    assert ElementTree.fromstring(svg.render(Trace())).tag == f"{SVG}svg"


# ---------------------------------------------------------------- 看得出来

def test_dropped_syn_ends_midway_with_a_cross() -> None:
    root, trace = draw("syndrop"), load(ZOO["syndrop"])
    for index, group in groups(root).items():
        event = trace.events[index]
        if isinstance(event, Packet):
            crossed = any(p.get("class") == "cross" for p in group.iter(f"{SVG}path"))
            assert crossed == (event.fate == "dropped")
            assert ("重传" in text_of(group)) == (event.note == "retransmission")


@pytest.mark.parametrize(("name", "kind", "words"), [
    ("linger0", "rst", "RST"), ("keepalive", "alive", "保活探测"), ("zerowindow", "probe", "窗口探测"),
    ("zerowindow", "zero", "窗口 0"), ("datalost", "again", "重传"), ("unreachable", "icmp", "主机不可达"),
    ("udplost", "datagram", "丢弃"),
])
@both
def test_unusual_packets_say_so(name: str, kind: str, words: str, width: str) -> None:
    found = [g for g in groups(draw(name, width)).values() if kind in g.get("class").split()]
    assert found
    assert any(words in text_of(g) for g in found)


def test_a_silence_is_a_marked_break() -> None:
    silent = [g for g in draw("keepalive").iter(f"{SVG}g") if g.get("class") == "silent"]
    assert len(silent) == 4
    assert all("静默 1.02 s" in text_of(g) for g in silent)


def test_blocked_call_shows_its_result_where_it_returned() -> None:
    root, trace = draw("echo10"), load(ZOO["echo10"])
    index, call = next((i, e) for i, e in enumerate(trace.events) if isinstance(e, Call) and e.name == "connect")
    group = groups(root)[index]
    returned = next(g for g in group.iter(f"{SVG}g") if g.get("class") == "return")
    assert returned.get("data-t") == str(call.end)
    assert "→" in text_of(returned)


def test_time_wait_after_close_is_hatched() -> None:
    root = draw("echo10")
    orphans = {g.get("class", "").removeprefix("state ") for g in root.iter(f"{SVG}g")
               if any(r.get("class") == "orphan" for r in g.findall(f"{SVG}rect"))}
    assert {"TIME_WAIT", "LAST_ACK"} <= orphans
    assert "FIN_WAIT2" not in orphans


def test_legend_explains_only_what_occurs() -> None:
    legend = next(g for g in draw("refused").iter(f"{SVG}g") if g.get("class") == "legend")
    assert "RST" in text_of(legend)
    assert "数据" not in text_of(legend)


@both
@zoo
def test_the_legend_wraps_inside_the_picture(name: str, width: str) -> None:
    """一项也不伸出右边，不叠在一起；换了行，图就高一行。"""
    root = draw(name, width)
    legend = next(g for g in root.iter(f"{SVG}g") if g.get("class") == "legend")
    places = [tuple(map(float, re.findall(r"[-\d.]+", g.get("transform")))) for g in legend.findall(f"{SVG}g")]
    words = [text_of(g) for g in legend.findall(f"{SVG}g")]
    right = float(root.get("viewBox").split()[2])
    for (x, y), said, after in zip(places, words, [*places[1:], None], strict=True):
        end = x + 30 + measure.width(said, 11)
        assert x == 8 or end <= right, said
        if after is not None:
            assert after[0] >= end if after[1] == y else (after[0] == 8 and after[1] == y + 18), said
    assert max(y for _, y in places) + 18 <= float(root.get("viewBox").split()[3])
    if width == "narrow" and len(words) > 4:
        assert len({y for _, y in places}) > 1


def test_hundreds_of_events_fold_and_keep_the_interesting_ones() -> None:
    root, trace = draw("bulk"), load(ZOO["bulk"])
    hidden = folded(root)
    assert len(hidden) > 100
    for index in hidden:
        event = trace.events[index]
        assert not getattr(event, "note", "")
        assert not {"SYN", "FIN", "RST"} & set(getattr(event, "flags", []))
    assert float(root.get("height")) < 1500


def test_every_data_attribute_is_read() -> None:
    script, style = ((places.PACKAGE / "widgets" / f"explorer.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    read = {f"data-{name}" for name in re.findall(r"(?:\[data-|dataset\.)(\w+)", script + style)}
    read.add("data-events")  # 折起来的是哪几个，由这里的测试核对
    for path in ZOO.values():
        written = {name for e in ElementTree.fromstring(svg.render(load(path))).iter() for name in e.attrib}
        assert {name for name in written if name.startswith("data-")} <= read


def test_causes_point_backwards() -> None:
    for path in ZOO.values():
        assert all(cause < index for index, cause in causes(load(path)).items())


def test_axis_is_monotone() -> None:
    for path in ZOO.values():
        pairs = [tuple(map(float, p.split(","))) for p in draw(path.stem).get("data-axis").split()]
        assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(pairs))


def test_bundle_carries_both_widths_and_plain_text() -> None:
    bundle = mimebundle(load(ZOO["echo10"]))
    assert bundle["text/html"].count("<svg") == 2
    assert "sockscope-figure" in bundle["text/html"]
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "SYN+ACK" in bundle["text/plain"]


# ---------------------------------------------------------------- 书里的录制

RECORDINGS = sorted((Path(__file__).parents[2] / "recordings").glob("*.json"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
@both
def test_recordings_of_the_book_are_legible(path: Path, width: str) -> None:
    variants = list(json.loads(path.read_text(encoding="utf-8"))["variants"].values())
    for value in (variants[0], variants[-1]):
        labels = [label for label in layout(from_json(value), METRICS[width]).labels() if label.text]
        for place, one in enumerate(labels):
            pressed = [two.text for two in labels[place + 1:] if overlap(one.box(), two.box(), -1.5)]
            assert not pressed, f"{one.text!r} 压住了 {pressed}"
