"""放到网上的书：配了地址才有 sitemap 与 robots，每一页一行。"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "ext"))
import published


def app(folder: Path, address: str) -> SimpleNamespace:
    return SimpleNamespace(config=SimpleNamespace(html_baseurl=address), builder=SimpleNamespace(format="html"), outdir=folder,
                           env=SimpleNamespace(found_docs={"index", "chapters/05_closing", "search"}))


def test_without_an_address_nothing_is_written(tmp_path):
    published.write(app(tmp_path, ""), None)
    assert list(tmp_path.iterdir()) == []


def test_every_page_is_listed_under_the_address(tmp_path):
    published.write(app(tmp_path, "https://example.org/book/"), None)
    rows = [node.text for node in ET.parse(tmp_path / "sitemap.xml").getroot().iter() if node.tag.endswith("loc")]
    assert rows == ["https://example.org/book/chapters/05_closing.html", "https://example.org/book/index.html"]
    assert "Sitemap: https://example.org/book/sitemap.xml" in (tmp_path / "robots.txt").read_text()
    assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")
