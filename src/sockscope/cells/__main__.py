"""``python -m sockscope.cells``：在这台机器上重录全书的单元格，只改写与旧录制不同的。"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from sockscope import places
from sockscope.cells.outputs import failure
from sockscope.cells.recordings import Book, book_notebooks
from sockscope.cells.runner import errors, run_all
from sockscope.live.capability import capability
from sockscope.terminal import Parser

__all__ = ["main", "record"]


def main(arguments: list[str] | None = None) -> int:
    """入口；返回退出码。有一格出了错，那一本的旧录制留着不动。"""
    parser = Parser(prog="python -m sockscope.cells", description="重录全书单元格的输出。")
    parser.add_argument("notebooks", nargs="*", metavar="笔记本", help="缺省是全部；如 chapters/05_closing.ipynb")
    wanted = parser.parse_args(arguments).notebooks
    if unknown := sorted(set(wanted) - set(book_notebooks())):
        print(f"没有这样的笔记本：{'、'.join(unknown)}；有：{'、'.join(book_notebooks())}。", file=sys.stderr)
        return 1
    if (found := capability()).level != "cable":
        print(f"录制要能抓包。{found.sentence}", file=sys.stderr)
        return 1
    try:
        places.require_room()
    except ValueError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 1 if record(wanted) else 0


def record(notebooks: Iterable[str] = ()) -> list[str]:
    """录下这几本（缺省是全部），一本一行进展；返回没有录成的原因，一处一句。"""
    problems: list[str] = []
    for notebook, made in run_all(notebooks):
        found = [str(made)] if isinstance(made, Exception) else [
            f"{notebook} 的 {name}：{failure(output)}" for name, output in errors(made)]
        problems += found
        if found or isinstance(made, Exception):
            print("\n".join(found), file=sys.stderr, flush=True)
            continue
        old = Book.load(notebook)
        changed = sum(cell != old.cells.get(name) for name, cell in made.keep(old).cells.items())
        made.save()
        print(f"{notebook}：{len(made.cells)} 格中 {changed} 格与旧录制不同。", flush=True)
    return problems


if __name__ == "__main__":
    sys.exit(main())
