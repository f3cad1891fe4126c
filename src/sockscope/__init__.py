"""sockscope：看得见的套接字。读者要用的名字都从这里导入；书里各张表的函数在 ``sockscope.pages``，别的模块是内部的。

>>> from sockscope import Network
>>> with Network("client", "server") as net:
...     ...
>>> net.trace
"""

from importlib import import_module as _import_module
from importlib.metadata import PackageNotFoundError as _NotFound
from importlib.metadata import version as _version
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from sockscope import experiments, render
from sockscope.cells import standin as _standin
from sockscope.experiments import Choice, Switch, attempt, connected, experiment
from sockscope.live import Host, Network, Unavailable, capability
from sockscope.trace import Trace, TraceError, compare, load, save
from sockscope.widgets.explorer import explorer

if _TYPE_CHECKING:
    from sockscope.experiments.kinds import couple, unhurried
    from sockscope.grading import check
    from sockscope.live.compiler import compiled, compiler
    from sockscope.pages.ledger import beliefs
    from sockscope.pages.option_table import option_table
    from sockscope.pages.prose import Table
    from sockscope.pages.puzzles import inverse, puzzles
    from sockscope.pages.quiz import outcome, predict
    from sockscope.pages.type_table import probing_matrix, type_table
    from sockscope.widgets.address_explorer import address_explorer
    from sockscope.widgets.kernel_panel import kernel_panel

__all__ = [
    "Choice", "Host", "Network", "Switch", "Table", "Trace", "TraceError", "Unavailable", "address_explorer", "attempt",
    "beliefs", "capability", "check", "compare", "compiled", "compiler", "connected", "couple", "experiment", "experiments",
    "explorer", "inverse", "kernel_panel", "load", "option_table", "outcome", "predict", "probing_matrix", "puzzles", "save",
    "type_table", "unhurried",
]

_LATER = {  # 用到才导入：多数程序只要 Network
    "Table": "pages.prose", "address_explorer": "widgets.address_explorer", "beliefs": "pages.ledger", "check": "grading",
    "compiled": "live.compiler", "compiler": "live.compiler", "couple": "experiments.kinds",
    "inverse": "pages.puzzles", "kernel_panel": "widgets.kernel_panel", "option_table": "pages.option_table",
    "outcome": "pages.quiz", "predict": "pages.quiz", "probing_matrix": "pages.type_table", "puzzles": "pages.puzzles",
    "type_table": "pages.type_table", "unhurried": "experiments.kinds",
}

try:
    __version__ = _version("sockscope")
except _NotFound:  # 直接从源码树里导入，没有安装
    __version__ = "0"


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"sockscope 里没有 {name}。")
    found = getattr(_import_module(f"sockscope.{_LATER[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


render.attach()  # 单元格的最后一行写 net.trace，就看见图
_standin.join()  # 在 JupyterLab 里：这台机器做不了的一格，放书上的录制
