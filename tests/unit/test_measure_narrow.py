"""细网线与成批发送的测量：存得下，读得回，写错的得到一句中文；图读得出数目；真的量得了一次短的传输。"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from sockscope.measure import batches, narrow, narrow_figures
from sockscope.measure.results import MeasurementError
from sockscope.render.strips import Mark, Strip, strips

BOOK, SENDS = narrow.load_narrow(), batches.load_batches()


def test_what_is_saved_is_read_back(tmp_path):
    BOOK.save(tmp_path / "a.json")
    assert narrow.load_narrow(tmp_path / "a.json") == BOOK
    SENDS.save(tmp_path / "b.json")
    assert batches.load_batches(tmp_path / "b.json") == SENDS


def test_the_book_has_every_algorithm_in_every_group():
    for group in ("algorithms", "queues", "losses"):
        assert {t.algorithm for t in BOOK.groups[group]} == set(narrow.ALGORITHMS)
    assert len(BOOK.groups["windows"]) == len(narrow.BUFFERS) * len(narrow.TRIPS)
    assert set(SENDS.took) == set(batches.HOW)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": "x"}', '{"format": "sockscope-narrow/1", "groups": {"a": [{}]}}'])
@pytest.mark.parametrize("load", [narrow.load_narrow, batches.load_batches])
def test_a_bad_file_gets_one_chinese_sentence(tmp_path, text, load):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(MeasurementError, match="重录"):
        load(path)


@pytest.mark.parametrize("slim", [False, True])
@pytest.mark.parametrize("group", narrow_figures.FIGURES)
def test_the_pictures_are_sound_and_tell_their_numbers(group, slim):
    draw, caption = narrow_figures.FIGURES[group]
    picture = draw(BOOK, slim, True)
    ElementTree.fromstring(picture)
    assert "aria-label" in picture
    page = narrow_figures.NarrowFigure(BOOK, group).page_html()
    assert caption in page
    assert BOOK.origin in page
    assert page.count("<tr>") == 1 + len(BOOK.groups[group])


def test_the_curve_of_batches_is_sound():
    ElementTree.fromstring(batches.batches_svg(SENDS, True))
    assert SENDS.origin in batches.BatchesFigure(SENDS).page_html()


def test_strips_step_from_value_to_value():
    picture = strips([Strip("one", [(0.0, 10.0), (1.0, 20.0), (2.0, 20.0)], 0)], [Mark(15.0, "half")], str,
                     title="t", description="d")
    ElementTree.fromstring(picture)
    assert picture.count(" V") == 1
    assert "half" in picture


def test_readings_are_thinned_but_the_last_stays():
    samples = [narrow.Sample(at, at, 1) for at in range(0, 100, 5)]
    kept = narrow._thinned(samples)
    assert kept[0] == samples[0]
    assert kept[-1] == samples[-1]
    assert len(kept) < len(samples) / 3
