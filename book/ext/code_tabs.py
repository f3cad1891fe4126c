"""把 **C**、**Python** 两段标题后面的代码合成一组标签页。

笔记本里写的是普通的 Markdown：一行加粗的语言名，后面跟着代码块，一种语言一段。在 Lab 里它们依次排列，
照样读得懂；在书页里，相邻的两段以上合成 sphinx-design 的标签页，读者选一次，全页跟着换。
"""

from __future__ import annotations

import itertools

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_design.shared import create_component

LANGUAGES = {"C", "Python", "Shell"}


class CodeTabs(SphinxTransform):
    """在读入之后、写出之前，把相邻的“语言名＋代码块”换成标签页。"""

    default_priority = 400

    def apply(self) -> None:
        for parent in list(self.document.findall(nodes.Element)):
            for run in pairs(parent.children):
                join(run)


def pairs(children: list[nodes.Node]) -> list[list[tuple[nodes.Node, nodes.Node]]]:
    """一串兄弟节点里，每一组相邻的（语言名，代码块）；只有一段的不算。"""
    groups: list[list[tuple[nodes.Node, nodes.Node]]] = []
    previous = -2
    for place, (title, block) in enumerate(itertools.pairwise(children)):
        if not (caption(title) and isinstance(block, nodes.literal_block)):
            continue
        if place != previous + 2:
            groups.append([])
        groups[-1].append((title, block))
        previous = place
    return [group for group in groups if len(group) > 1]


def caption(node: nodes.Node) -> str:
    """只有一个加粗的语言名的段落是标题；否则为空串。"""
    parts = [child for child in node.children if child.astext()]  # MyST 会在行首行尾留下空文字
    if isinstance(node, nodes.paragraph) and len(parts) == 1 and isinstance(parts[0], nodes.strong):
        return node.astext() if node.astext() in LANGUAGES else ""
    return ""


def join(run: list[tuple[nodes.Node, nodes.Node]]) -> None:
    """一组换成一个标签页节点（sphinx-design 的结构：tab-set > tab-item > 标题、内容）。"""
    tabs = create_component("tab-set", classes=["sd-tab-set"])
    first = run[0][0]
    first.parent.insert(first.parent.index(first), tabs)
    for title, block in run:
        name = caption(title)
        label = nodes.rubric(name, name, classes=["sd-tab-label"], sync_group="language", sync_id=name.lower())
        for node in (title, block):
            node.parent.remove(node)
        content = create_component("tab-content", classes=["sd-tab-content"], children=[block])
        tabs += create_component("tab-item", classes=["sd-tab-item"], children=[label, content])


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(CodeTabs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
