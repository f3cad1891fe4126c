"""``python -m bench.mutants``：批改别人的人，自己也要考：范例改错一处，考官看得出几个？写成 book/mutants.json。

一个变异被“杀死”，是说至少有一项检查没有通过；另外数一数，有没有哪项检查一个变异也没有杀死过。
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sockscope.grading.course.source import Sample, samples
from sockscope.grading.exam.lab import Lab, labs
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Plain
from sockscope.terminal import Parser, speak_chinese

TARGET = Path(__file__).parents[1] / "book" / "mutants.json"
AT_ONCE = 6


def killers(lab: Lab, mutant: Sample) -> list[str]:
    """看得出这个变异的检查。"""
    return [name for name, check in lab.checks.items() if examine(check, mutant.answers, Plain(), 11).status == "failed"]


def examined(lab: Lab) -> dict[str, Any]:
    """一个练习：变异几个，死了几个，活下来的是哪几个，哪项检查从没有派上用场。"""
    mutants = [s for s in samples(lab) if s.fails]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip((m.name for m in mutants), pool.map(lambda m: killers(lab, m), mutants), strict=True))
    useful = {name for names in found.values() for name in names}
    return {"lab": lab.name, "mutants": len(mutants), "killed": sum(map(bool, found.values())),
            "survivors": {m.name: m.story for m in mutants if not found[m.name]},
            "idle_checks": sorted(set(lab.checks) - useful), "killers": found}


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    parser = Parser(prog="python -m bench.mutants", description="范例改错一处，考官看得出几个？写成 book/mutants.json。")
    parser.add_argument("--only", metavar="练习", nargs="+", default=[], choices=list(labs()), help="只考这几个，别的照旧")
    only = parser.parse_args(arguments).only
    kept = {row["lab"]: row for row in json.loads(TARGET.read_text(encoding="utf-8"))} if only else {}
    rows = []
    for lab in labs().values():
        if only and lab.name not in only:
            rows += [kept[lab.name]] if lab.name in kept else []
            continue
        rows.append(examined(lab))
        print(f"{lab.name}：{rows[-1]['mutants']} 个变异，杀死 {rows[-1]['killed']} 个，"
              f"活下来 {list(rows[-1]['survivors'])}，没有派上用场的检查 {rows[-1]['idle_checks']}", flush=True)
    total, killed = sum(r["mutants"] for r in rows), sum(r["killed"] for r in rows)
    print(f"合计 {total} 个，杀死 {killed} 个（{killed / total:.0%}，目标 95%）")
    TARGET.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return int(killed / total < 0.95)


if __name__ == "__main__":
    sys.exit(main())
