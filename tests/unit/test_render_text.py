"""文字形式：列对齐，一行一件事，与存好的样张一字不差。"""

from pathlib import Path

import pytest

from sockscope import experiments
from sockscope.render import text
from sockscope.render.measure import cells, cut, pad, width
from sockscope.trace import Packet, load

HERE = Path(__file__).parent / "render_zoo"
ZOO = {p.stem: p for p in sorted(HERE.glob("*.json"))}


@pytest.mark.parametrize("name", ["echo10", "router", "syndrop"])
def test_golden(name: str) -> None:
    assert text.render(load(ZOO[name])) == (HERE / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("room", [80, 100, 140])
def test_lines_fit_and_columns_line_up(name: str, room: int) -> None:
    lines = text.render(load(ZOO[name]), width=room).splitlines()
    body = [line for line in lines if "│" in line]
    assert all(cells(line) <= room for line in body)
    bars = {tuple(cells(line[:i]) for i, c in enumerate(line) if c == "│") for line in body}
    assert len(bars) == 1, "每行的竖线应在同样的格上"


@pytest.mark.parametrize("name", ["echo10", "keepalive", "two"])
def test_every_packet_has_a_line(name: str) -> None:
    trace = load(ZOO[name])
    body = text.render(trace)
    tips = sum(line.count("▶") + line.count("◀") + line.count("✕") for line in body.splitlines() if "│" in line)
    assert tips == len(trace.packets)


def test_lost_packets_stop() -> None:
    body = text.render(load(ZOO["udplost"]))
    assert sum("✕" in line and "│" in line for line in body.splitlines()) == 1
    assert "丢弃" in body


def test_spoken_form_has_no_drawing() -> None:
    for path in ZOO.values():
        assert not set(text.spoken(load(path))) & set("│─▶◀●○")


def test_spoken_form_names_causes() -> None:
    assert "（由 shutdown(SHUT_WR) 引出）" in text.spoken(load(ZOO["echo10"]))


def test_still_blocked_is_said() -> None:
    trace = load(ZOO["running"])
    assert any(isinstance(e, Packet) and e.end is None for e in trace.events)
    assert "阻塞中" in text.render(trace)


def test_measure() -> None:
    assert cells("客户端 A") == 8
    assert width("客户端", 10) == 30
    assert pad("客户端", 8) == "客户端  "
    assert pad("客户端", 8, "right") == "  客户端"
    assert pad("客户端", 5) == "客户…"
    assert cut("abcdef", 10, 1000) == "abcdef"
    assert cut("abcdef", 10, 30).endswith("…")


def test_a_router_that_will_not_fragment_is_no_fragment():
    said = text.render(experiments.recording("path_mtu"))
    assert "需要分片" in said
    assert "分片 0+576" in said
