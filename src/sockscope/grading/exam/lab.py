"""一个练习：开场白、答题格、检查。每个练习一个文件，在 ``grading/labs/`` 里。

    lab = Lab("lab05", "半关闭与中继", prelude="import socket\\n", cells={"ask": ["ask"]})

    @lab.check("半关闭", points=2, cells=["ask"], tries="发出问题之后，只关掉说的一半")
    def half_close(stage): ...

函数的名字就是检查的名字：``check("lab05.half_close")``。
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sockscope.grading.exam.c_answer import InC

if TYPE_CHECKING:
    from sockscope.grading.exam.stage import Stage

__all__ = ["Check", "Examiner", "Lab", "find_check", "find_lab", "labs"]


Examiner = Callable[["Stage"], None]
"""考官的函数。"""


@dataclass(frozen=True)
class Check:
    """一项检查。``run(stage)`` 是考官：它拿着网线和套接字的另一头。

    ``hosts`` 是网络里的主机，``student`` 是学生代码所在的那一台；``delay`` 是网线时延，秒；
    ``patience`` 是没有动静时最多等多久，秒（机器忙的时候会自己放长）；``rounds`` 是批改时用不同的种子做几遍；
    ``rto_min`` 是重传定时器的下限，秒：机器一停顿，内核便无故重传，关好了的连接上因此会冒出 RST，那不怪学生；
    ``sockets`` 是考官要在学生的主机上添多少个套接字：它们不算学生的。
    """

    lab: Lab
    name: str
    title: str
    tries: str
    points: float
    run: Examiner
    cells: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ("client", "server")
    student: str = "client"
    delay: float = 0.0
    patience: float = 3.0
    rounds: int = 1
    delayed_ack: bool = False
    rto_min: float = 1.0
    sockets: int = 0

    @property
    def id(self) -> str:
        return f"{self.lab.name}.{self.name}"


@dataclass
class Lab:
    """``prelude`` 是发给学生的第一格（已写好的 import）；``cells`` 是 答题格 → 它应当定义的名字；``in_c`` 是怎样收 C。"""

    name: str
    title: str
    prelude: str
    cells: dict[str, list[str]]
    in_c: InC | None = None
    checks: dict[str, Check] = field(default_factory=dict)

    def check(self, title: str, *, points: float, tries: str, cells: list[str],
              **options: Any) -> Callable[[Examiner], Examiner]:
        """把考官的函数登记成一项检查。"""
        if unknown := set(cells) - set(self.cells):
            raise ValueError(f"{self.name} 没有答题格 {'、'.join(unknown)}。")

        def wrap(function: Examiner) -> Examiner:
            made = Check(self, function.__name__, title, tries, points, function, cells=tuple(cells), **options)
            self.checks[made.name] = made
            return function
        return wrap

    @property
    def points(self) -> float:
        """自动批改的满分。"""
        return sum(c.points for c in self.checks.values())


@functools.cache
def labs() -> dict[str, Lab]:
    """全部练习，按名字排序。"""
    return {name: find_lab(name) for name in _names()}


def _names() -> list[str]:
    """``labs/`` 里的练习；不叫 labNN 的，是一个练习另外的一部分。"""
    from sockscope.grading import labs as package

    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if re.fullmatch(r"lab\d\d", m.name))


def find_lab(name: str) -> Lab:
    """名为 ``name`` 的练习；没有则 ``ValueError``。"""
    from sockscope.grading import labs as package

    if name not in _names():
        raise ValueError(f"没有叫 {name!r} 的练习；有：{'、'.join(_names())}。")
    found: Lab = importlib.import_module(f"{package.__name__}.{name}").lab
    return found


def find_check(name: str) -> Check:
    """名为 ``lab05.half_close`` 的检查；没有则 ``ValueError``，说出有哪些。"""
    lab = find_lab(name.partition(".")[0])
    if (wanted := name.partition(".")[2]) not in lab.checks:
        raise ValueError(f"没有叫 {name!r} 的检查；有：{'、'.join(c.id for c in lab.checks.values())}。")
    return lab.checks[wanted]
