"""各章的“实验”“解释”“交互实验”折成目录：一小节一行，写着标题和它回答的问题，点开才是内容。练习的“解答”也折起来。

折的是 ``<details>``：没有脚本也开得了，打印时由 ``book.js`` 全部打开，指向节里的链接会把那一节打开。
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

FOLDED = ("实验", "解释", "交互实验")  # 各自的第一小节开着
SOLUTION = "解答"
STEPS = {"book/growing": "第"}  # 这一页折的是二级标题，以此开头的
UNFOLD_ALL = ('<p class="unfold-all pst-js-only"><button class="btn btn-sm" type="button" aria-pressed="false">'
              '全部展开</button></p>')


def fold(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """``doctree-resolved``：只动要排成网页的那一份。"""
    if app.builder.format != "html" or not docname.startswith(("chapters/", *STEPS)):
        return
    if docname in STEPS and (steps := [s for s in doctree.findall(nodes.section) if title(s).startswith(STEPS[docname])]):
        for number, step in enumerate(steps):
            wrap(step, [step[0]], opened=number == 0)
        steps[0].parent.insert(steps[0].parent.index(steps[0]), nodes.raw("", UNFOLD_ALL, format="html"))
    for section in list(doctree.findall(nodes.section)):
        if title(section) in FOLDED and (inside := children(section)):
            for number, part in enumerate(inside):
                question = part[1] if len(part) > 1 and asks(part[1]) else None
                wrap(part, [part[0], *([question] if question else [])], opened=number == 0)
            if title(section) == FOLDED[0]:
                section.insert(section.index(inside[0]), nodes.raw("", UNFOLD_ALL, format="html"))
        elif title(section) == SOLUTION:
            wrap(section, [section[0]], opened=False, kind="solution")


def title(section: nodes.section) -> str:
    found = section.next_node(nodes.title)
    return found.astext() if found is not None else ""


def children(section: nodes.section) -> list[nodes.section]:
    return [child for child in section.children if isinstance(child, nodes.section)]


def asks(node: nodes.Node) -> bool:
    return isinstance(node, nodes.paragraph) and node.astext().endswith("？")


def wrap(section: nodes.section, summary: list[nodes.Node], *, opened: bool, kind: str = "part") -> None:
    """一节的内容放进 ``<details>``，``summary`` 里的留在外面看得见。"""
    rest = [child for child in section.children if child not in summary]
    for node in summary:
        node["pressed"] = True  # 一按就开合的一行：里面没有链接，glossary_links 也不添
        for link in list(node.findall(nodes.reference)):
            link.parent.replace(link, link.children)
    opening = f'<details class="fold {kind}"{" open" if opened else ""}><summary>'
    section.children = []
    section += [nodes.raw("", opening, format="html"), *summary, nodes.raw("", '</summary><div class="folded">', format="html"),
                *rest, nodes.raw("", "</div></details>", format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", fold, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
