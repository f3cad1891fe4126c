"""用 C 写的答题格：怎样认出来，一个练习怎样收它。

格子的第一行是 ``%%c``（在 JupyterLab 里运行就是编译一遍），下一行是 ``// 答题格：echo``。一格编成一个共享库，
在学生的进程里由 ctypes 装入（``runner``）；考官的一段 Python 把它变成与 Python 写的一样的函数，所以检查一字不改。
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["InC", "is_c", "text_of"]

FIRST = re.compile(r"(\s*)(%%c\b[^\n]*|(?=//))")


@dataclass(frozen=True)
class InC:
    """``header`` 是头文件的正文：约定的原型。

    ``adapters`` 是 答题格 → 一段 Python：``native(名字, 返回类型, 参数类型……)`` 取出 C 的函数（errno 由
    ``failure()`` 变成异常），再定义一个检查要叫的函数。描述符归谁关，由它说：``detach()`` 是交出去，``fileno()`` 是借。
    """

    header: str
    adapters: dict[str, str]


def is_c(source: str) -> bool:
    """这一格是不是 C。"""
    return FIRST.match(source) is not None


def text_of(source: str) -> str:
    """交给编译器的文字：``%%c`` 换成空行，行号不变。"""
    return FIRST.sub(r"\1", source, count=1)
