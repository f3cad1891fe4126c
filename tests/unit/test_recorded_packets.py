"""录制里每个包的说法，都是今天的解码器从它的字节得出来的：没有一个是旧解码器留下的。"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sockscope import places
from sockscope.experiments import Recording, names
from sockscope.live.decode import Decoder
from sockscope.trace import Packet, Trace, from_json

CELLS = {str(p.relative_to(places.recordings() / "cells").with_suffix("")): p
         for p in sorted((places.recordings() / "cells").rglob("*.json"))}


def traces(name: str) -> Iterator[Trace]:
    whole = Recording.load(name)
    yield from whole.variants.values()
    for group in whole.drops.values():
        yield from group.values()


def read_again(trace: Trace) -> list[Packet]:
    """按上线的次序重新解读；命运与时刻照旧，派生的字段全部新算。"""
    decoder = Decoder()
    return [Packet(t=p.t, end=p.end, cable=p.cable, number=p.number, src=p.src, dst=p.dst, fate=p.fate,
                   **decoder.decode(bytes.fromhex(p.raw), p.cable))
            for p in sorted(trace.packets, key=lambda p: p.number)]


def cell_traces(path: Path) -> Iterator[Trace]:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        yield from (from_json(output["trace"]) for output in cell["outputs"] if "trace" in output)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_recorded_packets_are_what_their_bytes_say(name: str) -> None:
    for trace in traces(name):
        assert read_again(trace) == sorted(trace.packets, key=lambda p: p.number)


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_so_are_those_of_the_recorded_cells(name: str) -> None:
    for trace in cell_traces(CELLS[name]):
        assert read_again(trace) == sorted(trace.packets, key=lambda p: p.number)


@pytest.mark.parametrize("name", names())
def test_relative_numbers_stay_near_zero(name: str) -> None:
    """录制里没有一次传过几百兆：相对序号大成那样，就是数错了起点。"""
    for trace in traces(name):
        for packet in trace.packets:
            assert max(packet.seq or 0, packet.ack or 0) < 1 << 28, replace(packet, raw="")
