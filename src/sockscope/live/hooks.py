"""换上，放回：有的事不经过套接字的方法（``select``、``os.write``、域名、新套接字的诞生），要记下它，就得换上我们的函数。

工作原理
--------
第一个网络开的时候换上；网络都关了，也没有谁还在 ``with net.client:`` 里面，就放回。没有网络，就没有代价。
换上的先看看是不是主机的事，不是就直接交给原来的函数。

- ``everywhere``：一个函数，不管哪个模块先前把它取走了，都换掉；认的是函数自己，不是名字。网络开着时才导入的模块会取走换上的那个，
  放回时也认得出来。仪器自己的模块不换。
- ``attribute``：一个类（或模块）的属性。
- 有一个类把函数藏在缺省参数里（``HIDDEN``），也换。

有人在这期间又换成了他自己的，就不去动他的。
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from sockscope.live.linux import after_fork
from sockscope.live.register import alive

if TYPE_CHECKING:
    from sockscope.live.network import Network

__all__ = ["attribute", "begin", "end", "everywhere", "hold", "opened", "release"]


class Hook(NamedTuple):
    """原来的，换上的；``main``：读者的 ``__main__`` 取走的也换。"""

    real: Any
    ours: Any
    main: bool


_functions: dict[str, list[Hook]] = {}
_attributes: list[tuple[Any, str, Any]] = []
_replaced: list[tuple[Any, str, Any, Any]] = []
_seen: set[str] = set()
_open: weakref.WeakKeyDictionary[Network, None] = weakref.WeakKeyDictionary()
_lock = threading.RLock()
_inside = 0
ABSENT = object()
HIDDEN = (("multiprocessing.connection", "Connection"),)  # def _send(self, buf, write=os.write)


def everywhere(real: Any, ours: Any, *, main: bool = True, also: tuple[str, ...] = ()) -> None:
    """登记：``real`` 在哪个模块里都换成 ``ours``；``also`` 是它的别名。"""
    for name in (real.__name__, *also):
        _functions.setdefault(name, []).append(Hook(real, ours, main))


def attribute(owner: Any, name: str, ours: Any) -> None:
    """登记：``owner.name`` 换成 ``ours``。"""
    _attributes.append((owner, name, ours))


def opened() -> list[Network]:
    """此刻开着的网络。"""
    return alive(_open)


def begin(network: Network) -> None:
    """这个网络开了。"""
    with _lock:
        _open[network] = None
        _settle(0)


def end(network: Network) -> None:
    """这个网络关了。"""
    with _lock:
        _open.pop(network, None)
        _settle(0)


def hold() -> None:
    """有人到主机上去了：他回来之前不放回，免得网络关了以后，他新建的套接字生到机器上。"""
    with _lock:
        _settle(1)


def release() -> None:
    """他回来了。"""
    with _lock:
        _settle(-1)


def _settle(change: int) -> None:
    global _inside
    _inside += change
    wanted = bool(_open) or _inside > 0
    if wanted and not _replaced:
        _replace()
    elif not wanted and _replaced:
        _put_back()


def _replace() -> None:
    for owner, name, ours in _attributes:
        _replaced.append((owner, name, vars(owner).get(name, ABSENT), ours))
        setattr(owner, name, ours)
    _seen.clear()
    for module, names in _modules():
        for name in names & _functions.keys():
            for real, ours, main in _functions[name]:
                if vars(module)[name] is real and (main or module.__name__ != "__main__"):
                    _replaced.append((module, name, real, ours))
                    setattr(module, name, ours)
    _swap_hidden({id(hook.real): hook.ours for hooks in _functions.values() for hook in hooks})


def _swap_hidden(instead: dict[int, Any]) -> None:
    """缺省参数里的函数换一换：``id(函数)`` → 换成谁。"""
    for module, name in HIDDEN:
        for method in vars(getattr(sys.modules.get(module), name, object)).values():
            defaults = getattr(method, "__defaults__", None)
            if defaults and any(id(value) in instead for value in defaults):
                method.__defaults__ = tuple(instead.get(id(value), value) for value in defaults)


def _put_back() -> None:
    while _replaced:
        owner, name, real, ours = _replaced.pop()
        if vars(owner).get(name) is not ours:
            continue
        if real is ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, real)
    _swap_hidden({id(hook.ours): hook.real for hooks in _functions.values() for hook in hooks})
    for module, names in _modules():  # 网络开着时才导入的
        for name in names & _functions.keys():
            for real, ours, _ in _functions[name]:
                if vars(module)[name] is ours:
                    setattr(module, name, real)


def _modules() -> list[tuple[Any, Any]]:
    """还没有看过的模块，和它们有哪些名字。"""
    fresh = [(name, module) for name, module in list(sys.modules.items())
             if name not in _seen and name.split(".")[0] != "sockscope" and isinstance(module, type(sys))]
    _seen.update(name for name, _ in fresh)
    return [(module, vars(module).keys()) for _, module in fresh]


def _fresh_lock() -> None:
    """fork 出来的子进程里：拿着锁的那个线程不在这里。"""
    global _lock
    _lock = threading.RLock()


after_fork(_fresh_lock)
