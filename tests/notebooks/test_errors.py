"""附录 A：书里提到的每个错误码都有词条，也都真的出现过。"""

from __future__ import annotations

import errno
import os

import pytest

from sockscope import experiments
from sockscope.pages import errors
from sockscope.render.errors import errors as explained

MENTIONED = sorted(errors.mentioned())


def test_the_book_mentions_errors():
    assert {"ECONNREFUSED", "EPIPE", "EAGAIN", "EMFILE"} <= set(MENTIONED)


@pytest.mark.parametrize("name", MENTIONED)
def test_what_the_book_mentions_is_explained_and_proven(name):
    assert name in explained(), f"render/errors.toml 里没有 {name}"
    assert errors.proofs(name), f"没有录制也没有单元格真的出现过 {name}"


@pytest.mark.parametrize("error", explained().values(), ids=explained())
def test_the_number_and_the_message_are_those_of_linux(error):
    assert (error.number, error.message) == (getattr(errno, error.name), os.strerror(error.number))


@pytest.mark.parametrize("name", sorted(errors.raised()))
def test_a_recording_does_what_the_index_says(name):
    assert name in explained(), f"render/errors.toml 里没有 {name}"
    for call, (experiment, key) in errors.raised()[name].items():
        calls = experiments.Recording.load(experiment).variants[key].calls
        assert any(c.name == call and errors.said(c) == name for c in calls)


def test_an_error_said_as_a_result_counts():
    assert "getsockopt" in errors.raised()["ECONNREFUSED"]


def test_the_table_has_a_row_for_each_that_happened():
    html = errors.index()._repr_html_()
    happened = [name for name in explained() if errors.proofs(name)]
    assert html.count("<tr") == 1 + len(happened)
    assert "Connection refused" in html
    assert '<a href="../chapters/03_connecting.ipynb">第 03 章</a>' in html


def test_an_alias_is_the_same_error():
    assert "ENOTSUP" not in errors.mentioned()
    assert "EOPNOTSUPP" in errors.mentioned()
