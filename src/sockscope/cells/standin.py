"""替身：Lab 里的一格做不下去时，放书上的录制，说一句为什么，然后接着往下。

工作原理
--------
单元格是普通的代码，里面没有“要是没有网线就……”。它照样运行；抛出异常时，看它是不是书里的原样（源码的摘要对得上录制）：

* 是，那么原因只会在这台机器：没有网线、缺一样东西，或者内核的答案与书上不同。放这一格的录制，说出原因，不算出错。
* 不是，那是读者自己写的，照常显示异常。

没有做完的一格，它要留下的变量多半没有，或者不是该有的样子。这些名字记作“没有着落”（``adrift``），后面原样的单元格
只要用到其中一个，就不运行，直接放录制：不会有一格因为上一格没有做成而出别的错，或者永远等下去。

指定了 ``SOCKSCOPE_CAPTURE=cable``（测试和录制）就没有替身：要的是真的结果。
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from sockscope.cells.outputs import failure, objects
from sockscope.cells.recordings import Book, Cell, book_notebooks, digest
from sockscope.live.capability import Unavailable, capability, forced, kernel
from sockscope.render.palette import COLOURS

__all__ = ["Note", "StandIn", "attach", "detach", "join"]

HOOK = "_sockscope_stand_in"
FOLLOWS = "前面有一格在这台机器上没有做成，这一格用到它留下的东西，所以没有运行。"


class Note:
    """录制前面的一句话。"""

    def __init__(self, why: str, label: str = "录制") -> None:
        self.why, self.label = why, label

    def _repr_html_(self) -> str:
        bar = f"border-left:3px solid {COLOURS['fin'][0]}"
        return (f'<p style="{bar};padding:.2em .8em;margin:.4em 0"><b>{escape(self.label)}</b>　'
                f"{escape(self.why)}</p>")

    def __repr__(self) -> str:
        return f"{self.label}　{self.why}"


class StandIn:
    """一个 IPython 内核里的替身。"""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.source = ""
        self.tree: ast.Module = ast.Module([], [])
        self.ran: list[str] = []
        self.adrift: set[str] = set()
        self.stood = False

    # ------------------------------------------------------------ IPython 叫到的四处

    def begin(self, info: Any) -> None:
        """``pre_run_cell``：记下源码。"""
        self.source, self.stood = info.raw_cell, False
        self.ran.append(digest(self.source))

    def visit(self, tree: ast.Module) -> ast.Module:
        """语法树的变换：用到没有着落的名字、而又是书里原样的一格，换成放录制。"""
        self.tree = tree
        if not (self.adrift & _used(tree) and self.cell()):
            return tree
        call = ast.parse(f"{HOOK}()")
        return ast.fix_missing_locations(call)

    def skipped(self) -> None:
        """没有运行的一格：放录制。"""
        self.lose(_bound(self.tree))
        self.show(FOLLOWS)

    def failed(self, shell: Any, kind: type, error: BaseException, trace: types.TracebackType, tb_offset: Any = None) -> None:
        """自定义的异常处理：原样的一格放录制，别的照常。

        有网线的机器上，没有的名字怪不得机器：多半是前面的格子没有运行。
        """
        if self.cell() is None or (isinstance(error, NameError) and capability().level == "cable"):
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
            return
        line = _line(trace, self.tree)
        if not (isinstance(error, AssertionError) and line and _nothing_lost(self.tree.body, line)):
            self.lose(_bound(self.tree) | self.touched())
        self.show(self.why(error, line))

    def end(self, result: Any) -> None:
        """``post_run_cell``：放过录制的一格不算出错；做成了的一格，它的名字又有着落了。"""
        if self.stood:
            result.error_in_exec = None
        elif result.success:
            self.adrift -= _bound(self.tree)

    # ------------------------------------------------------------ 找录制

    def cell(self) -> Cell | None:
        """这一格的录制。同样的源码在几处出现，取读者正走到的那一处。"""
        found = self.places().get(digest(self.source), [])
        if not found:
            return None
        here = self.here()
        after = [place for place in found if place[0] == here[0] and place[1] > here[1]]
        book, number = (after or [place for place in found if place[0] == here[0]] or found)[0]
        return list(Book.load(book).cells.values())[number]

    def here(self) -> tuple[str, int]:
        """读者走到了哪一本的第几格：照运行过的次序一格格对过来。"""
        book, number = "", -1
        for source in self.ran[:-1]:
            found = self.places().get(source, [])
            same = [place for place in found if place[0] == book and place[1] > number] or found
            if same:
                book, number = same[0]
        return book, number

    @staticmethod
    def places() -> dict[str, list[tuple[str, int]]]:
        """源码的摘要 → 出现在哪一本的第几格。"""
        found: dict[str, list[tuple[str, int]]] = {}
        for notebook in book_notebooks():
            for number, cell in enumerate(Book.load(notebook).cells.values()):
                found.setdefault(cell.digest, []).append((notebook, number))
        return found

    # ------------------------------------------------------------ 放录制

    def show(self, why: str) -> None:
        """先清掉做了一半的输出，再放一句话和录制。"""
        from IPython.display import clear_output, display

        self.stood = True
        cell = self.cell()
        assert cell is not None
        clear_output(wait=True)
        display(Note(why if cell.outputs else f"{why}这一格没有输出；在书里，它的每一句断言都成立。"))
        for shown in objects(cell.outputs):
            if isinstance(shown, str):
                sys.stdout.write(shown)
            else:
                display(shown)

    def why(self, error: BaseException, line: str) -> str:
        """为什么放录制，一句话。"""
        if isinstance(error, Unavailable):
            return str(error)
        found = capability()
        if found.level != "cable":
            return f"这一格要的，这台机器给不了。{found.reason}{found.remedy}"
        output = {"error": type(error).__name__, "says": str(error), "where": line}
        return f"你的内核（{kernel()}）与书上不同：{failure(output)}"

    # ------------------------------------------------------------ 没有着落的名字

    def lose(self, names: Iterable[str]) -> None:
        """这些名字不再可靠。"""
        self.adrift |= set(names)

    def touched(self) -> set[str]:
        """这一格用过、可能已经改动了的东西：变量。模块、类和函数不会变。"""
        steady = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, int, str, bytes)
        return {name for name in _used(self.tree)
                if name in self.shell.user_ns and not isinstance(self.shell.user_ns[name], steady)}


def _used(tree: ast.AST) -> set[str]:
    """读到的名字，函数体里的也算。"""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _bound(tree: ast.AST) -> set[str]:
    """写下的名字：赋值、for、with、函数、类、导入。"""
    return set(_bindings(tree))


def _bindings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)


def _line(trace: types.TracebackType | None, tree: ast.Module) -> str:
    """出错的那一句：单元格自己的最里面一帧所在的语句。"""
    number = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "<module>":
            number = trace.tb_lineno
        trace = trace.tb_next
    node = _statement(tree.body, number)
    return ast.unparse(node).split("\n")[0] if node is not None else ""


def _statement(body: list[ast.stmt], number: int) -> ast.stmt | None:
    """第 ``number`` 行所在的、最里面的那条语句。"""
    for node in body:
        if node.lineno <= number <= (node.end_lineno or node.lineno):
            inner = (_statement(part, number) for part in _bodies(node))
            return next((found for found in inner if found is not None), node)
    return None


def _bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    return [part for name in ("body", "orelse", "finalbody") if isinstance(part := getattr(node, name, None), list)]


def _nothing_lost(body: list[ast.stmt], line: str) -> bool:
    """断言不成立的那一句后面只有断言和要显示的值：该做的都做了，后面的格子可以照常运行。"""
    for place, node in enumerate(body):
        if ast.unparse(node).split("\n")[0] == line or any(_nothing_lost(part, line) for part in _bodies(node)):
            return all(isinstance(rest, ast.Assert) or (isinstance(rest, ast.Expr) and not _calls(rest))
                       for rest in body[place + 1:])
    return False


def _calls(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


# ---------------------------------------------------------------- 登记

def join() -> None:
    """若现在就在 IPython 的内核里，装上替身：导入 sockscope 的这一格已经算在内。"""
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    shell = get_ipython()
    made = attach(shell) if shell is not None and hasattr(shell, "kernel") else None
    if made is not None and len(shell.history_manager.input_hist_raw) > 1:
        made.begin(types.SimpleNamespace(raw_cell=shell.history_manager.input_hist_raw[-1]))


def attach(shell: Any) -> StandIn | None:
    """在一个 IPython 内核里装上替身；指定了要真的结果，或者已经装过，就不装。"""
    if forced() == "cable" or hasattr(shell, HOOK):
        return None
    made = StandIn(shell)
    setattr(shell, HOOK, made)
    shell.events.register("pre_run_cell", made.begin)
    shell.events.register("post_run_cell", made.end)
    shell.ast_transformers.append(made)
    shell.set_custom_exc((Exception,), made.failed)
    shell.user_ns[HOOK] = made.skipped
    shell.user_ns_hidden[HOOK] = made.skipped
    return made


def detach(shell: Any) -> None:
    """拆下替身。"""
    made = shell.__dict__.pop(HOOK, None)
    if made is None:
        return
    shell.events.unregister("pre_run_cell", made.begin)
    shell.events.unregister("post_run_cell", made.end)
    shell.ast_transformers.remove(made)
    shell.set_custom_exc((), None)
    shell.user_ns.pop(HOOK, None)
