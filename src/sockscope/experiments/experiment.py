"""实验：几个参数，加一个可以朗读的函数。运行它，得到一条 ``Trace``。

    @experiment(chapter="08", title="丢了的数据报", question="……？", hosts=("client", "server"),
                lost=Switch("网线丢掉第一个包", True))
    def datagram(net: Network, lost: bool) -> None: ...

函数的名字就是实验的名字，也是录制文件的名字。参数的每一种取值都会被录下来（``variants``）。
"""

from __future__ import annotations

import difflib
import functools
import importlib
import itertools
import pkgutil
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from sockscope import experiments
from sockscope.experiments.programs import require
from sockscope.experiments.recording import exists, find
from sockscope.live import Network, Unavailable, capability, linux, offload, stock
from sockscope.live.journal import Over
from sockscope.live.pace import patience
from sockscope.live.plan import Plan
from sockscope.live.socket import TracedSocket
from sockscope.trace import Packet, Trace

__all__ = [
    "DELAY", "GALLERY", "GROWING", "LONGEST", "PORT", "Choice", "Experiment", "Switch", "attempt", "connected",
    "experiment", "get", "names", "recording",
]

GALLERY, GROWING = "真程序", "一个程序的成长"  # 不属于哪一章的实验：那一页的标题
PORT = 7007  # 实验里服务器的端口：没有命名空间的机器上，普通用户也绑得上
LATE = 0.4  # 剪 SYN+ACK 时，第一个 SYN 多走这么久，秒
RIVALS = {"SYN+ACK": "SYN", "SHUTDOWN ACK": "SHUTDOWN"}  # 回答丢了，两端同时要重传：回答 → 问
CALM = 2.0  # 不丢包的实验里，重传定时器的下限，秒
DELAY = "delay"  # 每个实验都有的参数：网线的时延，毫秒
LONGEST = 500  # 时延至多这么长，毫秒：再长，多数实验做不完
REFRESH = 0.15  # 进行中的实验多久重画一次，秒

Body = Callable[Concatenate[Network, ...], None]
"""实验的函数：先是网络，然后是它的参数。"""
Options = ParamSpec("Options")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Choice:
    """一个参数：给人看的名字，和 值→说明 的选项；第一项是缺省值。

    选项都录过。``typed`` 是没有录的也可以取的整数，从几到几：读者自己填。
    """

    label: str
    choices: dict[Any, str]
    typed: tuple[int, int] | None = None
    name: str = ""

    @property
    def options(self) -> list[tuple[Any, str]]:
        return list(self.choices.items())

    @property
    def default(self) -> Any:
        return next(iter(self.choices))

    def allows(self, value: Any) -> bool:
        """能不能取这个值；``True`` 不是 ``1``。"""
        listed = any(type(value) is type(option) and value == option for option in self.choices)
        return listed or (self.typed is not None and type(value) is int and self.typed[0] <= value <= self.typed[1])

    def told(self) -> str:
        """可以取哪些值，几个字。"""
        listed = "、".join(map(repr, self.choices))
        return listed if self.typed is None else f"{listed}，或者 {self.typed[0]} 到 {self.typed[1]} 的整数"


def Switch(label: str, default: bool = False) -> Choice:
    """只有是与否的参数。"""
    return Choice(label, {default: "是" if default else "否", not default: "否" if default else "是"})


