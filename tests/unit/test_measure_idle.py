"""空闲连接的测量：存得下，读得回，写错的得到一句中文；真的量得了几个连接；图读得出数目。"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

import pytest

from sockscope.measure import idle
from sockscope.measure.results import MeasurementError

BOOK = idle.load_idle()


def test_what_is_saved_is_read_back(tmp_path):
    BOOK.save(tmp_path / "a.json")
    assert idle.load_idle(tmp_path / "a.json") == BOOK


def test_the_book_has_every_way_and_its_largest_count():
    assert {wait.how for wait in BOOK.waits} == set(idle.HOW)
    assert BOOK.largest("epoll").count == 10_000
    assert BOOK.largest("select").count < 1024


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": "x"}', '{"format": "sockscope-idle/1", "waits": [{}]}'])
def test_a_bad_file_gets_one_chinese_sentence(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(MeasurementError, match="重录"):
        idle.load_idle(path)


@pytest.mark.parametrize("narrow", [False, True])
def test_the_picture_tells_its_numbers(narrow):
    picture = idle.waits_svg(BOOK, narrow)
    ElementTree.fromstring(picture)
    assert all(title in picture for title in idle.HOW.values())


def test_the_figure_says_where_it_was_measured():
    figure = idle.IdleFigure(BOOK)
    assert BOOK.origin in figure.page_html()
    assert BOOK.origin in repr(figure)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll 只有 Linux 有")
@pytest.mark.parametrize("how", idle.HOW)
def test_a_few_connections_are_really_measured(how):
    wait = idle._one(how, 10)
    assert (wait.how, wait.count) == (how, 10)
    assert wait.nanoseconds > 0
