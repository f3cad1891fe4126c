"""症状那一页上工具的输出：在这台机器上再看一遍，还是那样。"""

from __future__ import annotations

import os

import pytest

from sockscope import experiments
from sockscope.experiments.tools import Look, look, recorded, steady
from sockscope.live import Unavailable
from sockscope.live.capability import kernel
from sockscope.pages.tools import everything

QUICK = 0.5  # 录制不长于此的，秒


def lacking(why: Unavailable) -> None:
    """没有要用的工具：CI 上是失败，别处说一声跳过。"""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(str(why))


def one(wanted: Look, given: dict[str, object]):
    """慢的只在长跑里看。"""
    slow = experiments.recording(wanted.experiment, **given).duration > QUICK * 10**9
    mark = pytest.mark.soak if slow else pytest.mark.slow
    return pytest.param(wanted, given, id=f"{wanted.experiment}-{wanted.key}-{wanted.command}", marks=mark)


LOOKS = [one(*each) for each in everything()]


@pytest.mark.parametrize(("wanted", "given"), LOOKS)
def test_a_tool_says_here_what_the_page_shows(wanted, given):
    try:
        said = look(wanted, **given)
    except Unavailable as why:
        lacking(why)
    book = experiments.recording(wanted.experiment, **given).kernel
    if said != recorded(wanted) and kernel().split(".")[:2] != book.split(".")[:2]:
        pytest.skip(f"录制于 {book}，这里是 {kernel()}：{said}")
    assert said == recorded(wanted)


def test_what_varies_is_named_by_its_order():
    text = "State Peer\nESTAB 10.0.0.1:41000 /tmp/x/sockscope-ab12/door 98302131 * 0\nESTAB 10.0.0.1:40000 * 7\n"
    assert steady(text) == "State Peer\nESTAB 10.0.0.1:50001 /tmp/app/door 1001 * 0\nESTAB 10.0.0.1:50002 * 7"
    assert steady("State\nb:7\na:7", ordered=True) == "State\na:7\nb:7"


def test_a_moment_that_never_comes_is_one_sentence():
    wanted = Look("handed_listener", "1", "server", "ss -ltn", "CLOSING")
    try:
        with pytest.raises(ValueError, match="server 没有等到 CLOSING"):
            look(wanted)
    except Unavailable as why:
        lacking(why)
