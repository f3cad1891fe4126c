"""一格要先运行哪几格：给名字的，和动过它的。"""

from __future__ import annotations

import pytest

from sockscope.cells.needs import needs


@pytest.mark.parametrize(("sources", "wanted"), [
    (["import os", "x = 1", "os.getpid()"], [[], [], [0]]),
    (["a = []", "b = 1", "a.append(1)", "a"], [[], [], [0], [0, 2]]),              # 动过 a 的也要
    (["a = 1", "a = 2", "a"], [[], [], [1]]),                                       # 重新给过，前面的就不要了
    (["def f(): return g()", "def g(): pass", "f()"], [[], [], [0]]),
    (["g = 1", "def f(): return g", "f()"], [[], [0], [1]]),                        # 函数里面用到的算这一格用的
    (["print(len([]))", "print(1)"], [[], []]),                                     # 内建的名字没有哪一格给
    (["x = 1", "x += 1", "x"], [[], [0], [1]]),
    (["from a import b as c", "c.d()", "c"], [[], [0], [0]]),
    (["with open('f') as net: net.read()", "with open('g') as net: net.read()", "net"], [[], [], [1]]),
    (["x = 1", "for x in []: x", "[x for x in []]"], [[], [], []]),
    (["x = 1", "lambda x: x", "def f(x): return x"], [[], [], []]),
    (["x = 1", "if x: y = 2", "y"], [[], [0], [1]]),
    (["this is not python", "x"], [[], []]),
    (["class A: z = 1", "A.z"], [[], [0]]),
    (["import os.path", "os.sep"], [[], [0]]),
])
def test_needs(sources, wanted):
    assert needs(sources) == wanted
