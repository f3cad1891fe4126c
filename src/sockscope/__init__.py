"""sockscope：看得见的套接字。

>>> from sockscope import Network
>>> with Network("client", "server") as net:
...     ...
>>> net.trace
"""

from typing import Any

from sockscope import render
from sockscope.live import Network, Unavailable, capability
from sockscope.trace import Trace, TraceError, compare, load, save

__all__ = ["Network", "Trace", "TraceError", "Unavailable", "capability", "compare", "explorer", "load", "save"]

render.attach()  # 单元格的最后一行写 net.trace，就看见图


def __getattr__(name: str) -> Any:
    """``explorer`` 要用到 ipywidgets，用到时才导入。"""
    if name != "explorer":
        raise AttributeError(f"sockscope 里没有 {name!r}。")
    from sockscope.explorer import explorer
    return explorer