@dataclass(frozen=True)
class Experiment:
    """一个实验。``chapter`` 是两位数字的章号，或那一页的标题（``GALLERY`` 等）；``delay`` 是网线时延，秒；
    ``limit`` 是最长运行时间，秒（慢的机器见 ``pace``）。

    实验缺省不延迟确认（``delayed_ack``），这样状态的次序不靠运气；不丢包的实验（``lossless``）里重传只会是机器太忙，
    所以把重传定时器的下限抬到 ``CALM`` 秒。剪掉包的时候不抬，除非还要运行别的程序：那时机器最忙。
    ``checksums``：要网口替内核算校验和，否则 Linux 6.11 之前的内核不切。``waits``：等待也进轨迹；``readiness``：就绪也进轨迹；
    ``queues``：哪几种队列也进轨迹。
    ``late`` 是剪 SYN+ACK 时第一个 SYN 多走的时间，秒。``loopback`` 说明没有网线时，环回地址上的结果是否仍然回答得了问题。
    里面跑的是别人的程序时：``programs`` 是要用的程序，缺了就做不了；``compares`` 是两次之间比什么（``trace/canonical.py``）；
    ``cuttable`` 为假则不录剪刀，只在现场剪：包太多，或者大小每次不同，签名对不上号。
    """

    function: Body
    chapter: str
    title: str
    question: str = ""
    hosts: tuple[str, ...] = ("client", "server")
    delay: float = 0.01
    limit: float = 20.0
    loopback: bool = False
    delayed_ack: bool = False
    lossless: bool = False
    parameters: list[Choice] = field(default_factory=list)
    scissors: tuple[dict[str, Any], ...] = ()
    late: float = LATE
    checksums: bool = False
    waits: bool = False
    readiness: bool = False
    queues: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    compares: str = ""
    cuttable: bool = True

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def place(self) -> str:
        """在书里哪里：“第 05 章”，或“真程序”。"""
        return f"第 {self.chapter} 章" if self.chapter.isdigit() else self.chapter

    @property
    def defaults(self) -> dict[str, Any]:
        return {p.name: p.default for p in self.parameters}

    def variants(self) -> list[dict[str, Any]]:
        """参数的每一种组合，缺省的在最前。"""
        grids = itertools.product(*(p.choices for p in self.parameters))
        return [dict(zip((p.name for p in self.parameters), values, strict=True)) for values in grids]

    def cut_variants(self) -> list[dict[str, Any]]:
        """要录剪刀的变体：缺省的，和章里打开时的那几个（``scissors``）。"""
        return [self.defaults, *(self.complete(values) for values in self.scissors)] if self.cuttable else []

    def complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """补上缺省值；不认识的参数或取值抛 ``ValueError``，用一句话说清。

        每个实验还可以有 ``DELAY``：网线的时延，毫秒；与缺省的一样就不写。
        """
        known = {p.name: p for p in self.parameters}
        for name, value in values.items():
            if name == DELAY:
                if type(value) is not int or not 0 <= value <= LONGEST:
                    raise ValueError(f"网线的时延不能是 {value!r}；可取 0 到 {LONGEST} 的整数，毫秒。")
            elif name not in known:
                raise ValueError(f"实验 {self.name} 没有参数 {name!r}；它有：{'、'.join(known) or '无'}。")
            elif not known[name].allows(value):
                raise ValueError(f"参数 {name} 不能取 {value!r}；可取：{known[name].told()}。")
        whole = self.defaults | values
        if whole.get(DELAY) == round(self.delay * 1000):
            del whole[DELAY]
        return whole

    def key(self, values: dict[str, Any]) -> str:
        """一个变体的短名字，如 ``SHUT_WR.0.1.0``：在录制文件和网页里用；改过的时延跟在 ``@`` 后面。"""
        whole = self.complete(values)
        delay = f"@{whole.pop(DELAY)}" if DELAY in whole else ""
        return (".".join(str(int(v)) if isinstance(v, bool) else str(v) for v in whole.values()) or "default") + delay

    def run(self, *, drop: Iterable[str] = (), on_progress: Callable[[Trace], bool | None] | None = None,
            capture: str = "", **values: Any) -> Trace:
        """真的做一遍。``drop`` 是要剪掉的包的签名；``on_progress`` 在进行中不时收到未完的轨迹，返回 False 则叫停。

        做不了则抛 ``Unavailable``；参数不对抛 ``ValueError``。
        """
        values = self.complete(values)
        allowed = capability(capture)
        if not linux.HERE:
            raise Unavailable("这个实验问的是 Linux 的内核。" + allowed.sentence)
        if allowed.level != "cable" and not self.loopback:
            raise Unavailable("这个实验要看网线上的包。" + allowed.sentence)
        require(self.programs)
        cuts = list(drop)
        delay = values[DELAY] / 1000 if DELAY in values else self.delay
        options = {name: value for name, value in values.items() if name != DELAY}
        with Network(*self.hosts, delay=delay, delayed_ack=self.delayed_ack, rto_min=self._rto_min(cuts),
                     capture=capture, title=self.title, checksums=self._checksums(), waits=self.waits,
                     readiness=self.readiness, queues=self.queues) as net:
            for signature in cuts:
                self._scissors(net, signature)
            with _attended(net, self.limit, on_progress and (lambda: on_progress(self._named(net.trace, values)))):
                self.function(net, **options)
        return self._named(net.trace, values)

    def observe(self, *, drop: Iterable[str] = (), on_progress: Callable[[Trace], bool | None] | None = None,
                on_refused: Callable[[str], None] = lambda _: None, **values: Any) -> Trace:
        """做得了就做，做不了就放录制：``trace.label`` 说明读者看的是哪一种，``on_refused`` 收到为什么，一句话。"""
        try:
            return self.run(drop=drop, on_progress=on_progress, **values)
        except Unavailable as why:
            on_refused(str(why))
            return self.recorded(drop=drop, **values)

    def recorded(self, *, drop: Iterable[str] = (), **values: Any) -> Trace:
        """一个变体的录制。没有录过抛 ``FileNotFoundError``，消息说明怎样录；参数不对抛 ``ValueError``。"""
        return find(self.name, self.key(values), list(drop))

    def prepare(self, *, drop: Iterable[str] = ()) -> None:
        """先把下一次要用的主机造好：读者多半还要再做一遍。做不了现场实验的机器上什么也不做。"""
        if capability().level == "cable":
            stock.prepare(Plan.row(len(self.hosts), not self.delayed_ack, self._rto_min(drop),
                                   offload=offload.CHECKSUMS * self._checksums()))

    def _rto_min(self, drop: Iterable[str]) -> float:
        return patience(CALM) if self.lossless and (self.programs or not list(drop)) else 0.0

    def _checksums(self) -> bool:
        return self.checksums and offload.needed()

    def _named(self, trace: Trace, values: dict[str, Any]) -> Trace:
        settings = trace.settings | ({"compares": self.compares} if self.compares else {})
        return replace(trace, experiment=self.name, parameters=values, settings=settings)

    def _scissors(self, net: Network, signature: str) -> None:
        ends = signature.split(" ")[0].split(">")
        for cable in net.cables:
            if sorted(ends) == sorted(e.host for e in cable.ends):
                for answer, asked in RIVALS.items():
                    if f" {answer} " in signature:  # 两端的计时器都是 1 秒；问的慢一步，谁先重传就不靠运气
                        cable.detain(self.late, match=functools.partial(_first_says, asked), times=sys.maxsize)
                cable.snip(signature)
                return
        raise ValueError(f"没有一根网线上会有这样的包：{signature!r}。")


