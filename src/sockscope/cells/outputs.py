"""一个单元格的输出，作为数据。

一份输出是 ``{"stream", "text"}``、``{"trace"}``、``{"made", "args", "options"}``、``{"data"}`` 之一；
出了错的是 ``{"error", "says", "where"}``。
``kept`` 从内核的消息得到它，``shown`` 为书页画出它，``objects`` 为 Lab 找回它，``difference`` 比较两份。
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from sockscope.cells.kernel import MIME
from sockscope.cells.made import construct
from sockscope.render import mimebundle
from sockscope.render.sheets import Sheeted
from sockscope.trace import Trace, compare, from_json

__all__ = ["Output", "difference", "drawn", "first_difference", "kept", "objects", "shown"]

Output = dict[str, Any]
SHAPES = {"text/html": "_repr_html_", "text/markdown": "_repr_markdown_"}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


# ---------------------------------------------------------------- 内核的消息 → 数据

def kept(messages: Iterable[dict[str, Any]]) -> list[Output]:
    """笔记本格式的一串输出 → 数据；同一条流的相邻几段合成一段。"""
    found: list[Output] = []
    for message in messages:
        output = _kept(message)
        if found and output.get("stream") and found[-1].get("stream") == output["stream"]:
            found[-1]["text"] += output["text"]
        else:
            found.append(output)
    return found


def _kept(message: dict[str, Any]) -> Output:
    match message["output_type"]:
        case "stream":
            return {"stream": message["name"], "text": message["text"]}
        case "error":
            return {"error": message["ename"], "says": message["evalue"],
                    "where": _line(ESCAPE.sub("", "\n".join(message["traceback"])))}
    data = message["data"]
    return data[MIME] if MIME in data else {"data": {kind: data[kind] for kind in sorted(data)}}


def _line(traceback: str) -> str:
    """出错的那一行源码：箭头指着的第一处，也就是单元格自己的那一处。"""
    found = re.search(r"^-+>\s*\d+ (.*)$", traceback, re.MULTILINE)
    return found[1].strip() if found else ""


# ---------------------------------------------------------------- 数据 → 书页

def shown(outputs: Iterable[Output]) -> list[dict[str, Any]]:
    """数据 → 笔记本格式的一串输出，图已经画好；样式表由书页自己引一份。"""
    return [_shown(output) for output in outputs]


def _shown(output: Output) -> dict[str, Any]:
    if "stream" in output:
        return {"output_type": "stream", "name": output["stream"], "text": output["text"]}
    return {"output_type": "display_data", "metadata": {}, "data": _data(output)}


def _data(output: Output) -> dict[str, str]:
    if "data" in output:
        ready: dict[str, str] = output["data"]
        return ready
    if "trace" in output:
        return mimebundle(from_json(output["trace"]))
    return drawn(construct(output, page=True))


def drawn(value: Any) -> dict[str, str]:
    """一条轨迹，或由书里的函数做成的东西，在书页上的样子。"""
    if isinstance(value, Trace):
        return mimebundle(value)
    data = {kind: getattr(value, method)() for kind, method in SHAPES.items() if hasattr(value, method)}
    if isinstance(value, Sheeted):
        data["text/html"] = value.page_html()
    return data | {"text/plain": repr(value)}


# ---------------------------------------------------------------- 数据 → Lab

def objects(outputs: Iterable[Output]) -> Iterator[Any]:
    """数据 → 可以交给 ``IPython.display.display`` 的东西；一段文字是字符串。"""
    for output in outputs:
        if "stream" in output:
            yield output["text"]
        elif "trace" in output:
            yield from_json(output["trace"])
        elif "made" in output:
            yield construct(output, page=False)
        else:
            yield _Raw(output["data"])


class _Raw:
    """一束现成的数据。"""

    def __init__(self, data: dict[str, str]) -> None:
        self.data = data

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.data

    def __repr__(self) -> str:
        return self.data.get("text/plain", escape(next(iter(self.data.values()), "")))


# ---------------------------------------------------------------- 比较

LUCK = [
    (re.compile(r"0x[0-9a-f]{4,}"), "地址"),
    (re.compile(r"\d+(\.\d+)?([、，\s]+\d+(\.\d+)?)*[、，\s]*(?=(ms|µs|us|ns|毫秒|微秒|纳秒|秒|s\b))"), "时长"),
    (re.compile(r"\b(3[2-9]\d{3}|[45]\d{4}|6[0-5]\d{3})\b"), "临时端口"),  # 时长先认：51527 纳秒不是端口
    (re.compile(r"\d+\.\d{2,}"), "量出来的数"),
    (re.compile(r"/(tmp|var|run)/[\w./-]+"), "临时文件"),
    (re.compile(r"(?<=pid )\d+|(?<=进程 )\d+"), "进程号"),
]


def plain(text: str) -> str:
    """文字去掉运气：时长、临时端口、内存地址、临时文件和进程号每次都不同，不比较。"""
    for pattern, name in LUCK:
        text = pattern.sub(f"〈{name}〉", text)
    return text


def difference(book: list[Output], mine: list[Output]) -> str:
    """两份输出的第一处不同，一句话（前者是书上，后者是你的）；相同则为空串。"""
    return first_difference(book, mine)[1]


def first_difference(book: list[Output], mine: list[Output]) -> tuple[int, str]:
    """第一处不同：第几份输出（从 0 数），和一句话。"""
    for place, (theirs, ours) in enumerate(zip(book, mine, strict=False)):
        if found := failure(ours) if "error" in ours else _difference(theirs, ours):
            return place, found
    if len(book) == len(mine):
        return 0, ""
    place = min(len(book), len(mine))
    longer, which = (book, "书上") if len(book) > len(mine) else (mine, "你的")
    extra = longer[place]
    return place, failure(extra) if "error" in extra else f"{which}多出一份输出：{_told(extra)}"


def failure(output: Output) -> str:
    """出错的一格，一句话：哪一行，什么错。"""
    says = output["says"].split("\n")[0]
    if output["error"] == "AssertionError":
        return f"`{output['where']}` 在这里不成立" + (f"：{says}" if says else "。")
    return f"`{output['where']}` 抛出 {output['error']}" + (f"：{says}" if says else "。")


def _difference(book: Output, mine: Output) -> str:
    if "trace" in book and "trace" in mine:
        return compare(from_json(book["trace"]), from_json(mine["trace"])) or ""
    if "stream" in book and "stream" in mine:
        return _texts(book["text"], mine["text"])
    if "data" in book and "data" in mine:
        return _texts(*(_words(output["data"]) for output in (book, mine)))
    return "" if _same_made(book, mine) else f"前者是{_told(book)}，后者是{_told(mine)}"


def _same_made(book: Output, mine: Output) -> bool:
    """同一个函数做的就算相同：参数里的轨迹比规范形式，别的要相等。"""
    if book.get("made") != mine.get("made") or "made" not in book:
        return False
    pairs = zip(book.get("args", []), mine.get("args", []), strict=False)
    return (len(book.get("args", [])) == len(mine.get("args", [])) and book.get("options") == mine.get("options")
            and all(_same_argument(*pair) for pair in pairs))


def _same_argument(book: Any, mine: Any) -> bool:
    match book, mine:
        case {"trace": one}, {"trace": two}:
            return compare(from_json(one), from_json(two)) is None
    return bool(_unlucky(book) == _unlucky(mine))


def _unlucky(value: Any) -> Any:
    """参数里的每一段文字都去掉运气。"""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_unlucky(item) for item in value]
    return {key: _unlucky(item) for key, item in value.items()} if isinstance(value, dict) else value


def _texts(book: str, mine: str) -> str:
    for one, two in zip(book.splitlines(), mine.splitlines(), strict=False):
        if plain(one) != plain(two):
            return f"前者写着“{one.strip()}”，后者写着“{two.strip()}”"
    return "" if len(book.splitlines()) == len(mine.splitlines()) else "两边的文字行数不同"


def _words(data: dict[str, str]) -> str:
    """一束数据里读得到的字：HTML 去掉标记，一行一行；表里带小数点的都是量出来的，不论几位。"""
    if "text/html" not in data:
        return data.get("text/plain", "")
    rows = re.sub(r"<(tr|p|li|div|h\d)\b[^>]*>", "\n", data["text/html"])
    return re.sub(r"\d+\.\d+", "〈量出来的数〉", re.sub(r"<[^>]*>", " ", rows))


def _told(output: Output) -> str:
    """一份输出是什么，几个字。"""
    if "trace" in output:
        return "一条轨迹"
    if "made" in output:
        return f" {output['made']} 做的东西"
    return "一段文字" if "stream" in output else "一份数据"
