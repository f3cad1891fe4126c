"""页内内核的成绩（附录 F）：全部实验在书页里各做一遍，与录制比较；启动要多少字节、多久。

数字都在 ``book/measurements/page_kernel.json`` 里，由 ``python -m bench.page_kernel`` 写成。
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sockscope import experiments, places
from sockscope.cells.made import made
from sockscope.pages.prose import Table

__all__ = ["FORMAT", "load", "page_kernel_cost", "page_kernel_older", "page_kernel_table"]

FORMAT = "sockscope-page-kernel/1"
PLACE = places.ROOT / "book" / "measurements" / "page_kernel.json"
OLDER = PLACE.with_name("page_kernel_older.json")
VERDICTS = {"same": "同", "differs": "不同", "impossible": "做不了"}


@cache
def load(place: Path = PLACE) -> dict[str, Any]:
    """那一次测量。不合格式抛 ``ValueError``。"""
    told: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    if told.get("format") != FORMAT:
        raise ValueError(f"{place.name} 的 format 应为 {FORMAT!r}。运行 python -m bench.page_kernel 重测。")
    return told


@made()
def page_kernel_cost() -> Table:
    """启动要多少，做一次要多少。"""
    told = load()
    times, memory = told["times"], told["memory"]
    machine = f"{told['browser']}，{told['cores']} 个核；{told['date']}"
    return Table(["什么", "多少", "怎样量的"], [
        ("启动时取", f"{told['bytes'] / 1e6:.1f} MB", f"网站送出去的字节\n{told['kernel']}，Python {told['python']}"),
        ("点下去，到能用", seconds(told["awake_ms"]), machine),
        ("点下去，到第一幅图", seconds(times["first_figure_ms"]), "第一次做实验，处理器的翻译还是冷的"),
        (f"之后的 {times['next']} 次", seconds(times["median_ms"]), f"中位数；二十次里最慢的一次 {seconds(times['p95_ms'])}"),
        ("浏览器的内存", f"{memory['after']} MB", f"全部做完之后；启动之前 {memory['before']} MB，启动好 {memory['awake']} MB"),
    ])


@made()
def page_kernel_table() -> Table:
    """全部实验的缺省变体：与录制相同、不同（为什么）、做不了（为什么）。"""
    told = load()
    chapters = [f"第 {Path(name).name[:2]} 章 {of(cells, '格')}" for name, cells in told["cells"].items()]
    caption = "；".join([f"{of(told['experiments'], '个实验')}", *chapters])
    return Table(["实验", "与书上", "用时"], rows(told["experiments"]), caption=f"与书上相同的：{caption}。")


@made()
def page_kernel_older() -> Table:
    """换一个旧一些的内核，同样做一遍：只列与书上不同的。"""
    told = load(OLDER)
    other = {name: one for name, one in told["experiments"].items() if one["verdict"] != "same"}
    return Table(["实验", "与书上", "用时"], rows(other),
                 caption=f"{told['kernel']}：{of(told['experiments'], '个实验')}与书上相同；其余的在这里。")


def of(found: dict[str, dict[str, Any]], what: str) -> str:
    """几个里有几个相同。"""
    return f"{len(found)} {what}里的 {sum(one['verdict'] == 'same' for one in found.values())} {what[0]}"


def rows(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """一个实验一行，按章。"""
    for name in experiments.names():
        if name in found:
            told, wanted = found[name], experiments.get(name)
            verdict = VERDICTS[told["verdict"]] + "，写法不同" * (told["verdict"] == "same" and "why" in told)
            why = told.get("why") or (told["says"] if told["verdict"] != "same" else "")
            yield f"{wanted.title}\n{wanted.place} `{name}`", verdict, "\n".join(filter(None, [seconds(told["ms"]), why]))


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} 秒"
