"""笔记本的仓库卫生：没有输出，没有序号，元数据最少，单元格的名字由人来取。

用法：python -m sockscope.cells.notebook --check [文件…]     报告不合规矩的地方
      python -m sockscope.cells.notebook --fix [文件…]       改掉能自动改的（名字和魔法命令要你自己来）
"""

from __future__ import annotations

import ast
import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sockscope.terminal import Parser, speak_chinese

__all__ = ["check", "clean", "main", "notebooks"]

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = {"jp-MarkdownHeadingCollapsed", "jupyter", "mystnb", "nbgrader", "tags"}
HAND_WRITTEN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?")
PROGRAM = re.compile(r"^import \w", re.MULTILINE)
MAGIC = re.compile(r"^(%%?)(\w+)", re.MULTILINE)


def notebooks(root: Path) -> list[Path]:
    """仓库里归我们管的全部笔记本。"""
    return sorted(p for folder in ("chapters", "teacher", "book") for p in (root / folder).glob("**/*.ipynb")
                  if ".ipynb_checkpoints" not in p.parts)


def clean(text: str) -> str:
    """笔记本文件 ``text`` 应当有的样子：去掉输出与多余的元数据，一行一句，末尾换行。"""
    book = json.loads(text)
    book["metadata"] = METADATA
    book["cells"] = [_clean_cell(cell) for cell in book["cells"]]
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _clean_cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    kept = {key: value for key, value in cell["metadata"].items() if key in CELL_METADATA}
    cleaned = {**cell, "metadata": kept, "source": source.rstrip("\n").splitlines(keepends=True)}
    if cell["cell_type"] == "code":
        cleaned |= {"outputs": [], "execution_count": None}
    cleaned.pop("attachments", None)
    return cleaned


def check(text: str) -> list[str]:
    """不合规矩的地方，一处一句中文；没有则为空。"""
    import nbformat

    try:
        cells = json.loads(text)["cells"]
        if problems := list(_names(cells)):
            return problems    # nbformat 会替重名的单元格改名，所以名字先看
        nbformat.validate(nbformat.reads(text, as_version=4))
    except (ValueError, KeyError, nbformat.ValidationError) as wrong:
        return [f"不是合格的笔记本：{str(wrong).splitlines()[0]}"]
    problems = [problem for cell in cells for problem in (*_magics(cell), *_children(cell))]
    if text != clean(text):
        problems.append("有输出、序号、多余的元数据或别的排版；用 python -m sockscope.cells.notebook --fix 改掉")
    return problems


def _names(cells: list[dict[str, Any]]) -> Iterator[str]:
    """单元格的名字：有，是人取的，不重复。"""
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        name = cell.get("id", "")
        if not HAND_WRITTEN.fullmatch(name) or RANDOM.fullmatch(name):
            yield f"第 {number} 个单元格的名字 {name!r} 不是人取的（小写字母、数字和连字符，如 half-close）"
        if name in seen:
            yield f"单元格的名字 {name!r} 用了两次"
        seen.add(name)


def _magics(cell: dict[str, Any]) -> Iterator[str]:
    """拼错的魔法命令：运行时它只打印一行错误，测试看不出来。"""
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        return
    for kind, name in MAGIC.findall(source):
        if name not in _known_magics()["cell" if kind == "%%" else "line"]:
            yield f"单元格 {cell.get('id')!r} 里没有 {kind}{name} 这个魔法命令"


def _children(cell: dict[str, Any]) -> Iterator[str]:
    """单元格里的另一个 Python 程序：多半由命令行的 -c 带去，不是 UTF-8 的机器上带不走中文。"""
    try:
        tree = ast.parse("".join(cell["source"]) if cell["cell_type"] == "code" else "")
    except SyntaxError:  # 魔法命令
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isascii() \
                and PROGRAM.search(node.value):
            yield f"单元格 {cell.get('id')!r} 里交给另一个 Python 的程序只能用 ASCII：命令行在有的机器上带不走中文"


@functools.cache
def _known_magics() -> dict[str, set[str]]:
    from IPython.core.interactiveshell import InteractiveShell

    magics = InteractiveShell.instance().magics_manager.magics
    return {kind: set(table) for kind, table in magics.items()}


def main(arguments: list[str] | None = None) -> int:
    """命令行入口；返回退出码。"""
    speak_chinese()
    parser = Parser(prog="python -m sockscope.cells.notebook", description="笔记本的仓库卫生")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="报告不合规矩的地方")
    what.add_argument("--fix", action="store_true", help="改掉能自动改的")
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args(arguments)
    failed = False
    for path in asked.files or notebooks(Path.cwd()):
        text = path.read_text(encoding="utf-8")
        if asked.fix and text != clean(text):
            text = clean(text)
            path.write_text(text, encoding="utf-8", newline="\n")
        for problem in check(text):
            failed = True
            print(f"{path}：{problem}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
