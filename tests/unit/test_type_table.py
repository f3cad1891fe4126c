"""类型表从轨迹里读，不从书里抄：换一条轨迹，格子就跟着变。"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockscope import experiments
from sockscope.pages import type_table
from sockscope.pages.type_table import COLUMNS, probing_matrix


def test_recordings_give_the_table_of_the_book():
    table = type_table.type_table("AF_INET", live=False)
    assert table.label == "录制"
    assert table.row("SOCK_STREAM") == ["是", "是", "是", "是", "否", "不限", "TCP"]
    assert table.row("SOCK_DGRAM") == ["是", "否", "否", "否", "是", "65,507 字节", "UDP"]


def test_a_refused_row_is_one_cell():
    html = type_table.type_table("AF_INET", live=False)._repr_html_()
    assert f'colspan="{len(COLUMNS)}">ESOCKTNOSUPPORT' in html


def test_the_cells_follow_the_trace():
    trace = experiments.recording("disorder", domain="AF_INET", kind="SOCK_STREAM")
    assert type_table.ordered(trace) == "是"
    one, two = b"one".hex(), b"two".hex()
    late = [replace(e, data=e.data.replace(one, two)) if getattr(e, "data", "") else e for e in trace.events]
    assert type_table.ordered(replace(trace, events=late)) == "否"


@pytest.mark.parametrize("column", ["有序", "不丢"])
def test_a_cable_nothing_went_over_tries_nothing(column):
    """Unix 域没有网线：没有试出来的，不说“是”。"""
    table = type_table.type_table("AF_UNIX", live=False)
    assert {table[kind, column] for kind in table.rows} == {type_table.UNTRIED}


def test_the_matrix_has_a_cell_for_every_question():
    matrix = probing_matrix(experiments.recording("probing", privileged=False))
    assert len(matrix.cells) == len(matrix.rows) * len(matrix.columns) == 35
    assert matrix["SOCK_RAW", "TCP"] == "EPERM"
    assert "没有特权" in repr(matrix)


def test_a_limit_that_no_message_reached_is_no_error():
    """缓冲区小，一条也没有收下；缓冲区大，一条也没有嫌大：都说得出来。"""
    trace = experiments.recording("sizing", domain="AF_INET", kind="SOCK_DGRAM")
    small = [replace(e, errno="EMSGSIZE", size=None) if getattr(e, "name", "") == "sendto" else e for e in trace.events]
    assert type_table.limit(replace(trace, events=small)) == "0～65,507 字节"
    large = [replace(e, errno="ENOBUFS") if getattr(e, "errno", None) == "EMSGSIZE" else e for e in trace.events]
    assert type_table.limit(replace(trace, events=large)) == "至少 65,507 字节"


def test_nothing_received_has_no_boundaries():
    assert type_table.bounded(experiments.recording("talking", domain="AF_INET", kind="SOCK_SEQPACKET")) == "否"
