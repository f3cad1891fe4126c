"""类型表与探测表：每一格都从一条轨迹里读出来，没有一格是写好的。

一列是一个实验（外加一个判定），一行是一种类型；换一个通信域，全部重做一遍。
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

from sockscope import experiments
from sockscope.cells.made import made
from sockscope.pages.prose import Block, marked
from sockscope.trace import Call, Trace

__all__ = ["COLUMNS", "Grid", "probing_matrix", "type_table"]

UNTRIED = "—"  # 这个通信域没有网线：弄不乱，也丢不了


# ---------------------------------------------------------------- 从轨迹里读出一格

def _received(trace: Trace, host: str) -> list[bytes]:
    """一台主机每次成功的 ``recv()`` 读到的字节。"""
    return [bytes.fromhex(c.data) for c in trace.calls if c.host == host and c.name == "recv" and c.errno is None]


def _says(truth: bool) -> str:
    return "是" if truth else "否"


def two_way(trace: Trace) -> str:
    """服务器的回答到了客户端。"""
    return _says(any(data.endswith(b"three") for data in _received(trace, "client")))


def connection_oriented(trace: Trace) -> str:
    """没有连接就发，会被拒绝。"""
    return _says(any(c.name == "sendto" and c.errno for c in trace.calls))


def ordered(trace: Trace) -> str:
    """网线乱了次序，读到的次序没有乱。没有包走过网线，就什么也没有试出来。"""
    if not trace.packets:
        return UNTRIED
    words = re.findall(rb"one|two|three", b"".join(_received(trace, "server")))
    return _says(words == [b"one", b"two", b"three"])


def lossless(trace: Trace) -> str:
    """网线丢了第一条，它还是到了。没有包走过网线，就什么也没有试出来。"""
    if not trace.packets:
        return UNTRIED
    return _says(b"one" in b"".join(_received(trace, "server")))


def bounded(trace: Trace) -> str:
    """发两次，读到的是两份，没有连成一片。"""
    first, *_ = _received(trace, "server") or [b""]
    return _says(first.endswith(b"one"))


def limit(trace: Trace) -> str:
    """最大的一次成功，与最小的一次 EMSGSIZE。"""
    sends = [c for c in trace.calls if c.name.startswith("send")]
    if not any(c.errno for c in sends):
        return "不限"
    largest = max((c.size for c in sends if c.size), default=0)
    sizes = (re.search(r"（(\d+) 字节）", c.args) for c in sends if c.errno == "EMSGSIZE")
    refused = min((int(size[1]) for size in sizes if size), default=0)
    if not refused:
        return f"至少 {largest:,} 字节"
    return f"{largest:,} 字节" if refused == largest + 1 else f"{largest:,}～{refused:,} 字节"


def protocol(trace: Trace) -> str:
    """网线上的包是什么协议；Unix 域没有包。"""
    names = {p.protocol.upper() for p in trace.packets}
    asked = re.search(r", (\d+)$", trace.calls[0].args)
    return f"自定（{asked[1]}）" if asked else "、".join(sorted(names)) or "无"


COLUMNS: dict[str, tuple[str, Callable[[Trace], str]]] = {
    "双向": ("talking", two_way),
    "面向连接": ("lonely", connection_oriented),
    "有序": ("disorder", ordered),
    "不丢": ("losing", lossless),
    "保留消息边界": ("talking", bounded),
    "一次的上限": ("sizing", limit),
    "协议": ("talking", protocol),
}


# ---------------------------------------------------------------- 表

@dataclass(frozen=True)
class Grid(Block):
    """一张表：``cells[行, 列]`` 是一格的文字；``label`` 说明它是 实时 还是 录制。"""

    title: str
    rows: list[str]
    columns: list[str]
    cells: dict[tuple[str, str], str]
    label: str

    def __getitem__(self, place: tuple[str, str]) -> str:
        return self.cells[place]

    def row(self, name: str) -> list[str]:
        """一整行，次序同 ``columns``。"""
        return [self.cells[name, column] for column in self.columns]

    def page_html(self) -> str:
        head = "".join(f'<th scope="col">{escape(c)}</th>' for c in ("类型", *self.columns))
        body = "".join(f"<tr><th scope=\"row\">{marked(f'`{row}`')}</th>{self._row(row)}</tr>" for row in self.rows)
        return (f'<div class="sockscope-grid"><table><caption>{escape(self.title)}'
                f"（{escape(self.label)}）</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")

    def _row(self, row: str) -> str:
        """一行的格子；整行是同一个 errno 就合成一格。"""
        texts = self.row(row)
        if len(set(texts)) == 1 and _is_errno(texts[0]):
            return f'<td class="refused" colspan="{len(texts)}">{texts[0]}</td>'
        return "".join(self._cell(*cell) for cell in zip(self.columns, texts, strict=True))

    @staticmethod
    def _cell(column: str, text: str) -> str:
        head = f'data-head="{escape(column)}"'  # 手机上一格一行，前面写着是哪一列
        if _is_errno(text):
            return f'<td class="refused" {head}>{text.replace("NOSUPPORT", "<wbr>NOSUPPORT")}</td>'
        return f'<td class="{"yes" if text in ("是", "✓") else ""}" {head}>{escape(text)}</td>'

    def __repr__(self) -> str:
        lines = [f"{self.title}（{self.label}）", "  ".join(["", *self.columns])]
        return "\n".join([*lines, *("  ".join([r, *(self.cells[r, c] for c in self.columns)]) for r in self.rows)])


def _is_errno(text: str) -> bool:
    return re.fullmatch(r"E[A-Z]+", text) is not None


def printed(domain: str, live: bool = False) -> Grid:
    """书页里的类型表：放录制。"""
    return type_table(domain, live=False)


@made(page=printed, widget=False)
def type_table(domain: str, live: bool = True) -> Grid:
    """一个通信域的类型表。``live``：现场做一遍，做不了的放录制；否则全用录制。

    造不出来的套接字，整行是内核给的 errno。
    """
    kinds = [value for value, _ in experiments.get("talking").parameters[1].options]
    rows = {kind: _row(domain, kind, live) for kind in kinds}
    cells = {(kind, column): _refusal(row[name]) or judge(row[name])
             for kind, row in rows.items() for column, (name, judge) in COLUMNS.items()}
    return Grid(f"{domain} 的类型表", kinds, list(COLUMNS), cells, _labels(t for row in rows.values() for t in row.values()))


def _row(domain: str, kind: str, live: bool) -> dict[str, Trace]:
    """一种类型的全部实验：实验名 → 轨迹。第一个就造不出套接字，其余的也不必做。"""
    row: dict[str, Trace] = {}
    for name, _ in COLUMNS.values():
        first = next(iter(row.values()), None)
        if first is not None and _refusal(first):
            row[name] = first
        elif name not in row:
            look = experiments.get(name).observe if live else functools.partial(experiments.recording, name)
            row[name] = look(domain=domain, kind=kind)
    return row


def _refusal(trace: Trace) -> str:
    first = trace.calls[0]
    return first.errno or "" if first.name == "socket" else ""


def _labels(traces: Iterable[Trace]) -> str:
    return "、".join(sorted({t.label for t in traces}))


@made()
def probing_matrix(trace: Trace) -> Grid:
    """``probing`` 的一条轨迹 → 类型 × 协议 的表。"""
    asked = [c for c in trace.calls if c.name == "socket"]
    cells = {_place(c): c.errno or "✓" for c in asked}
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    privileged = "有特权" if trace.parameters["privileged"] else "没有特权"
    return Grid(f"{trace.parameters['domain']}，{privileged}，{trace.kernel}", rows, columns, cells, trace.label)


def _place(call: Call) -> tuple[str, str]:
    _, kind, *rest = call.args.split(", ")
    return kind, rest[0].removeprefix("IPPROTO_") if rest else "0"
