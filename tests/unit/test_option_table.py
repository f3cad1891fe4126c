"""选项表：每一格都是轨迹里的话；表与名单对得上。"""

from __future__ import annotations

import pytest

from sockscope import experiments
from sockscope.experiments.ch11.option_effects import SCENES
from sockscope.experiments.ch11.option_list import LEVELS, OPTIONS, named
from sockscope.pages.option_table import OptionTable, option_table, rows


@pytest.mark.parametrize("level", LEVELS)
def test_every_option_of_the_list_is_asked_once(level):
    found = [row.option.name for row in option_table(level, live=False).rows]
    assert found == [option.name for option in OPTIONS if option.level == level]


def test_a_row_follows_its_trace():
    trace = experiments.recording("option_values", level="SOL_SOCKET")
    row = next(r for r in rows(trace) if r.option.name == "SO_SNDBUF")
    asked = [c for c in trace.calls if "SO_SNDBUF" in c.args]
    assert [row.default, row.after] == [asked[0].result, asked[2].result]
    assert row.adjusted
    assert not row.refused


def test_read_only_options_are_those_the_kernel_refuses():
    found = {row.option.name for level in LEVELS for row in option_table(level, live=False).rows if row.refused}
    assert found == {option.name for option in OPTIONS if option.value is None}


def test_the_table_says_whose_answer_it_is():
    html = option_table("IPPROTO_TCP", live=False)._repr_html_()
    assert "（录制，Linux 6.18" in html
    assert "<code>TCP_MAXSEG</code><small>int</small>" in html
    assert html.count("<tr>") == 1 + sum(option.level == "IPPROTO_TCP" for option in OPTIONS)


def test_text_form_has_every_option():
    table = option_table("IPPROTO_IP", live=False)
    assert isinstance(table, OptionTable)
    assert "IP_TTL  64 → 1 → 1" in repr(table)


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="没有 'SOL_X' 这一层"):
        option_table("SOL_X")


def test_a_scene_belongs_to_an_option():
    assert set(SCENES) <= {option.name for option in OPTIONS}
    with pytest.raises(KeyError):
        named("SO_NOTHING")


@pytest.mark.parametrize("name", ["socket_options", "tcp_options", "ip_options"])
def test_only_a_given_option_is_set(name):
    """不设的那一遍里，没有人设过它。"""
    for option in experiments.get(name).parameters[0].choices:
        for given in (True, False):
            trace = experiments.recording(name, option=option, given=given)
            put = [c for c in trace.calls if c.name == "setsockopt" and c.args.startswith(f"{option},")]
            assert bool(put) == given, option
