"""测量的结果：普通的数，存成 JSON，读得回来。"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sockscope import places

__all__ = ["KINDS", "Flow", "Latency", "Measurement", "MeasurementError", "load", "recorded"]

FORMAT = "sockscope-measurement/1"
KINDS = {"unix_stream": "Unix 字节流", "unix_seqpacket": "Unix 顺序包", "unix_dgram": "Unix 数据报",
         "tcp": "TCP", "tcp_nodelay": "TCP_NODELAY", "udp": "UDP"}
PER_OCTAVE = 8  # 直方图每翻一倍分几格
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
PLACE = places.ROOT / "book" / "measurements" / "unix_domain.json"


class MeasurementError(ValueError):
    """测量文件不合格式。消息是一句中文。"""


@dataclass(frozen=True)
class Latency:
    """许多个来回各要多久。``quantiles`` 是第 1、5、25、50、75、95、99 百分位，纳秒；

    ``bins`` 是直方图：格的编号 → 个数，第 k 格从 2^(k/8) 纳秒开始。
    """

    language: str
    kind: str
    size: int
    quantiles: list[int]
    bins: dict[str, int]

    @classmethod
    def of(cls, language: str, kind: str, size: int, took: Iterable[int]) -> Latency:
        """由一个个来回的纳秒数得到。"""
        times = sorted(took)
        quantiles = [times[min(len(times) - 1, len(times) * q // 100)] for q in QUANTILES]
        bins = Counter(math.floor(math.log2(max(t, 1)) * PER_OCTAVE) for t in times)
        return cls(language, kind, size, quantiles, {str(k): bins[k] for k in sorted(bins)})

    @property
    def fastest(self) -> int:
        """第 1 百分位，纳秒：没有人打扰时的一个来回。"""
        return self.quantiles[0]

    @property
    def median(self) -> int:
        """中位数，纳秒。"""
        return self.quantiles[QUANTILES.index(50)]

    @cached_property
    def curve(self) -> list[tuple[float, float]]:
        """直方图的轮廓：``(纳秒, 占全部的几成)``，每格一点，空格也在。"""
        total = sum(self.bins.values())
        first, last = int(min(self.bins, key=int)), int(max(self.bins, key=int))
        return [(2 ** ((k + 0.5) / PER_OCTAVE), self.bins.get(str(k), 0) / total) for k in range(first, last + 1)]


@dataclass(frozen=True)
class Flow:
    """一口气发 ``sent`` 个字节，到了 ``received`` 个，前后 ``nanoseconds``。"""

    language: str
    kind: str
    size: int
    sent: int
    received: int
    nanoseconds: int

    @property
    def rate(self) -> float:
        """每秒到了多少兆字节（10^6）。"""
        return self.received / self.nanoseconds * 1000

    @property
    def lost(self) -> float:
        """丢了几成。"""
        return 1 - self.received / self.sent


@dataclass(frozen=True)
class Measurement:
    """一台机器上的一次测量。``recorded`` 为空表示刚刚量的，否则是录制的日期。"""

    machine: str
    kernel: str
    python: str
    compiler: str = ""
    recorded: str = ""
    latencies: list[Latency] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)

    @property
    def languages(self) -> list[str]:
        found: list[Latency | Flow] = [*self.latencies, *self.flows]
        return list(dict.fromkeys(item.language for item in found))

    @property
    def origin(self) -> str:
        """在哪里、什么时候量的，一句话。"""
        how = f"录制于 {self.recorded}" if self.recorded else "实时：刚刚在你的机器上量的"
        where = [self.machine, self.kernel, f"Python {self.python}", self.compiler]
        return f"{how}；{'，'.join(filter(None, where))}。"

    def latency(self, language: str, kind: str) -> Latency | None:
        return next((x for x in self.latencies if (x.language, x.kind) == (language, kind)), None)

    def flow(self, language: str, kind: str, size: int) -> Flow | None:
        return next((x for x in self.flows if (x.language, x.kind, x.size) == (language, kind, size)), None)

    def save(self, path: Path = PLACE) -> None:
        """写成 JSON：一个结果一行，``git diff`` 读得懂。"""
        value = asdict(self)
        head = {"format": FORMAT, **{k: v for k, v in value.items() if isinstance(v, str)}}
        lists = "".join(f',\n"{name}":[\n' + ",\n".join(map(_compact, value[name])) + "]" for name in ("latencies", "flows"))
        path.write_text(_compact(head)[:-1] + lists + "}\n", encoding="utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# ---------------------------------------------------------------- 读回来

def load(path: Path) -> Measurement:
    """读一份测量。没有抛 ``FileNotFoundError``，不合格式抛 ``MeasurementError``，都说明怎样重录。"""
    remedy = "运行 python -m sockscope.measure 重录。"
    if not path.exists():
        raise FileNotFoundError(f"测量 {path.name} 不存在。{remedy}")
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise MeasurementError(f"测量 {path.name} 不是 JSON（{error}）。{remedy}") from None
    if not isinstance(value, dict) or value.pop("format", None) != FORMAT:
        raise MeasurementError(f"测量 {path.name} 的 format 应为 {FORMAT!r}。{remedy}")
    try:
        lists = {name: [_build(cls, item) for item in value.pop(name)] for name, cls in LISTS.items()}
        return _build(Measurement, value | lists)
    except (KeyError, TypeError, ValueError) as error:
        raise MeasurementError(f"测量 {path.name} 的字段不对（{error}）。{remedy}") from None


LISTS: dict[str, type[Latency | Flow]] = {"latencies": Latency, "flows": Flow}
FITS = {
    "str": lambda v: isinstance(v, str), "int": lambda v: isinstance(v, int),
    "list[int]": lambda v: isinstance(v, list) and len(v) == len(QUANTILES) and all(isinstance(x, int) for x in v),
    "dict[str, int]": lambda v: isinstance(v, dict) and bool(v) and all(isinstance(x, int) for x in v.values()),
}


Part = TypeVar("Part", bound=Latency | Flow | Measurement)


def _build(cls: type[Part], item: Any) -> Part:
    made = cls(**item)
    for f in fields(cls):
        if not FITS.get(str(f.type), lambda _: True)(getattr(made, f.name)):
            raise ValueError(f"{f.name} 不能是 {getattr(made, f.name)!r:.40}")
    return made


def recorded() -> Measurement:
    """书里的那一份。"""
    return load(PLACE)
