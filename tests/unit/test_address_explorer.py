"""地址的字节图：现场与静态是同一张表；看不懂的输入是一句话，不是一张坏表；输入不会变成标签。"""

from __future__ import annotations

import pytest

from sockscope.cells.made import construct
from sockscope.widgets.address_explorer import SAMPLES, AddressPage, address_explorer, view


@pytest.mark.parametrize("text", SAMPLES)
def test_every_sample_shows_each_byte_once(text):
    html = view(text)
    count = int(html.partition("交给内核 ")[2].partition(" 个")[0])
    assert html.count("<i>") == count


def test_typing_changes_the_bytes():
    widget = address_explorer("10.0.0.2:7007")
    widget.text = "02001b5f0a000003" + "00" * 8
    assert "10.0.0.3:7007" in widget.html
    widget.text = "nonsense:1"
    assert widget.html.startswith('<p class="sa-error"')


def test_the_page_needs_no_script_and_no_kernel():
    page = construct({"made": "widgets.address_explorer.address_explorer", "args": ["@echo"]}, page=True)
    assert isinstance(page, AddressPage)
    html = page._repr_html_()
    assert "<script" not in html
    assert html.count("<section>") == len(SAMPLES)
    assert html.count(" checked>") == 1


def test_what_is_typed_stays_text():
    assert "<img" not in view("/<img src=x>") + view("@<img src=x>") + view("<img src=x>")
