"""时间轴：单调、最整的刻度、长静默折断。"""

import itertools

import pytest

from sockscope.render.labels import bytes_text, duration_text, round_duration, wrap
from sockscope.render.timeline import Anchor, roundest, rule
from sockscope.trace import Trace

MS = 1_000_000


@pytest.mark.parametrize(("low", "high", "expected"), [
    (12 * MS, 23 * MS, 20 * MS), (8 * MS, 13 * MS, 10 * MS), (1_013 * MS, 1_049 * MS, 1_020 * MS),
    (21 * MS, 24 * MS, 22 * MS), (0, 5 * MS, 0),
])
def test_roundest(low: int, high: int, expected: int) -> None:
    assert roundest(low, high) == expected


def test_nothing_round_enough() -> None:
    assert roundest(1_000_001, 1_000_009) is None


def ruler(*anchors: Anchor):
    return rule(Trace(), list(anchors), 50.0, [])


def test_heights_never_go_up_and_map_both_ways() -> None:
    found = ruler(*(Anchor(t * MS) for t in (1, 2, 5, 9, 14)))
    assert found.heights == sorted(found.heights)
    for t in (1 * MS, 3 * MS, 7 * MS, 14 * MS):
        assert abs(found.t(found.y(t)) - t) < 1000


def test_outside_there_is_only_the_first_and_the_last() -> None:
    found = ruler(Anchor(1 * MS), Anchor(2 * MS))
    assert (found.y(0), found.y(3 * MS)) == (found.heights[0], found.heights[-1])
    assert (found.t(0), found.t(10_000)) == (1 * MS, 2 * MS)


def test_an_empty_figure_has_no_ticks() -> None:
    assert (ruler().ticks(10, 30), ruler().y(5 * MS)) == ([], 50.0)


def test_rows_of_a_column_keep_their_distance() -> None:
    rows = [Anchor(t, (("call client", 8.0, 9.0),)) for t in (1000, 1001, 1002)]
    ruler(*rows)
    assert rows[1].y - rows[0].y >= 17
    assert rows[2].y - rows[1].y >= 17


def test_arrows_keep_their_slant() -> None:
    start = Anchor(1000)
    end = Anchor(1001, after=(start, 14.0))
    ruler(start, end)
    assert end.y - start.y >= 14


def test_long_silence_breaks() -> None:
    found = ruler(Anchor(0), Anchor(2 * MS), Anchor(2_000 * MS), Anchor(2_002 * MS))
    assert [round(b.duration / MS) for b in found.breaks] == [1998]
    assert all(not found.breaks[0].top < y < found.breaks[0].bottom for y, _ in found.ticks(10, 30))


def test_the_next_tick_stands_right_below_the_break() -> None:
    found = ruler(*(Anchor(t * MS) for t in (0, 2, 2_000, 2_002, 2_004, 2_006)))
    gap = found.breaks[0]
    after = [y for y, _ in found.ticks(10, 30) if y >= gap.bottom]
    assert gap.bottom <= after[0] <= gap.bottom + 18
    assert all(later - one >= 10 for one, later in itertools.pairwise(after))


def test_busy_time_is_no_silence() -> None:
    anchors = [Anchor(0), Anchor(2_000 * MS)]
    assert not rule(Trace(), anchors, 0.0, [(1, 1_999 * MS)]).breaks


@pytest.mark.parametrize(("ns", "text"), [
    (350_000, "0.35 ms"), (23_500_000, "23.5 ms"), (214_000_000, "214 ms"), (1_020_000_000, "1.02 s"),
])
def test_duration_text(ns: int, text: str) -> None:
    assert duration_text(ns) == text


def test_round_duration_loses_nothing() -> None:
    assert [round_duration(t) for t in (10 * MS, 2_075 * MS, 4_108_800_000)] == ["10 ms", "2.075 s", "4.1088 s"]


def test_bytes_text() -> None:
    assert [bytes_text(n) for n in (5, 1448, 304_000, 12_000_000)] == ["5 B", "1448 B", "304 kB", "12 MB"]


@pytest.mark.parametrize("text", [
    "connect(('10.0.0.2', 7))", "setsockopt(SO_LINGER, {l_onoff=1, l_linger=0})", "sendall(b'a,b(c')",
    "recvfrom(100) → b'one', :9",
])
@pytest.mark.parametrize("fits", [10, 14, 20, 40])
def test_wrapping_loses_nothing(text: str, fits: int) -> None:
    assert "".join(wrap(text, fits)).replace(" ", "") == text.replace(" ", "")
