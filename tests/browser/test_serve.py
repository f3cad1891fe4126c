"""从书页到 JupyterLab：打印出来的地址打得开，一次点击就到同一章，界面是中文，不向外请求。"""

from __future__ import annotations


def test_book_leads_to_the_same_chapter_in_lab(house, visit):
    seen = visit(house.book)
    assert seen.page.url == f"{house.base}book/"
    seen.page.get_by_role("link", name="00 序").first.click()
    door = seen.page.get_by_role("link", name="在 JupyterLab 中打开")
    assert door.get_attribute("href") == "/lab/tree/chapters/00_preface.ipynb"
    door.click()
    seen.page.locator(".jp-Notebook h1", has_text="序").wait_for()
    seen.page.locator("#jp-main-dock-panel .lm-TabBar-tabLabel", has_text="00_preface.ipynb").wait_for()
    assert seen.page.locator(".lm-MenuBar-itemLabel").all_inner_texts()[:2] == ["文件", "编辑"]
    assert seen.outside(house.base) == []


def test_the_way_to_lab_fits_a_phone(house, visit):
    """静态的书页上没有这个按钮，所以在 test_pages 里看不出它太宽。"""
    seen = visit(house.book.replace("book/?", "book/chapters/05_closing.html?"), width=360)
    seen.page.get_by_role("link", name="在 JupyterLab 中打开").wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_lab_asks_nothing_on_first_start(house, visit):
    seen = visit(house.lab, settle=False)
    seen.page.locator(".jp-Launcher:visible, .jp-Notebook:visible").first.wait_for()
    assert seen.page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    assert seen.outside(house.base) == []
