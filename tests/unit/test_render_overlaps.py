"""书里的每一张图、每一种变体、宽窄两版：字不压字，箭头不划过字，不截短，最小的字 11 像素。"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sockscope.render.columns import NARROW, WIDE
from sockscope.render.declutter import overlap
from sockscope.render.figure import Figure, Label
from sockscope.render.layout import layout
from sockscope.trace import Trace, from_json

RECORDINGS = Path(__file__).parents[2] / "recordings"
PATHS = [*sorted(RECORDINGS.glob("*.json")), *sorted((RECORDINGS / "cells").rglob("*.json"))]
METRICS = {"wide": WIDE, "narrow": NARROW}
REACH = 120  # 竖直方向隔这么远的两行字，不会相碰
# 窄图里写不全的：三台主机各有各的调用，网线只剩几十像素。宽图一个也没有
CUT = {"narrow": {"asyncio_chat": 16, "narrow_cable": 4, "09_messages": 4}}
CUT_ANYWHERE = 1  # 别的窄图里至多有一处


def traces(value: Any) -> Iterator[Trace]:
    """一份录制里的全部轨迹：变体、单元格的输出；剪掉一个包的那些与变体同样排，不再看一遍。"""
    if isinstance(value, dict) and {"events", "hosts"} <= value.keys():
        yield from_json(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from traces(inner) if name != "drops" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from traces(inner)


def struck(figure: Figure) -> list[str]:
    """被箭头划过的字；箭头自己的字贴着自己的杆，不许压上。"""
    shafts = [(arrow.index, arrow.shaft()) for arrow in figure.arrows]
    return [f"{label.text!r} 被第 {index} 个事件的箭头划过" for label in texts(figure)
            for index, shaft in shafts if overlap(label.box(), shaft, -0.5)]


def pressed(figure: Figure) -> list[str]:
    """压在一起的字。"""
    boxes = sorted(((label.box(), label.text) for label in texts(figure)), key=lambda one: one[0][1])
    found = []
    for place, (box, text) in enumerate(boxes):
        for other, said in boxes[place + 1:]:
            if other[1] - box[1] > REACH:
                break
            if overlap(box, other, -1):
                found.append(f"{text!r} 压住了 {said!r}")
    return found


def texts(figure: Figure) -> list[Label]:
    return [label for label in figure.labels() if label.text]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
@pytest.mark.parametrize("width", METRICS)
def test_every_figure_of_the_book_is_legible(path: Path, width: str) -> None:
    cut = 0
    for trace in traces(json.loads(path.read_text(encoding="utf-8"))):
        figure = layout(trace, METRICS[width])
        named = f"{trace.experiment or path.stem} {trace.parameters}"
        assert struck(figure) + pressed(figure) == [], named
        assert min(label.size for label in texts(figure)) >= 11, named
        cut = max(cut, sum("…" in label.text.replace("'…", "") for label in texts(figure)))
    assert cut <= CUT.get(width, {}).get(path.stem, CUT_ANYWHERE * (width == "narrow"))
