"""构建全书：由来源和录制排成，不执行任何东西。只在来源变化时动手；同时来几个，第一个做，其余的等它做完。

排在 ``_build/work``，排好了才换下 ``_build/html``：那里总是一本完整的书，没有排成也还是上一本。
单元格的源码改过、录制不再算数的，这台机器能抓包就执行那一本，不能就说出是哪几格。

用法：python book/build.py [--force]
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sockscope.terminal import Parser, speak_chinese

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"

# 每一组来源变化时的后果不同：page 只重排那几页；house 整本重排。
SOURCES = {
    "page": ["index.md", "chapters/*.ipynb", "book/*.md", "book/*.ipynb"],
    "house": ["_config.yml", "_toc.yml", "book/*.py", "book/ext/**/*", "book/_templates/**/*", "book/_assets/**/*",
              "src/sockscope/**/*", "recordings/**/*", "chapters/c/*", "book/facts/*", "book/measurements/*", "book/*.toml",
              "book/*.json", "labs/*/*", "requirements.txt", "_build/page-kernel/site/current.json"],
}
JUNK = {"__pycache__", ".ipynb_checkpoints"}


def main() -> int:
    speak_chinese()
    parser = Parser(description="构建全书到 _build/html，只在来源变化时。")
    parser.add_argument("--force", action="store_true", help="来源没有变也重来")
    force = parser.parse_args().force
    with alone():
        return build(force)


def build(force: bool = False) -> int:
    """构建，或者看出不必；返回退出码。"""
    stamp, new = BUILD / "sources.json", fingerprints()
    old = json.loads(stamp.read_text()) if stamp.exists() else {}
    if old == new and (BUILD / "html" / "index.html").exists() and not force:
        print("• 书是最新的")
        return 0
    print("• 构建全书", flush=True)
    started = time.monotonic()
    refresh_cells()
    work = BUILD / "work"
    if force or old.get("house") != new["house"]:
        shutil.rmtree(work / "doctrees", ignore_errors=True)
    status, lines = typeset(work)
    (BUILD / "build.log").write_text("\n".join(lines), encoding="utf-8")
    if status:
        kept = "；_build/html 里还是上一本" if (BUILD / "html").exists() else ""
        print("\n".join(causes(lines)), f"\n• 书没有构建成功，原因见上，全部输出在 _build/build.log{kept}。", file=sys.stderr)
        return 1
    publish(work / "html")
    stamp.write_text(json.dumps(new, indent=1))
    print(f"• 书已构建，用时 {time.monotonic() - started:.0f} 秒", flush=True)
    return 0


# ---------------------------------------------------------------- 来源

def fingerprints() -> dict[str, str]:
    """每一组来源的内容摘要。"""
    return {group: digest(files(patterns)) for group, patterns in SOURCES.items()}


def files(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not JUNK & set(path.parts):
                yield path


def digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


# ---------------------------------------------------------------- 改过的单元格

def refresh_cells() -> None:
    """改过的单元格：能抓包就执行那几本，结果放在 ``_build/cells``；不能就说出名字，页面上也会写明。"""
    from sockscope.cells.recordings import Book, book_notebooks, sources

    fresh, stale = BUILD / "cells", {}
    for notebook in book_notebooks():
        again = Book.load(notebook, fresh)
        missing = [name for name in Book.load(notebook).stale() if again.outputs(name, dict(sources(notebook))[name]) is None]
        if missing:
            stale[notebook] = missing
    for problem in execute(stale, fresh) if stale else ():
        print(f"  {problem}", flush=True)


def execute(stale: dict[str, list[str]], fresh: Path) -> Iterator[str]:
    """在这台机器上执行有单元格改过的几本；没有录成的，一处一句。"""
    from sockscope.cells.outputs import failure
    from sockscope.cells.runner import errors, run_all
    from sockscope.live.capability import capability

    if (found := capability()).level != "cable":
        for notebook, names in stale.items():
            yield f"{notebook} 里改过的单元格没有录制：{'、'.join(names)}。{found.sentence}"
        return
    print(f"  有单元格改过，执行 {'、'.join(stale)}", flush=True)
    for notebook, made in run_all(stale):
        if isinstance(made, Exception):
            yield f"{made}改过的单元格没有录制：{'、'.join(stale[notebook])}。"
            continue
        for name, output in errors(made):
            yield f"{notebook} 的 {name} 没有录制：{failure(output)}"
        made.save(fresh)


# ---------------------------------------------------------------- 排版

def typeset(work: Path) -> tuple[int, list[str]]:
    """排版，把进度说成中文；返回退出码和全部输出。"""
    command = [sys.executable, str(ROOT / "book" / "typeset.py"), str(work / "html"), str(work / "doctrees"),
               str(os.cpu_count() or 1)]
    environment = {**os.environ, "PYTHONUTF8": "1"}  # 来源都是 UTF-8，不管读者的语言环境是什么
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                          cwd=ROOT, env=environment) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line.rstrip())
            report(lines[-1])
    return process.returncode, lines


def report(line: str) -> None:
    """把值得读者看的几行打印出来。"""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    if progress := re.match(r"(reading sources|writing output)\.\.\. ?\[ *(\d+)%\]", plain):
        print(f"  {'读来源' if progress[1].startswith('r') else '写网页'} {progress[2]}%", flush=True)
    elif "WARNING:" in plain or "ERROR:" in plain:
        print(f"  {plain}", flush=True)


def causes(lines: list[str]) -> list[str]:
    """从全部输出里挑出说明原因的几行。"""
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    telling = [line for line in plain if re.match(r"\S*(Error|Exception|Warning): |.*(WARNING|ERROR): ", line)]
    return list(dict.fromkeys(telling))[:20] or plain[-20:]


def publish(made: Path) -> None:
    """换上排好的一本：先抄在旁边，再换名字。"""
    new, old, place = BUILD / "html.new", BUILD / "html.old", BUILD / "html"
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(made, new)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def alone() -> Iterator[None]:
    """别人正在构建，就等他做完（flock(2)；没有它的系统上不等）。进程没了，锁也就没了。"""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "lock", "w") as file:
        try:
            import fcntl
        except ImportError:
            pass
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
