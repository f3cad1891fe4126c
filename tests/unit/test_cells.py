"""单元格的录制：显示出来的东西怎样成为数据，数据怎样成为书页；改过的不算数；没有变的留着旧的；比较说得出哪里不同。"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sockscope import experiments
from sockscope.cells.kernel import MIME, as_data
from sockscope.cells.made import construct, origin
from sockscope.cells.outputs import difference, failure, kept, plain, shown
from sockscope.cells.recordings import Book, Cell, book_notebooks, digest, sources
from sockscope.pages.ledger import beliefs
from sockscope.pages.prose import Table
from sockscope.pages.quiz import outcome, predict
from sockscope.pages.type_table import probing_matrix
from sockscope.trace import TraceError, dumps
from sockscope.widgets.explorer import explorer


def trace_output(trace):
    return {"trace": json.loads(dumps(trace))}


@pytest.fixture
def closing():
    return experiments.recording("closing", how="SHUT_WR")


# ---------------------------------------------------------------- 怎样做出来的

@pytest.mark.parametrize("make", [
    lambda: beliefs("05"), lambda: Table(["一", "二", "三"], [["a", "b", "c"]], caption="表"),
    lambda: predict("谁先走？", "closing", outcome("client", "close"), {"成功": "它"}, "因为"),
    lambda: probing_matrix(experiments.recording("probing")),
], ids=["made", "made-from", "question", "of-a-trace"])
def test_what_is_remembered_makes_the_same_again(make):
    value = make()
    told = json.loads(json.dumps(as_data(value)))
    assert construct(told, page=True)._repr_html_() == value._repr_html_()


def test_a_recorded_trace_is_named_and_a_fresh_one_is_written_out(closing):
    named = origin(probing_matrix(experiments.recording("probing"))).to_json()["args"][0]
    assert named == {"recording": "probing", "of": experiments.get("probing").defaults}
    other = replace(experiments.recording("probing"), recorded="2001-01-01")
    assert "trace" in origin(probing_matrix(other)).to_json()["args"][0]


def test_a_page_takes_the_static_form():
    told = as_data(explorer("closing", how="SHUT_WR"))
    assert told == {"made": "widgets.explorer.explorer", "args": ["closing"], "options": {"how": "SHUT_WR"}}
    assert construct(told, page=True)._repr_html_().startswith('<div class="sockscope-explorer"')
    assert type(construct(told, page=False)).__name__ == "Explorer"


@pytest.mark.parametrize("name", ["ledger.nothing", "nowhere.beliefs", "os.system", "cells.made.construct"])
def test_only_registered_functions_are_called(name):
    with pytest.raises(ValueError, match="现在的程序里没有它"):
        construct({"made": name, "args": ["05"]}, page=True)


# ---------------------------------------------------------------- 输出

def test_messages_become_data_and_streams_are_joined(closing):
    messages = [
        {"output_type": "stream", "name": "stdout", "text": "一"}, {"output_type": "stream", "name": "stdout", "text": "二"},
        {"output_type": "display_data", "data": {MIME: trace_output(closing)}, "metadata": {}},
        {"output_type": "execute_result", "data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1},
    ]
    assert kept(messages) == [{"stream": "stdout", "text": "一二"}, trace_output(closing), {"data": {"text/plain": "3"}}]


def test_an_error_keeps_the_line_of_the_cell():
    traceback = ["\x1b[31mAssertionError\x1b[0m", "Cell In[3], line 2\n      1 x = 1\n----> \x1b[32m2\x1b[39m assert x == 2\n"]
    found = kept([{"output_type": "error", "ename": "AssertionError", "evalue": "", "traceback": traceback}])
    assert found == [{"error": "AssertionError", "says": "", "where": "assert x == 2"}]
    assert failure(found[0]) == "`assert x == 2` 在这里不成立。"


def test_a_trace_becomes_todays_figure(closing):
    data = shown([trace_output(closing)])[0]["data"]
    assert data["text/html"].count("<svg") == 2
    assert "录制" in data["text/plain"]


def test_a_fresh_trace_is_dated(closing):
    told = as_data(replace(closing, recorded="", kernel="Linux 6.99.1-debian"))
    assert told["trace"]["kernel"] == "Linux 6.99.1"
    assert told["trace"]["recorded"]


def table(*rows):
    return [{"data": {"text/html": "".join(f"<tr><td>{name}<td>{value}" for name, value in rows), "text/plain": "<HTML object>"}}]


def test_tables_are_compared_by_their_words():
    book = table(("有人监听", 0.3), ("端口关着", 0.2))
    assert difference(book, table(("有人监听", 4.7), ("端口关着", 0.1))) == ""
    assert "没有人监听" in difference(book, table(("没有人监听", 0.3), ("端口关着", 0.2)))
    assert "行数不同" in difference(book, table(("有人监听", 0.3)))


@pytest.mark.parametrize(("one", "two"), [
    ("用了 3.14 毫秒", "用了 2.7 毫秒"), ("端口 54321", "端口 40000"), ("在 0x7f0012ab", "在 0x55aa00ff"),
    ("pid 12", "pid 4567"), ("中位数 14246 20478 纳秒", "中位数 20478 51527 纳秒"), ("中位数 7.21", "中位数 9.99")])
def test_luck_is_not_compared(one, two):
    assert plain(one) == plain(two)


@pytest.mark.parametrize(("one", "two"), [("收到 3 次", "收到 4 次"), ("端口 7007", "端口 7008"), ("EPIPE", "ECONNRESET")])
def test_what_is_promised_is_compared(one, two):
    found = difference([{"stream": "stdout", "text": one}], [{"stream": "stdout", "text": two}])
    assert found == f"前者写着“{one}”，后者写着“{two}”"


def test_traces_are_compared_by_their_canonical_form(closing):
    again = replace(closing, recorded="2001-01-01", title="另一次")
    assert difference([trace_output(closing)], [trace_output(again)]) == ""
    other = experiments.recording("closing", how="close")
    assert "前者" in difference([trace_output(closing)], [trace_output(other)])


def test_a_missing_or_extra_output_is_a_difference():
    text = {"stream": "stdout", "text": "x"}
    assert difference([text], []) == "书上多出一份输出：一段文字"
    assert difference([], [text]) == "你的多出一份输出：一段文字"
    wrong = {"error": "OSError", "says": "[Errno 5]", "where": "f()"}
    assert difference([text], [wrong]) == "`f()` 抛出 OSError：[Errno 5]"


def test_a_table_is_compared_by_what_it_was_made_of():
    one, two = (as_data(Table(["甲"], [[text]])) for text in ("用了 1.25 秒", "用了 9.75 秒"))
    assert difference([one], [two]) == ""
    assert difference([one], [as_data(Table(["甲"], [["别的"]]))])


# ---------------------------------------------------------------- 录制

@pytest.mark.parametrize("notebook", book_notebooks())
def test_every_cell_of_the_book_is_recorded(notebook):
    assert Book.load(notebook).stale() == [], "改过的单元格要重录：make record"
    assert set(Book.load(notebook).cells) == {name for name, _ in sources(notebook)}, "录制里有笔记本里没有的格子"


def test_an_edited_cell_no_longer_counts():
    book = Book("x.ipynb", cells={"one": Cell("one", digest("print(1)"), [])})
    assert book.outputs("one", "print(1)") == []
    assert book.outputs("one", "print(2)") is None
    assert book.outputs("two", "print(1)") is None


def test_an_unchanged_cell_keeps_its_old_times_and_the_file_its_bytes(tmp_path, closing):
    old = Book("x.ipynb", "Linux 6.1", {"one": Cell("one", digest("net.trace"), [trace_output(closing)])})
    old.save(tmp_path)
    again = replace(closing, recorded="2099-01-01")
    new = Book("x.ipynb", "Linux 7.0", {"one": Cell("one", digest("net.trace"), [trace_output(again)])})
    before = old.path(tmp_path).read_bytes()
    new.keep(Book.load("x.ipynb", tmp_path)).save(tmp_path)
    assert old.path(tmp_path).read_bytes() == before


def test_saved_and_loaded_is_the_same(tmp_path, closing):
    cells = {"one": Cell("one", digest("a"), [trace_output(closing), {"stream": "stdout", "text": "“引号”\n"}]),
             "two": Cell("two", digest("b"), [])}
    Book("x.ipynb", "Linux", cells).save(tmp_path)
    assert Book.load("x.ipynb", tmp_path).cells == cells
    assert max(map(len, Book("x.ipynb").path(tmp_path).read_text().splitlines())) < 8000, "一个事件一行"


def test_a_broken_file_is_one_sentence(tmp_path):
    path = Book("x.ipynb").path(tmp_path)
    path.write_text('{"format": "other"}')
    with pytest.raises(TraceError, match="format 应为"):
        Book.load("x.ipynb", tmp_path)


def test_a_long_run_of_digits_is_read_in_one_go():
    """十六进制的字节可以是几十个数字；时长的写法不许一种一种地试。"""
    assert plain("0" * 2000 + "x") == "0" * 2000 + "x"
    assert plain("1.5、2，3 秒") == plain("7 秒")
