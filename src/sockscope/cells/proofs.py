"""账本里的证明：紧跟在作证的单元格之后运行，用的是那一格名字空间的一份拷贝，所以后面的单元格不受影响。"""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["prove", "proving"]


def proving(proof: str) -> str:
    """在笔记本的内核里运行一段证明的源码：一个单元格。"""
    return f"from sockscope.cells.proofs import prove as _; _({proof!r}, dict(globals())); del _"


def prove(proof: str, names: dict[str, Any]) -> None:
    """逐句运行一段证明。断言不成立抛 ``AssertionError``，说出是哪一句、左边是什么。"""
    for statement in ast.parse(proof).body:
        try:
            exec(compile(ast.Module([statement], []), "<证明>", "exec"), names)
        except AssertionError:
            raise AssertionError(_told(statement, names)) from None


def _told(statement: ast.stmt, names: dict[str, Any]) -> str:
    """不成立的那一句，和比较的左边此刻的值。"""
    said = ast.unparse(statement)
    if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Compare):
        left = ast.Expression(statement.test.left)
        return f"{said}；左边是 {eval(compile(left, '<证明>', 'eval'), names)!r}"
    return said
