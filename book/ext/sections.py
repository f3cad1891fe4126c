"""全书的小节：一页的文字照标题切开，一节一份，带着它的锚点和上面的标题。检索与索引都从这里来。

只取读者看得见的文字：正文、图题、表格、题目；图和程序的输出不算。代码里的名字另放，它们只是用到，不是讲到。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment

TEXT = (nodes.paragraph, nodes.caption, nodes.term, nodes.rubric)
QUIZ = re.compile(r'<div class="sockscope-quiz".*?</div>', re.DOTALL)
TAG = re.compile(r"<[^>]*>")
PUZZLES = ("book/puzzles", "book/inverse")  # 谜题的答案不进检索
CALLED = {"function", "method"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}|\d+(?:\.\d+){3}")


@dataclass
class Section:
    """一节。``above`` 是上面各级的标题，书页的在最前；``marked`` 是反引号里的名字，一次一个；``strong`` 是加粗的词，
    ``lines`` 是日志里的原话，``typed`` 是读者会打的字；``kind`` 是它的种类：术语、症状……，空的就是书里的一节。
    """

    page: str
    anchor: str
    title: str
    above: tuple[str, ...]
    texts: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    strong: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    kind: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    @cached_property
    def folded(self) -> str:
        """全部文字的小写，粗看用。"""
        return " ".join((self.title, self.text, *self.code, *self.lines)).lower()

    @property
    def part(self) -> str:
        """在一章的哪一部分：实验、解释、练习……；不在部分里则为空。"""
        return (*self.above, self.title)[1] if self.above else ""

    @property
    def names(self) -> list[str]:
        """代码里的名字，不重复。"""
        return list(dict.fromkeys(NAME.findall("\n".join(self.code))))


def sections(env: BuildEnvironment, page: str) -> list[Section]:
    """一页的全部小节，照书里的次序；第一节是书页自己。"""
    found: list[Section] = []
    for section in env.get_doctree(page).findall(nodes.section):
        _gather(section, page, found)
        break  # 一页只有一个一级标题；其余的都在它里面
    return found


def _gather(section: nodes.section, page: str, found: list[Section], above: tuple[str, ...] = ()) -> None:
    here = Section(page, section["ids"][0] if above else "", section[0].astext(), above)
    found.append(here)
    for child in section.children[1:]:
        if isinstance(child, nodes.section):
            _gather(child, page, found, (*above, here.title))
        else:
            _read(child, here)


def _read(block: nodes.Node, here: Section) -> None:
    """一块里的文字、代码、题目。"""
    for node in block.findall(lambda node: isinstance(node, (*TEXT, nodes.literal_block, nodes.raw))):
        if isinstance(node.parent, addnodes.desc_content):
            continue  # 接口的说明，见 interfaces()
        if isinstance(node, nodes.raw):
            here.texts += () if here.page.startswith(PUZZLES) else map(_plain, QUIZ.findall(node.astext()))
        elif isinstance(node, nodes.literal_block):
            if "output" not in node["classes"]:
                here.code.append(node.astext())
        else:
            here.texts.append(re.sub(r"\s+", " ", node.astext()).strip())
            here.marked += [literal.astext() for literal in node.findall(nodes.literal)]
            here.strong += [strong.astext() for strong in node.findall(nodes.strong)]


def _plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(TAG.sub(" ", html))).strip()


def interfaces(env: BuildEnvironment, page: str) -> list[Section]:
    """附录 G 的一页：每个类、函数、方法一份。"""
    found = []
    for described in env.get_doctree(page).findall(addnodes.desc):
        signature, content = described[0], described[-1]
        name = signature["fullname"]
        above = tuple(title.astext() for title in _titles(described))
        texts = [child.astext() for child in content.children if isinstance(child, nodes.paragraph)]
        found.append(Section(page, signature["ids"][0], f"{name}()" if described["objtype"] in CALLED else name, above,
                             [re.sub(r"\s+", " ", text) for text in texts], kind="接口"))
    return found


def _titles(node: nodes.Node) -> list[nodes.title]:
    inside = []
    while node := node.parent:
        if isinstance(node, nodes.section):
            inside.insert(0, node[0])
    return inside


def everything(env: BuildEnvironment) -> Iterator[Section]:
    """全书的小节，照目录的次序。"""
    for page in reading_order(env):
        yield from sections(env, page)


def reading_order(env: BuildEnvironment) -> list[str]:
    """书页的名字，照目录的次序，书名页在最前。"""
    order: list[str] = []

    def walk(page: str) -> None:
        order.append(page)
        for child in env.toctree_includes.get(page, []):
            if child in env.found_docs and child not in order:
                walk(child)

    walk(env.config.root_doc)
    return order
