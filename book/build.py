"""构建全书：只在来源变化时动手，程序变化时连执行缓存一起重来。同时来几个，第一个做，其余的等它做完。

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
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import single_nb_execution
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "_build" / "html"
STAMP = ROOT / "_build" / "sources.json"
LOG = ROOT / "_build" / "build.log"
LOCK = ROOT / "_build" / "lock"
CACHE = ROOT / "_build" / ".jupyter_cache"

# 每一组来源变化时的后果不同：page 增量构建；house 整本重排；program 连单元格也重新执行。
SOURCES = {
    "page": ["index.md", "chapters/**/*.ipynb", "book/*.md", "book/*.ipynb"],
    "house": ["_config.yml", "_toc.yml", "book/build.py", "book/ext/**/*", "book/_templates/**/*", "book/_assets/**/*"],
    "program": ["src/sockscope/**/*", "recordings/*", "chapters/c/*", "book/facts/*", "book/measurements/*", "book/*.toml",
                "book/*.json", "book/_assets/teaching/*", "labs/*/*", "requirements.txt"],
}


def fingerprints() -> dict[str, str]:
    """每一组来源的内容摘要。"""
    return {group: digest(files(patterns)) for group, patterns in SOURCES.items()}


def files(patterns: list[str]) -> Iterator[Path]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
                yield path


def digest(paths: Iterator[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def prepare(old: dict[str, str], new: dict[str, str]) -> None:
    """删掉不能再用的旧产物。"""
    if old.get("program") != new["program"]:
        shutil.rmtree(CACHE, ignore_errors=True)
    if any(old.get(group) != new[group] for group in ("house", "program")):
        shutil.rmtree(ROOT / "_build" / ".doctrees", ignore_errors=True)
        shutil.rmtree(OUTPUT, ignore_errors=True)


def execute() -> None:
    """几本同时执行，结果放进缓存：Jupyter Book 自己只会一本一本地来。出错的一本留给它再来一次，由它说清楚错在哪里。"""
    cache = get_cache(CACHE)
    os.environ["SOCKSCOPE_BOOK"] = "1"  # 如 book/ext/explorer_static.py
    limit = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["execute"]["timeout"]
    waiting = {path: book for path in files(["chapters/*.ipynb", "book/*.ipynb"]) if not known(cache, book := read(path))}
    with ProcessPoolExecutor(initializer=settle_in) as pool:
        work = {pool.submit(single_nb_execution, book, str(path.parent), limit, False): path
                for path, book in waiting.items()}
        for done in as_completed(work):
            path, result = work[done], done.result()
            print(f"  执行了 {path.name}，{result.time:.0f} 秒" if result.err is None else f"  {path.name} 出了错", flush=True)
            if result.err is None:
                bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def settle_in() -> None:
    """执行笔记本的进程不比构建的进程活得久；内核启动时在标准错误上的闲话，不给读者看。"""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if sys.platform == "linux":
        from sockscope.live.forge import die_with

        die_with(os.getppid())


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def known(cache: JupyterCacheAbstract, book: NotebookNode) -> bool:
    """这本笔记本执行过没有，单元格一字不差。"""
    try:
        return bool(cache.match_cache_notebook(book))
    except KeyError:
        return False


def run() -> tuple[int, list[str]]:
    """运行 Jupyter Book，把进度说成中文；返回退出码和全部输出。"""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT), "-W", "--keep-going", "-n"]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line.rstrip())
            report(lines[-1])
    return process.returncode, lines


def report(line: str) -> None:
    """把值得读者看的几行打印出来：正在执行哪一章，正在排版，警告。"""
    if "Executing notebook using" in line:
        print(f"  执行 {Path(line.split('Executing notebook using')[0].split(':')[0]).name}", flush=True)
    elif line.startswith("preparing documents"):
        print("  排版……", flush=True)
    elif "WARNING:" in line or "ERROR:" in line:
        print(f"  {line}", flush=True)


def causes(lines: list[str]) -> list[str]:
    """从全部输出里挑出说明原因的几行：出错的单元格和它的异常，警告。"""
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    telling = [line for line in plain if re.match(r"\S*(Error|Exception|Warning): |-+>|.*(WARNING|ERROR): ", line)]
    return list(dict.fromkeys(telling))[:20] or plain[-20:]


@contextmanager
def alone() -> Iterator[None]:
    """别人正在构建，就等他做完（flock(2)；没有它的系统上不等）。进程没了，锁也就没了。"""
    LOCK.parent.mkdir(exist_ok=True)
    with open(LOCK, "w") as file:
        try:
            import fcntl
        except ImportError:
            pass
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    with alone():
        return build()


def build() -> int:
    """构建，或者看出不必；返回退出码。"""
    new = fingerprints()
    old = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    if old == new and (OUTPUT / "index.html").exists() and "--force" not in sys.argv:
        print("• 书是最新的")
        return 0
    print("• 构建全书（每一章的单元格都会真的运行一遍）", flush=True)
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    prepare({} if "--force" in sys.argv else old, new)
    execute()
    status, lines = run()
    LOG.write_text("\n".join(lines), encoding="utf-8")
    if status:
        print("\n".join(causes(lines)), f"\n• 书没有构建成功，原因见上；全部输出在 {LOG.relative_to(ROOT)}。", file=sys.stderr)
        return status
    STAMP.write_text(json.dumps(new, indent=1))
    print(f"• 书已构建，用时 {time.monotonic() - started:.0f} 秒")
    return 0


if __name__ == "__main__":
    sys.exit(main())
