"""在某一种机器上运行：单元格与实验都再做一遍，与录制比较，结果（JSON）写到标准输出。

``python -m bench.matrix.worker``；``--lab`` 则像读者在 Lab 里“运行全部”那样，只看有没有哪一格以出错告终。
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

from sockscope import experiments, places
from sockscope.cells import runner
from sockscope.cells.my_kernel import Finding, Report, compare_all, judged
from sockscope.cells.outputs import kept
from sockscope.cells.recordings import book_notebooks
from sockscope.experiments.recheck import Run, perform_all, team
from sockscope.terminal import Parser

LUCK = "时有时无："


def main() -> int:
    parser = Parser(prog="python -m bench.matrix.worker", description="在这台机器上再做一遍，结果（JSON）写到标准输出。")
    parser.add_argument("--lab", action="store_true", help="像读者在 Lab 里那样，只看有没有哪一格以出错告终")
    parser.add_argument("--cells", nargs="*", metavar="笔记本", default=book_notebooks(), help="只做这几本")
    parser.add_argument("--experiments", nargs="*", metavar="实验", default=experiments.names(), help="只做这几个")
    parser.add_argument("--again", type=int, metavar="几次", default=0, help="不同的再单独做几次，看是内核还是运气")
    wanted = parser.parse_args()
    report = lab(wanted.cells, wanted.experiments) if wanted.lab else compare_all(wanted.cells, wanted.experiments, progress)
    if wanted.again:
        report.findings = confirmed(report.findings, wanted.again)
    json.dump(report.to_json(), sys.stdout, ensure_ascii=True)
    return 0


def progress(done: int, total: int, what: str) -> None:
    """进展写到标准错误：虚拟机里的要做很久，外面看得见它到了哪里。"""
    if done * 20 // total > (done - 1) * 20 // total:
        print(f"{done * 100 // total}%  {what}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- 内核还是运气

def confirmed(findings: list[Finding], times: int) -> list[Finding]:
    """不同的变体一个一个单独再做几次：每次的第一处不同都一样，才是内核的不同，否则是这台（慢的）机器的运气，注明。"""
    found = {(f.place, f.name): f for f in findings if f.kind == "experiments" and f.verdict == "different"}
    runs = [Run(*where) for where in found] * times
    with team(1) as pool:
        for again in map(judged, perform_all(pool, runs) if runs else ()):
            first = found[again.place, again.name]
            if again.says != first.says and not first.says.startswith(LUCK):
                found[again.place, again.name] = replace(first, says=f"{LUCK}{first.says}", trace=None)
    return [found.get((f.place, f.name), f) if f.kind == "experiments" else f for f in findings]


# ---------------------------------------------------------------- 像在 Lab 里

def lab(notebooks: Iterable[str], wanted: Iterable[str]) -> Report:
    """每一格都要到头，没有一格以出错告终；每个实验无论如何都有一条轨迹（做不了就是录制）。"""
    found = [finding for notebook in notebooks for finding in reached_the_end(notebook)]
    return Report(findings=[*found, *map(observed, wanted)])


def reached_the_end(notebook: str) -> Iterator[Finding]:
    """运行全部，一格一个结论。"""
    import nbformat
    from nbclient import NotebookClient

    path = places.ROOT / notebook
    whole = nbformat.read(path, as_version=4)
    client = NotebookClient(whole, timeout=runner.LIMIT, allow_errors=True, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except Exception as error:
        yield Finding("cells", notebook, "*", "different", f"没有到头：{type(error).__name__}：{error}")
        return
    for cell in (cell for cell in whole.cells if cell.cell_type == "code"):
        wrong = next((f"{o['error']}：{o['says']}" for o in kept(cell.outputs) if "error" in o), "")
        yield Finding("cells", notebook, cell.id, "different" if wrong else "same", wrong)


def observed(name: str) -> Finding:
    """做得了就做，做不了就放录制。"""
    try:
        experiments.get(name).observe()
    except Exception as error:
        return Finding("experiments", name, "default", "different", f"{type(error).__name__}：{error}")
    return Finding("experiments", name, "default", "same")


if __name__ == "__main__":
    sys.exit(main())
