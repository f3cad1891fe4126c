"""书里不留没有人用的东西：排好以后，没有人引的文件删去，主题的样式里谁也不用的规则删去。"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx

BY_CONVENTION = {"recordings", "figures", "page_kernel"}  # 脚本照名字去取，页上没有写
TELLING = {".html", ".css", ".js"}
HEAVY = 10_000  # 样式比这大才值得拣，字节
NAME = re.compile(r"[A-Za-z_][\w-]*")
STATES = {"show", "showing", "hiding", "collapsing", "active", "open"}  # 主题的脚本拼出来的类名


def trim(app: Sphinx, problem: Exception | None) -> None:
    """``build-finished``：主题带来的图标脚本、译文、源码映射，和它的样式里用不着的，都不进书。"""
    if problem is None and app.builder.format == "html":
        book = Path(app.outdir)
        words = spoken(book)
        for sheet in (book / "_static").rglob("*.css"):
            if sheet.stat().st_size > HEAVY and "sockscope" not in sheet.parts:
                sheet.write_text(lean(sheet.read_text(encoding="utf-8"), words), encoding="utf-8")
        for path in unmentioned(book):
            path.unlink()


# ---------------------------------------------------------------- 文件

def tellers(book: Path) -> list[Path]:
    """说得出别人名字的文件：书页、样式、脚本；_static 里的 .html 是主题做页面用的模子，不算。"""
    return [p for p in book.rglob("*") if p.suffix in TELLING and not BY_CONVENTION & set(p.relative_to(book).parts)
            and not ("_static" in p.parts and p.suffix == ".html")]


def unmentioned(book: Path) -> list[Path]:
    """从书页走不到的文件：页上提到的样式和脚本，它们再提到的，都算走得到；源码映射不要。"""
    static = book / "_static"
    unknown = {p for p in static.rglob("*") if p.is_file() and p.relative_to(static).parts[0] not in BY_CONVENTION}
    said = "\n".join(p.read_text(encoding="utf-8") for p in tellers(book) if p.suffix == ".html")
    while found := {p for p in unknown if p.suffix != ".map" and p.name in said}:
        unknown -= found
        said = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in found if p.suffix in TELLING)
    return sorted(unknown)


# ---------------------------------------------------------------- 样式

def spoken(book: Path) -> set[str]:
    """书页和脚本里出现过的每一个词：类名、编号、标签都在里面。"""
    words = set(STATES)
    for path in tellers(book):
        if path.suffix != ".css":
            words.update(NAME.findall(path.read_text(encoding="utf-8", errors="replace")))
    return words


def lean(sheet: str, words: set[str]) -> str:
    """一份样式，只留选得中什么的规则。"""
    rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    return "".join(kept(rules, words))


def kept(rules: Iterable[Any], words: set[str]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "qualified-rule":
            chosen = [part for part in selectors(rule.prelude) if all(name in words for name in classes(part))]
            if chosen:
                yield f"{','.join(map(tinycss2.serialize, chosen)).strip()}{{{tinycss2.serialize(rule.content).strip()}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports", "layer", "container") and rule.content:
            inside = "".join(kept(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), words))
            if inside:
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inside}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword != "font-face":  # 图标字体也不用
            yield rule.serialize()


def selectors(prelude: list[Any]) -> Iterator[list[Any]]:
    """逗号分开的各个选择器；括号里的逗号不算。"""
    part: list[Any] = []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def classes(part: list[Any]) -> Iterator[str]:
    """一个选择器一定要有的类名和编号；``:not()``、``:is()`` 里的不算，有没有都可能选中。"""
    before = None
    for token in part:
        dotted = before is not None and before.type == "literal" and before.value == "."
        if token.type == "hash" or (token.type == "ident" and dotted):
            yield token.value
        before = token


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", trim, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
