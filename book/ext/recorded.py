"""单元格的输出来自录制：读入一本笔记本时放进去，图由今天的程序现画。不启动内核，什么也不执行。

录制在 ``recordings/cells/``；单元格改过、由 ``book/build.py`` 在这台机器上重新执行了的，结果在 ``_build/cells/``。
两处都对不上源码的一格，页面上写一句话。
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from sockscope.cells.outputs import Output, failure, shown
from sockscope.cells.recordings import Book, code_cells

MISSING = {"data": {"text/plain": "这一格还没有录制。", "text/html":
                    "<p><em>这一格的源码改过，还没有录制：在能抓包的 Linux 上运行 make record，这里就有它的输出。</em></p>"}}


def fill(app: Sphinx, docname: str, content: list[str]) -> None:
    """``source-read``：笔记本的代码单元格都带上输出；记下这一页用到了哪些函数做的东西。"""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(content[0])
    found = outputs(f"{docname}.ipynb", notebook, Path(app.srcdir) / "_build" / "cells")
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = shown(map(readable, found[cell["id"]]))
    content[0] = json.dumps(notebook)
    used(app.env)[docname] = {output["made"] for cell in found.values() for output in cell if "made" in output}


def outputs(name: str, notebook: dict[str, Any], fresh: Path) -> dict[str, list[Output]]:
    """一本笔记本里 单元格的名字 → 它的输出。"""
    books = Book.load(name), Book.load(name, fresh)
    return {cell: next((found for book in books if (found := book.outputs(cell, source)) is not None), [MISSING])
            for cell, source in code_cells(notebook)}


def readable(output: Output) -> Output:
    """改过而在这台机器上出了错的一格，书里只写一句话，不放回溯。"""
    if "error" not in output:
        return output
    said = f"这一格改过，还没有录制；在构建这本书的机器上，{failure(output)}"
    return {"data": {"text/plain": said, "text/html": f"<p><em>{escape(said)}</em></p>"}}


# ---------------------------------------------------------------- 哪一页有什么

def used(env: BuildEnvironment) -> dict[str, set[str]]:
    """页 → 页上的东西是由哪些函数做的（``widgets.explorer.explorer``……）：脚本和样式只给用得着的页。"""
    if not hasattr(env, "sockscope_used"):
        env.sockscope_used = {}  # type: ignore[attr-defined]
    return env.sockscope_used  # type: ignore[attr-defined,no-any-return]


def forget(_app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    used(env).pop(docname, None)


def merge(_app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    used(env).update({name: used(other)[name] for name in docnames if name in used(other)})


def at_once(app: Sphinx, _config: Any) -> None:
    """``config-inited``：这两个扩展只在读完以后、或只在排 LaTeX 时动手，没有说自己不怕几页同时读；替它们说。"""
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", at_once)
    app.connect("source-read", fill)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
