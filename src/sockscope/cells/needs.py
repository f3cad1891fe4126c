"""一格要先运行哪几格：它用到的名字是哪一格给的，还有哪几格动过它。

书页里的读者随便点哪一格的“运行”，先补上的就是这几格，不多也不少。只看源码，不执行。
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator, Sequence

__all__ = ["needs"]


def needs(sources: Sequence[str]) -> list[list[int]]:
    """各格（从 0 数）直接需要的前面几格，由前到后；它们自己还需要的，照样在它们那一项里。

    函数、类和导入的名字，只要给出它的那一格；别的名字（套接字、网络、列表……）可以被改动，从给出它的那一格起、
    用过它的每一格都要。不成语法的一格什么也不需要。
    """
    cells = [_Cell(source) for source in sources]
    return [sorted({place for name in cell.used for place in _from(cells[:number], name)})
            for number, cell in enumerate(cells)]


def _from(before: Sequence[_Cell], name: str) -> Iterator[int]:
    """名字 ``name`` 由哪几格得来；前面没有哪一格给过它（比如内建的名字），就没有。"""
    giver = next((place for place in range(len(before) - 1, -1, -1) if name in before[place].given), None)
    if giver is None:
        return
    yield giver
    if name not in before[giver].fixed:
        yield from (place for place in range(giver + 1, len(before)) if name in before[place].used)


LATER = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef  # 里面的名字，到用它的时候才找
BINDS_FIRST = ast.With | ast.AsyncWith | ast.For | ast.AsyncFor


class _Cell:
    """一格的名字：``used`` 用到而自己没有先给的，``given`` 自己给的，``fixed`` 是其中由 def、class、import 给的。"""

    def __init__(self, source: str) -> None:
        self.used: set[str] = set()
        self.given: set[str] = set()
        self.fixed: set[str] = set()
        try:
            statements = [(kind, _Names(kind)) for kind in ast.parse(source).body]
        except SyntaxError:
            return
        for kind, names in statements:
            first = names.given if isinstance(kind, BINDS_FIRST) else set()
            self.used |= (names.read if isinstance(kind, LATER) else names.read | names.inner) - self.given - first
            self.given |= names.given
            self.fixed = (self.fixed - names.given) | names.fixed
        self.used |= {name for _, names in statements for name in names.inner} - self.given


class _Names:
    """一条顶层语句的名字：``read`` 当场读的，``inner`` 里面的函数、推导式读的全局名字。"""

    def __init__(self, statement: ast.stmt) -> None:
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
        symbols = table.get_symbols()
        self.read = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
        self.read |= {node.target.id for node in ast.walk(statement)  # x += 1 也读了 x
                      if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)}
        self.given = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
        self.fixed = {symbol.get_name() for symbol in symbols if symbol.is_imported() or symbol.is_namespace()}
        self.inner = set(_inner(table))


def _inner(table: symtable.SymbolTable) -> Iterator[str]:
    for child in table.get_children():
        yield from (symbol.get_name() for symbol in child.get_symbols() if symbol.is_global() and symbol.is_referenced())
        yield from _inner(child)
