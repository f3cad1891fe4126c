"""在执行笔记本的内核里：显示出来的东西不画，记成数据。"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sockscope.cells.made import dated, origin
from sockscope.trace import Trace, dumps

__all__ = ["MIME", "START", "as_data", "record", "show_data"]

MIME = "application/vnd.sockscope+json"
Draw = Callable[[Any], dict[str, str]]
START = "from sockscope.cells.kernel import record as _; _(); del _"
"""录制的内核先执行的一句。"""


def record() -> None:
    """本内核没有替身，显示的东西记成数据（``show_data``）。"""
    from IPython import get_ipython

    from sockscope.cells import standin

    shell = get_ipython()
    standin.detach(shell)
    show_data(shell)


def show_data(shell: Any, live: Draw | None = None) -> None:
    """从现在起，这个 IPython 显示的轨迹和由书里的函数做成的东西都记成 ``MIME`` 的数据；别的照旧。

    ``live`` 把东西画好：马上给读者看的时候，数据旁边还有画好的样子，轨迹也不写录制的日期。
    """
    formatter = shell.display_formatter
    draw = formatter.format

    def format(value: Any, *args: Any, **options: Any) -> Any:
        data = as_data(value, live is not None)
        if data is None:
            return draw(value, *args, **options)
        return {MIME: data} | (live(value) if live else {}), {}

    formatter.format = format


def as_data(value: Any, live: bool = False) -> dict[str, Any] | None:
    """一个东西的数据；不是我们的则为 None。``live`` 见 ``show_data``。"""
    if isinstance(value, Trace):
        return {"trace": json.loads(dumps(value if live else dated(value)))}
    told = origin(value)
    return None if told is None else told.to_json(live)
