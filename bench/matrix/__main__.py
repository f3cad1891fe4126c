"""``python -m bench.matrix``（即 ``make matrix``）：全书与全部实验，在各种各样的机器上各做一遍。"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bench import Untested
from bench.matrix import guard, kernels, summary
from bench.matrix.situations import SITUATIONS, Situation
from sockscope.terminal import Parser, speak_chinese

ROOT = Path(__file__).parents[2]
QUICK = ["--cells", *(f"chapters/{name}.ipynb" for name in ("01_sockets", "05_closing")), "--experiments"]


def main(arguments: list[str] | None = None) -> int:
    """入口；有一处不同而没有说明缘故，或有一项没有做成，返回 1。"""
    speak_chinese()
    parser = Parser(prog="python -m bench.matrix", description="全书与全部实验，在各种各样的机器上各做一遍。")
    parser.add_argument("--only", nargs="+", metavar="名字", default=[], help="只做这几种（名字见 --list）")
    parser.add_argument("--quick", action="store_true", help="只做两章，不做实验：看机制是否正常")
    parser.add_argument("--differing", action="store_true", help="只把上一回不同的那几本、那几个实验再做一遍（改过以后用）")
    parser.add_argument("--list", action="store_true", help="列出各种机器")
    parser.add_argument("--kernels", nargs="*", metavar="版本",
                        help="在 QEMU 里换上 Debian 的别的内核；缺省是软件源里每个大版本一个")
    wanted = parser.parse_args(arguments)
    names = {situation.name for situation in SITUATIONS}
    if unknown := sorted(set(wanted.only) - names):
        print(f"没有这样的机器：{'、'.join(unknown)}；用 --list 看有哪些。", file=sys.stderr)
        return 2
    if wanted.list:
        print("\n".join(f"{situation.name:15} {situation.title}" for situation in SITUATIONS))
        return 0
    try:
        if wanted.kernels is not None:
            return on_kernels(wanted.kernels)
        chosen = [s for s in SITUATIONS if not wanted.only or s.name in wanted.only]
        return again(chosen) if wanted.differing else on_situations(chosen, quick=wanted.quick)
    except KeyboardInterrupt:
        print("停下了；机器已经恢复。", file=sys.stderr)
        return 130


# ---------------------------------------------------------------- 这台机器，换着参数

def on_situations(chosen: list[Situation], *, quick: bool) -> int:
    print(summary.heading(), flush=True)
    failures = [failure for situation in chosen for failure in one(situation, quick)]
    if not quick:
        summary.publish(SITUATIONS)
    print(f"{len(chosen)} 种机器，{len(failures)} 处不同或没有做成。" + "".join(f"\n  {line}" for line in failures))
    return int(bool(failures))


def one(situation: Situation, quick: bool) -> list[str]:
    """在一种机器上做一遍，打印它的一行；返回没有缘故的不同。"""
    start = time.monotonic()
    try:
        report = perform(situation, QUICK if quick else [])
    except Untested as reason:
        print(f"{situation.name:15} 没有做成：{reason}", flush=True)
        return [f"{situation.name}：{reason}"]
    print(summary.line(situation, report), f"{time.monotonic() - start:4.0f} 秒", flush=True)
    if not quick:
        summary.keep(situation, report)
    return [f"{situation.name}：{failure}" for failure in summary.failures(situation, report)]


def again(chosen: list[Situation]) -> int:
    """上一回不同的再做一遍，别的照旧；表里写着哪些是再做的。"""
    print(summary.heading(), flush=True)
    failures = []
    for situation in chosen:
        notebooks, names = summary.differing(situation)
        if notebooks or names:
            report = perform(situation, ["--cells", *notebooks, "--experiments", *names])
            print(summary.line(situation, report), flush=True)
            summary.amend(situation, report)
            failures += [f"{situation.name}：{failure}" for failure in summary.failures(situation, report)]
    summary.publish(SITUATIONS)
    print(f"{len(failures)} 处不同。" + "".join(f"\n  {line}" for line in failures))
    return int(bool(failures))


def perform(situation: Situation, options: list[str]) -> summary.Report:
    """布置好机器，运行 ``worker``，恢复机器。"""
    with situation.room() as room, guard.changed(situation.sysctl):
        command = ["setpriv", "--pdeathsig", "KILL", *room.before, room.python, "-P", "-m", "bench.matrix.worker",
                   *(["--lab"] if situation.lab else []), *options]
        changes = {**os.environ, **room.env, **situation.env}
        env = {name: value for name, value in changes.items() if value is not None}
        env["PYTHONPATH"] = ":".join(filter(None, [str(room.root), str(room.root / "src"), room.env.get("PYTHONPATH")]))
        done = subprocess.run(command, cwd=room.root, env=env, capture_output=True)
    if done.returncode:
        raise Untested((done.stderr.decode(errors="replace").strip() or f"退出码 {done.returncode}").splitlines()[-1])
    return json.loads(done.stdout)


# ---------------------------------------------------------------- 别的内核

def on_kernels(versions: list[str]) -> int:
    print(summary.heading(), flush=True)
    problems = 0
    for version in versions or kernels.available():
        try:
            report = json.loads(kernels.compare(version, [".venv/bin/python", "-m", "bench.matrix.worker", "--again", "3"]))
        except Untested as reason:
            problems += 1
            print(f"{version:15} 没有做成：{reason}", flush=True)
            continue
        print(summary.line(Situation(version.partition("-")[0], version), report), flush=True)
        summary.record(version, report)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
