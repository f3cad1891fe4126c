"""弱引用的名单：数它的时候，别的线程照样添，照样忘。

一边遍历 ``WeakSet``、``WeakKeyDictionary``，别的线程一边添，就是 ``RuntimeError``；``keyrefs()`` 一下子取出全部的引用，不会。
"""

from __future__ import annotations

from typing import Any, TypeVar
from weakref import WeakKeyDictionary

__all__ = ["alive"]

Item = TypeVar("Item")


def alive(register: WeakKeyDictionary[Item, Any]) -> list[Item]:
    """名单上此刻还在的，依登记的次序。"""
    return [item for found in register.keyrefs() if (item := found()) is not None]
