"""离开 Jupyter Book 1 的路一直通着：同样的来源，用普通的、最新的 Sphinx 排，一个警告也没有，每一页的文字相同。

要从软件源装一套别的版本，所以只在 ``make soak`` 里跑。
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["sphinx>=9", "myst-nb", "sphinx-book-theme", "sphinx-design", "sphinx-external-toc", "sphinx-copybutton",
            "sphinx-togglebutton", "sphinx-comments", "sphinx-thebe", "anywidget", "ipywidgets", "scapy"]
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Article(HTMLParser):
    """一页正文里的文字；脚本、样式、图和接口的签名（两个版本的写法不同）除外。"""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[bool] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        skipped = tag in {"script", "style", "svg"} or "sig" in (dict(attributes).get("class") or "").split()
        outer = self.inside[-1] if self.inside else False
        self.inside.append((outer or tag == "article") and not skipped)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self.inside:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1]:
            self.words.append(data)


def words(page: Path) -> str:
    article = Article()
    article.feed(page.read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", "".join(article.words)).strip()


def test_the_text_of_a_page_is_found(book):
    assert "close()" in words(book / "chapters" / "05_closing.html")


@pytest.mark.soak
def test_plain_sphinx_makes_the_same_pages(book, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    subprocess.run([sys.executable, ROOT / "book/plain.py", tmp_path / "conf"], check=True)
    subprocess.run([python, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", tmp_path / "conf",
                    "-d", tmp_path / "doctrees", ROOT, tmp_path / "html"], check=True,
                   env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    pages = [page.relative_to(book) for folder in (".", "chapters", "book") for page in (book / folder).glob("*.html")]
    assert len(pages) > 20
    assert [str(page) for page in pages if words(book / page) != words(tmp_path / "html" / page)] == []