def _first_says(flag: str, packet: Packet) -> bool:
    return packet.flags == [flag] and not packet.note


def experiment(*, chapter: str, title: str, question: str = "", hosts: tuple[str, ...] = ("client", "server"),
               delay: float = 0.01, limit: float = 20.0, loopback: bool = False,
               delayed_ack: bool = False, lossless: bool = False, scissors: tuple[dict[str, Any], ...] = (),
               late: float = LATE, checksums: bool = False, waits: bool = False,
               readiness: bool = False, queues: tuple[str, ...] = (), programs: tuple[str, ...] = (), compares: str = "",
               cuttable: bool = True,
               **parameters: Choice) -> Callable[[Body], Experiment]:
    """把函数变成实验。其余的关键字参数就是实验的参数，名字与函数的形参相同。"""
    def wrap(function: Body) -> Experiment:
        named = [replace(choice, name=name) for name, choice in parameters.items()]
        made = Experiment(function, chapter, title, question, hosts, delay, limit, loopback, delayed_ack, lossless, named,
                          scissors, late, checksums, waits, readiness, queues, programs, compares, cuttable)
        _registry[made.name] = made
        return made
    return wrap


@contextmanager
def _attended(net: Network, limit: float, refresh: Callable[[], bool | None] | None) -> Iterator[None]:
    """看着实验：不时报告进展，有人叫停就停下；超过时限也停下，并抛 ``TimeoutError``。抛出的错误都说是哪次调用。"""
    done, stopped = threading.Event(), threading.Event()
    limit = patience(limit)
    deadline = time.monotonic() + limit
    over: list[TimeoutError] = []

    def attend() -> None:
        while not done.wait(REFRESH):
            if time.monotonic() > deadline:
                over.append(TimeoutError(f"实验过了 {limit:.0f} 秒还没有做完，到此为止。"))
                over[0].add_note(net.journal.waiting())
            if over or (refresh is not None and refresh() is False):
                stopped.set()
                return net.abort()

    thread = threading.Thread(target=attend, name="attend", daemon=True)
    thread.start()
    try:
        yield
    except Over:  # 叫醒以后还接着做的，到下一次调用为止
        pass
    except Exception as error:
        if not (stopped.is_set() and isinstance(error, OSError)):  # 停下时，还在等的调用是被叫醒的
            error.add_note(net.journal.last())
            raise
    finally:
        done.set()
        thread.join()
    if over:
        raise over[0]


