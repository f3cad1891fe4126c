"""索引（genindex）：全书的词，照拼音与字母一起排，每个词先指向教它的一节。词与地方来自 ``words.py``。

拼音不靠词典：GB 2312 的一级汉字本来就照拼音排，取它的编码就是次序；读音不止一个的字写在 ``READ`` 里。
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sphinx.application import Sphinx

from search_index import taught
from sections import Section
from words import Word

FIRST = "啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝"  # 每个字母的第一个汉字
LETTERS = "ABCDEFGHJKLMNOPQRSTWXYZ"
READ = {"重传": "虫传", "重连": "虫连", "重复确认": "虫复确认"}
HIDDEN = {"症状", "页"}
SHOWN = 5


@dataclass(frozen=True)
class Entry:
    """索引里的一条：词、旁边的小字、去处（地址、写出来的样子）；第一处是教它的地方。"""

    word: str
    note: str
    places: list[tuple[str, str]]


def entries(known: list[Word], pathto: Any) -> list[tuple[str, list[Entry]]]:
    """字母 → 那个字母的各条。"""
    shown = sorted((w for w in known if w.kind not in HIDDEN), key=lambda word: _order(word.name))
    return [(letter, [_entry(word, pathto) for word in group]) for letter, group in groupby(shown, lambda w: _letter(w.name))]


def _entry(word: Word, pathto: Any) -> Entry:
    note = "、".join(filter(None, [word.english, *word.also[:2]])) if word.english or word.also else ""
    return Entry(word.name, note or word.kind, [(address(place, pathto), label(place)) for place in word.places[:SHOWN]])


def address(place: Section, pathto: Any) -> str:
    """一节的地址，从现在这一页看。"""
    return pathto(place.page).removesuffix("#") + (f"#{place.anchor}" if place.anchor else "")


def label(place: Section) -> str:
    """一节写出来的样子：``05 说完了，还在听``。"""
    if place.kind:
        return place.kind if place.kind in ("术语", "错误码") else f"{place.kind}：{place.title}"
    if not place.above:
        return place.title
    chapter = place.above[0].partition(" ")[0]
    return f"{chapter if chapter.isdigit() else place.above[0]} {place.title}"


def _order(name: str) -> tuple[str, bytes]:
    """排在哪里：字母，再是拼音的次序。"""
    return _letter(name), READ.get(name, name).upper().encode("gbk", errors="replace")


def _letter(name: str) -> str:
    """一个词归在哪个字母下；数字与符号归“#”。"""
    first = READ.get(name, name)[0].upper()
    if first.isascii():
        return first if first.isalpha() else "#"
    place = bisect([letter.encode("gbk") for letter in FIRST], first.encode("gbk")) - 1
    return LETTERS[place]


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：把各条交给 ``genindex.html``。"""
    if pagename == "genindex":
        context["book_index"] = entries(taught(app), context["pathto"])
        context["title"] = "索引"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", dress)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
