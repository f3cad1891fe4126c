"""录制：一个实验的每个变体在作者的内核上做出来的轨迹，存在 ``recordings/<实验>.json``。"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sockscope import places
from sockscope.trace import Trace, TraceError, dumps, from_json, parse

__all__ = ["Recording", "exists", "find", "today"]

FORMAT = "sockscope-recordings/1"


@dataclass
class Recording:
    """一个实验的全部录制：``variants`` 是 变体→轨迹，``drops`` 是 变体→剪掉的包的签名→轨迹。"""

    experiment: str
    variants: dict[str, Trace] = field(default_factory=dict)
    drops: dict[str, dict[str, Trace]] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str) -> Recording:
        """读 recordings/<name>.json。没有抛 ``FileNotFoundError``，不合格式抛 ``TraceError``。"""
        path = places.recordings() / f"{name}.json"
        if not path.exists():
            raise FileNotFoundError(f"实验 {name} 还没有录制：{path.name} 不存在。运行 make record 录一份。")
        where = f"录制 {path.name}"
        value = parse(path.read_bytes(), where)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise TraceError(f"{where} 的 format 应为 {FORMAT!r}。运行 make record 重录。")
        made = cls(name)
        for key, item in _table(value, "variants", where):
            made.variants[key] = from_json(item, f"{where} 的 {key}")
        for key, group in _table(value, "drops", where):
            cuts = _table({key: group}, key, f"{where} 的 drops")
            made.drops[key] = {s: from_json(t, f"{where} 的 {key} 剪 {s}") for s, t in cuts}
        return made

    def save(self) -> None:
        """写回文件：一个事件一行，``git diff recordings/`` 读得懂。"""
        groups = {"variants": self._join(self.variants)}
        groups["drops"] = "{\n" + ",\n".join(
            f"{json.dumps(key)}:{self._join(group)}" for key, group in self.drops.items()) + "}"
        head = f'{{"format":"{FORMAT}","experiment":{json.dumps(self.experiment)}'
        text = head + "".join(f',\n"{k}":{v}' for k, v in groups.items()) + "}\n"
        path = places.recordings() / f"{self.experiment}.json"
        fresh = path.with_suffix(".new")  # 写好了再换上：别人正读着的，要么是旧的，要么是新的
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)

    @staticmethod
    def _join(traces: dict[str, Trace]) -> str:
        return "{\n" + ",\n".join(f"{json.dumps(k, ensure_ascii=False)}:{dumps(t).rstrip()}"
                                  for k, t in traces.items()) + "}"


def _table(value: dict[str, Any], key: str, where: str) -> Iterable[tuple[str, Any]]:
    found = value.get(key, {})
    if not isinstance(found, dict):
        raise TraceError(f"{where} 的 {key} 应为对象，实为 {type(found).__name__}。运行 make record 重录。")
    return found.items()


@functools.lru_cache(maxsize=8)
def _recording(name: str, _modified: int) -> Recording:
    return Recording.load(name)


def exists(name: str) -> bool:
    """实验 ``name`` 有没有录过。"""
    return (places.recordings() / f"{name}.json").exists()


def find(name: str, key: str, cuts: list[str]) -> Trace:
    """一个变体（``Experiment.key``）的录制，``cuts`` 是剪掉的包。没有录过抛 ``FileNotFoundError``，消息说明怎样录。"""
    path = places.recordings() / f"{name}.json"
    whole = _recording(name, path.stat().st_mtime_ns if path.exists() else 0)
    group: dict[str, Trace] = whole.drops.get(key, {}) if cuts else whole.variants
    wanted = cuts[0] if cuts else key
    if wanted not in group or len(cuts) > 1:
        raise FileNotFoundError(f"{name} 的这个变体没有录制（{key}{'，剪 ' + '、'.join(cuts) if cuts else ''}）。"
                                "在能抓包的机器上现场运行就能看到。")
    return group[wanted]


def today() -> str:
    """今天的日期，写在录制上。"""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
