"""由书里自己的函数做出来的东西：记住是哪个函数、什么参数，需要时再做一遍。

    @made()
    def beliefs(chapter): ...          # 同样的参数，书页里也调用它

    @made(page=Page)
    def explorer(name, **initial): ... # Lab 里是部件，书页里改用 Page

    @made(page=printed, widget=False)
    def type_table(domain): ...        # 有内核就现场问，书页里放录制

``Trace`` 也可以是参数：录在 ``recordings/`` 里的只写它的名字。
"""

from __future__ import annotations

import datetime
import functools
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from sockscope.trace import Trace, dumps, from_json

__all__ = ["Made", "construct", "dated", "for_pages", "made", "made_from", "origin"]

PACKAGE = "sockscope."
Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)


@dataclass(frozen=True)
class Made:
    """一次制作：函数的名字（``ledger.beliefs``）和参数。"""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]

    def to_json(self, live: bool = False) -> dict[str, Any]:
        """可以写进录制的样子；空的省去。参数不能写成 JSON 抛 ``TypeError``。``live`` 为假，里面的轨迹写上录制的日期。"""
        told: dict[str, Any] = {"made": self.name}
        if self.args:
            told["args"] = [_pack(value, live) for value in self.args]
        if self.options:
            told["options"] = {name: _pack(value, live) for name, value in self.options.items()}
        json.dumps(told)
        return told


_makers: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {}
_pages_only = False


def for_pages() -> None:
    """从现在起，本进程里做的部件都换成书页里的那一种（``page``）：页内内核里没有部件可用。"""
    global _pages_only
    _pages_only = True


def made(page: Callable[..., Any] | None = None, *, widget: bool = True) -> Callable[[Function], Function]:
    """登记一个函数：它的结果只取决于参数、书里的数据和录制。``page`` 是书页里用来代替它的函数，参数相同。

    ``widget`` 为假：它做的不是部件，只是要问内核，所以页内内核里也照样做。
    """
    def wrap(function: Function) -> Function:
        name = _register(function, page or function)

        @functools.wraps(function)
        def make(*args: Any, **options: Any) -> Any:
            result = (page if page and widget and _pages_only else function)(*args, **options)
            if result is not None:
                object.__setattr__(result, "_made_by", Made(name, args, options))
            return result

        return cast("Function", make)
    return wrap


def made_from(*fields: str) -> Callable[[Class], Class]:
    """登记一个类：它的对象由这几个字段就能再造出来。末尾的空表不写，缺省就是空的。"""
    def wrap(cls: Class) -> Class:
        name = _register(cls, cls)
        type.__setattr__(cls, "_made_from", property(
            lambda self: Made(name, _trimmed([getattr(self, field) for field in fields]), {})))
        return cls
    return wrap


def _trimmed(values: list[Any]) -> tuple[Any, ...]:
    while values and values[-1] == {}:
        values.pop()
    return tuple(values)


def _register(function: Callable[..., Any], page: Callable[..., Any]) -> str:
    name = f"{function.__module__.removeprefix(PACKAGE)}.{function.__qualname__}"
    _makers[name] = function, page
    return name


def origin(value: Any) -> Made | None:
    """一个东西是怎样做出来的；不是这里登记过的函数做的，则为 None。"""
    return getattr(value, "_made_by", None) or getattr(value, "_made_from", None)


def construct(told: dict[str, Any], *, page: bool) -> Any:
    """照录制里写的再做一遍；``page`` 为真则做书页里的那一种。没有这个函数抛 ``ValueError``。"""
    name = str(told["made"])
    try:
        importlib.import_module(PACKAGE + name.rpartition(".")[0])
        function, printed = _makers[name]
    except (ImportError, KeyError):
        raise ValueError(f"录制里写着 {name}，而现在的程序里没有它。运行 make record 重录。") from None
    args = [_unpack(value) for value in told.get("args", [])]
    options = {name: _unpack(value) for name, value in told.get("options", {}).items()}
    return (printed if page else function)(*args, **options)


# ---------------------------------------------------------------- 参数

def _pack(value: Any, live: bool) -> Any:
    """一个参数写成 JSON；录在 ``recordings/`` 里的轨迹只写名字。"""
    if not isinstance(value, Trace):
        return value
    if _kept(value):
        return {"recording": value.experiment, "of": value.parameters}
    return {"trace": json.loads(dumps(value if live else dated(value)))}


def dated(trace: Trace) -> Trace:
    """写上录制的日期：到了读者眼前，它就是录制。发行版的后缀不是内核的版本。"""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return trace if trace.recorded else replace(trace, recorded=today, kernel=trace.kernel.partition("-")[0])


def _kept(trace: Trace) -> bool:
    """这条轨迹是不是实验的录制之一。"""
    from sockscope import experiments

    if not (trace.experiment and trace.recorded):
        return False
    try:
        return experiments.recording(trace.experiment, **trace.parameters) == trace
    except (FileNotFoundError, ValueError):
        return False


def _unpack(value: Any) -> Any:
    from sockscope import experiments

    match value:
        case {"recording": name, "of": parameters}:
            return experiments.recording(name, **parameters)
        case {"trace": trace}:
            return from_json(trace)
    return value