# ---------------------------------------------------------------- 登记处

_registry: dict[str, Experiment] = {}


@functools.cache
def _load_all() -> None:
    """导入每一章的每一个模块：一章一个文件夹，一个实验一个文件；别人的程序在 gallery 里。"""
    for module in pkgutil.walk_packages(experiments.__path__, f"{experiments.__name__}."):
        if re.search(r"\.(ch\d\d|gallery)\.", module.name):
            importlib.import_module(module.name)


def names(*, recorded: bool = False) -> list[str]:
    """全部实验的名字，按章号、名字排序；``recorded`` 则只要录过的（刚写好的还没有）。"""
    _load_all()
    known = sorted(_registry, key=lambda n: (_registry[n].chapter, n))
    return [name for name in known if exists(name)] if recorded else known


def get(name: str) -> Experiment:
    """名为 ``name`` 的实验；没有则 ``ValueError``。"""
    _load_all()
    if name not in _registry:
        near = difflib.get_close_matches(str(name), names(), n=3, cutoff=0.75)
        told = f"是不是 {'、'.join(near)}？" if near else f"有：{'、'.join(names())}。"
        raise ValueError(f"没有叫 {name!r} 的实验；{told}")
    return _registry[name]


def recording(name: str, *, drop: Iterable[str] = (), **values: Any) -> Trace:
    """实验 ``name`` 的一个变体的录制；见 ``Experiment.recorded``。"""
    return get(name).recorded(drop=drop, **values)


# ---------------------------------------------------------------- 实验里常用的两个动作

def connected(net: Network) -> tuple[TracedSocket, TracedSocket]:
    """一条已经连好的 TCP 连接：``(客户端的套接字, 服务器的套接字)``。监听套接字留到网络关闭。"""
    listener = net.server.socket()
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket()
    near.connect((net.server.address, PORT))
    far, _ = listener.accept()
    return near, far


def attempt(call: Callable[Options, Result], *args: Options.args, **options: Options.kwargs) -> Result | None:
    """试一次调用：失败不算意外，errno 已经记在轨迹里。失败返回 None。"""
    try:
        return call(*args, **options)
    except OSError:
        return None
