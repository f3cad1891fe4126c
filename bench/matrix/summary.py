"""结果：一种机器一行的表、没有缘故的不同、可以提交的摘要、别的内核的录制。"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.matrix.situations import Situation
from bench.matrix.worker import LUCK
from sockscope import experiments
from sockscope.cells.recordings import book_notebooks

__all__ = ["Report", "amend", "differing", "failures", "heading", "keep", "line", "publish", "record"]

ROOT = Path(__file__).parents[2]
WHOLE = ROOT / "_build" / "matrix.json"
SUMMARY = ROOT / "book" / "measurements" / "matrix.json"
RECORDINGS = ROOT / "recordings" / "kernels"
CHAPTERS = [f"{number:02}" for number in range(12)]
COLUMNS = [*CHAPTERS, "其余", "实验"]
Report = dict[str, Any]


def verdicts(report: Report) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """每一个结果：``(列, 名字, 裁决)``。"""
    for notebook, cells in report["cells"].items():
        stem = Path(notebook).stem
        column = stem[:2] if stem[:2] in CHAPTERS else "其余"
        yield from ((column, f"{stem} {cell}", verdict) for cell, verdict in cells.items())
    for name, variants in report["experiments"].items():
        yield from (("实验", f"{name} {key}", verdict) for key, verdict in variants.items())


def wrong(situation: Situation, report: Report) -> Iterator[tuple[str, str, str]]:
    """没有缘故的不同：``(列, 名字, 一句话)``。"""
    for column, name, verdict in verdicts(report):
        fine = verdict["verdict"] == "same" or (situation.lacks and verdict["verdict"] == "impossible")
        if not fine and name not in situation.finds and name.split(" ")[0] not in situation.finds:
            yield column, name, verdict.get("says", "")


def failures(situation: Situation, report: Report) -> list[str]:
    return [f"{name}：{says}" for _, name, says in wrong(situation, report)]


def counts(situation: Situation, report: Report) -> dict[str, int]:
    """每一列有几处没有缘故的不同；没有做的列不在其中。"""
    found = {column: 0 for column in COLUMNS if any(column == at for at, _, _ in verdicts(report))}
    for column, _, _ in wrong(situation, report):
        found[column] += 1
    return found


def heading() -> str:
    return f"{'':15} " + " ".join(f"{column:>3}" if column.isdigit() else f" {column}" for column in COLUMNS)


def line(situation: Situation, report: Report) -> str:
    """一种机器的一行：``·`` 是全都相同，空着是没有做。"""
    found = counts(situation, report)
    marks = (("·" if found[column] == 0 else str(found[column])) if column in found else "" for column in COLUMNS)
    widths = (3 if column.isdigit() else 5 for column in COLUMNS)
    return f"{situation.name:15} " + " ".join(f"{mark:>{width}}" for mark, width in zip(marks, widths, strict=True))


# ---------------------------------------------------------------- 存下来

def keep(situation: Situation, report: Report) -> None:
    """收进 ``_build/matrix.json``：不同的才写出来。"""
    told = {
        "title": situation.title, "way": "lab" if situation.lab else "compare", "kernel": report["kernel"],
        "python": report["python"], "level": report["capture"], "cells": total(report["cells"]),
        "experiments": total(report["experiments"]), "failures": counts(situation, report),
        "impossible": sum(verdict["verdict"] == "impossible" for _, _, verdict in verdicts(report)),
        "says": failures(situation, report), "finds": situation.finds}
    whole = load(WHOLE)
    whole[situation.name] = told
    WHOLE.parent.mkdir(exist_ok=True)
    WHOLE.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def differing(situation: Situation) -> tuple[list[str], list[str]]:
    """上一回不同的：``(哪几本笔记本, 哪几个实验)``。"""
    places = {said.split(" ")[0] for said in load(WHOLE).get(situation.name, {}).get("says", [])}
    notebooks = [notebook for notebook in book_notebooks() if Path(notebook).stem in places]
    return notebooks, [name for name in experiments.names() if name in places]


def amend(situation: Situation, report: Report) -> None:
    """再做过的换上新的结果；``again`` 记下是哪些。"""
    whole = load(WHOLE)
    told, fresh = whole[situation.name], counts(situation, report)
    told["failures"] |= fresh
    told["says"] = failures(situation, report)
    told["finds"] = situation.finds
    told["again"] = sorted({*told.get("again", []), *(Path(n).stem for n in report["cells"]), *report["experiments"]})
    WHOLE.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def total(found: dict[str, dict[str, Any]]) -> int:
    return sum(map(len, found.values()))


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def publish(situations: Iterable[Situation]) -> None:
    """每一种机器都做过了，就写下可以提交的摘要。"""
    whole = load(WHOLE)
    names = [situation.name for situation in situations]
    if all(name in whole for name in names):
        told = {"made": datetime.datetime.now(datetime.UTC).date().isoformat(), "situations": {n: whole[n] for n in names}}
        SUMMARY.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def record(version: str, report: Report) -> None:
    """一个内核的录制：每个实验、每一种不同留一个变体，连它的轨迹。"""
    kept = []
    for name, variants in sorted(report["experiments"].items()):
        kinds: dict[str, tuple[str, dict[str, Any]]] = {}
        for key, verdict in variants.items():
            if verdict["verdict"] == "different" and "trace" in verdict:
                kinds.setdefault(verdict["says"], (key, verdict))
        kept += [{"experiment": name, "variant": key, "says": kind, "trace": verdict["trace"]}
                 for kind, (key, verdict) in kinds.items()]
    unsteady = [f"{name} {key}" for name, variants in report["experiments"].items() for key, verdict in variants.items()
                if verdict.get("says", "").startswith(LUCK)]
    every = [verdict["verdict"] for variants in report["experiments"].values() for verdict in variants.values()]
    told = {"format": "sockscope-kernel/1", "kernel": report["kernel"], "package": version, "variants": len(every),
            "same": every.count("same"), "unsteady": unsteady,
            "cells": cells(report), "differences": kept}
    RECORDINGS.mkdir(exist_ok=True)
    (RECORDINGS / f"{version.split('-')[0].split('+')[0]}.json").write_text(
        json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace('{"experiment"', '\n{"experiment"') + "\n",
        encoding="utf-8")


def cells(report: Report) -> dict[str, Any]:
    """单元格：一共几格，不同的各是哪一格、哪一句。"""
    different = {f"{notebook} {cell}": verdict.get("says", "") for notebook, found in report["cells"].items()
                 for cell, verdict in found.items() if verdict["verdict"] != "same"}
    return {"all": total(report["cells"]), "different": different}
