"""书里的短句：代码、链接、小字，各有各的样子。"""

from __future__ import annotations

from sockscope.pages.prose import Table, marked


def test_names_become_code_and_the_rest_is_escaped():
    assert marked("`a<b` & c") == "<code>a&lt;b</code> &amp; c"


def test_a_link_stays_inside_the_book():
    assert marked("[第 03 章](../chapters/03_x.ipynb#没有人听)") == '<a href="../chapters/03_x.ipynb#没有人听">第 03 章</a>'
    assert "<a" not in marked("[外面](https://example.org)")


def test_what_follows_a_new_line_is_small():
    assert marked("说法\n见`x`") == "说法<small>见<code>x</code></small>"


def test_the_text_form_has_no_addresses():
    assert repr(Table(["一"], [["[第 03 章](../chapters/03_x.ipynb)\n小字"]])) == "第 03 章  小字"
