"""轨迹的文件：JSON，一个事件一行；读回来时逐字段检查，说得出第几个事件的哪个字段不对。"""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Callable
from dataclasses import MISSING, Field, asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from sockscope.trace.event import KINDS, Cable, Event, Host, TraceError
from sockscope.trace.sound import check_values, require_sound
from sockscope.trace.value import Trace

__all__ = ["dumps", "from_json", "load", "loads", "parse", "save", "schema"]

FORMAT = "sockscope/1"


class Dataclass(Protocol):
    """任何一个 dataclass。"""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Part = TypeVar("Part", bound=Dataclass)
Check = Callable[[Any], bool]


def dumps(trace: Trace) -> str:
    """轨迹的 JSON 文本。一个事件一行，等于默认值的字段省去，便于 ``git diff``。"""
    head = {"format": FORMAT, **_slim(replace(trace, events=[]))}
    lines = ",\n".join("  " + _compact({"kind": e.kind, **_slim(e)}) for e in trace.events)
    return _compact(head)[:-1] + ',"events":[\n' + lines + "\n]}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _slim(item: Dataclass) -> dict[str, Any]:
    return {name: _plain(value) for name, default in _defaults(type(item)) if (value := getattr(item, name)) != default}


def _plain(value: Any) -> Any:
    """主机与网线写成对象，没有限制的带宽不写；别的照原样。"""
    if not isinstance(value, list):
        return value
    parts = [asdict(v) if is_dataclass(v) and not isinstance(v, type) else v for v in value]
    return [{k: v for k, v in part.items() if k != "bandwidth" or v} if isinstance(part, dict) else part for part in parts]


@functools.cache
def _defaults(cls: type[Dataclass]) -> list[tuple[str, Any]]:
    return [(f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in fields(cls)]


def loads(text: str | bytes, name: str = "轨迹") -> Trace:
    """读回 ``dumps`` 写下的文本。``name`` 用在错误消息里；不合格式则抛 ``TraceError``。"""
    return from_json(parse(text, name), name)


def parse(text: str | bytes, name: str) -> Any:
    """解析 JSON；不是 JSON 则抛 ``TraceError``，指出第几行第几列。"""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"第 {error.lineno} 行第 {error.colno} 列读不下去"
    except UnicodeDecodeError as error:
        where = f"第 {error.start + 1} 个字节起不是 UTF-8"
    except (ValueError, RecursionError):
        where = "数字太长或嵌套太深"
    raise TraceError(f"{name} 不是 JSON：{where}。请重新录制，或取回原来的文件。")


def from_json(value: Any, name: str = "轨迹") -> Trace:
    """由解析好的 JSON 值造出轨迹；不合格式则抛 ``TraceError``。"""
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        found = value.get("format") if isinstance(value, dict) else type(value).__name__
        raise TraceError(f"{name} 的 format 应为 {FORMAT!r}，实为 {found!r}。")
    check_values(value, name)
    rest = {k: v for k, v in value.items() if k not in ("format", "hosts", "cables", "events")}
    parts: dict[str, type[Host | Cable]] = {"hosts": Host, "cables": Cable}
    for key, cls in parts.items():
        rest[key] = [_build(cls, item, f"{name} 的 {key}[{i}]")
                     for i, item in enumerate(_list(value, key, name))]
    rest["events"] = [_event(item, f"{name} 的第 {i + 1} 个事件")
                      for i, item in enumerate(_list(value, "events", name))]
    trace = _build(Trace, rest, f"{name} ")
    require_sound(trace, name)
    return trace


def _list(value: dict[str, Any], key: str, name: str) -> list[Any]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise TraceError(f"{name} 的 {key} 应为列表，实为 {type(found).__name__}。")
    return found


def _event(item: Any, where: str) -> Event:
    if not isinstance(item, dict) or item.get("kind") not in list(KINDS):
        raise TraceError(f"{where}的 kind 应为 {'、'.join(KINDS)} 之一。")
    event = _build(KINDS[item["kind"]], {k: v for k, v in item.items() if k != "kind"}, where)
    for key in ("raw", "data"):
        if not _is_hex(getattr(event, key, "")):
            raise TraceError(f"{where}的 {key} 应为十六进制。")
    return event


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) * 2 == len(text)
    except ValueError:
        return False


def _build(cls: type[Part], item: Any, where: str) -> Part:
    if not isinstance(item, dict):
        raise TraceError(f"{where}应为对象，实为 {type(item).__name__}。")
    needed, checks = _known(cls)
    for key, value in item.items():
        if key not in checks:
            raise TraceError(f"{where}有不认识的字段 {key!r}。")
        if not checks[key](value):
            raise TraceError(f"{where}的 {key} 不能是 {value!r:.60}。")
    for key in needed:
        if key not in item:
            raise TraceError(f"{where}缺少字段 {key!r}。")
    return cls(**item)


_hints = functools.cache(get_type_hints)


@functools.cache
def _known(cls: type[Dataclass]) -> tuple[list[str], dict[str, Check]]:
    """(非有不可的字段, 每个字段怎样检查)。"""
    needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    return needed, {f.name: _check(_hints(cls)[f.name]) for f in fields(cls)}


def _check(hint: Any) -> Check:
    """一个类型怎样检查：每种类型只想一遍。"""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in args
    if origin in (Union, types.UnionType):
        choices = [_check(a) for a in args]
        return lambda value: any(fits(value) for fits in choices)
    if origin in (list, dict):
        fits = _check(args[-1])
        return lambda value: isinstance(value, origin) and all(map(fits, value.values() if origin is dict else value))
    if hint is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    return lambda value: hint is Any or isinstance(value, hint)


def save(trace: Trace, path: str | Path) -> None:
    """写成 JSON 文件（UTF-8）。"""
    Path(path).write_text(dumps(trace), encoding="utf-8")


def load(path: str | Path) -> Trace:
    """从文件读回轨迹。文件不存在抛 ``FileNotFoundError``，不合格式抛 ``TraceError``。"""
    return loads(Path(path).read_bytes(), name=str(path))


# ---------------------------------------------------------------- 公开的 JSON Schema

def schema() -> dict[str, Any]:
    """轨迹文件的 JSON Schema（draft 2020-12），由上面的类型生成，不另写一份。"""
    top = _object(Trace)
    top["properties"] = {"format": {"const": FORMAT}, **top["properties"]}
    top["required"] = ["format"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sockscope Trace", **top}


def _object(cls: type[Dataclass]) -> dict[str, Any]:
    hints = _hints(cls)
    properties = {f.name: _json_type(hints[f.name]) for f in fields(cls)}
    required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    if kind := getattr(cls, "kind", ""):
        properties, required = {"kind": {"const": kind}, **properties}, ["kind", *required]
    return {"type": "object", "description": (cls.__doc__ or "").split("\n")[0],
            "properties": properties, "required": required, "additionalProperties": False}


def _json_type(hint: Any) -> dict[str, Any]:
    names = {int: "integer", str: "string", bool: "boolean", type(None): "null"}
    if hint in names:
        return {"type": names[hint]}
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(args)}
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint)
    if origin in (Union, types.UnionType):
        return {"oneOf": [_json_type(a) for a in args]}
    if origin is list:
        return {"type": "array", "items": _json_type(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _json_type(args[1])}
    return {}
