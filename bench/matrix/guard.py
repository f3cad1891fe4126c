"""看守：改机器的参数之前，先把原值交给一个独立的进程；不管怎样结束，都由它改回来。

看守只有一个办法知道该收场了：读到管道的尽头。主进程正常结束、抛异常、被 Ctrl + C 或 ``kill -9``，管道都会关上，
所以恢复只有一条路，没有“来不及恢复”。看守自己不理会 Ctrl + C 和 SIGTERM，也不属于主进程的会话。
"""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Untested

__all__ = ["changed", "read"]

SYSCTL = Path("/proc/sys")
ROOT = Path(__file__).parents[2]
Values = dict[str, str]


@contextmanager
def changed(values: Values) -> Iterator[None]:
    """在这个 with 里，机器的这些参数取这些值；出去时恢复，恢复不了抛 ``OSError``。机器没有、不让改的抛 ``Untested``。"""
    if not values:
        yield
        return
    with turn() as lock:
        before = {name: read(name) for name in values}
        watch = subprocess.Popen([sys.executable, "-m", "bench.matrix.guard"], cwd=ROOT, text=True, pass_fds=[lock],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert watch.stdin
    assert watch.stdout
    try:
        watch.stdin.write(json.dumps(before) + "\n")
        watch.stdin.flush()
        watch.stdout.readline()  # 它已经收下
        for name, value in values.items():
            write(name, value)
        yield
    finally:
        watch.stdin.close()
        watch.stdout.read()
        watch.stdout.close()
        code = watch.wait()
    if code:
        raise OSError(f"机器的参数没有全改回去；原来是：{before}")


@contextmanager
def turn() -> Iterator[int]:
    """轮到自己：别人改着机器就等。锁交给看守拿着，它改完回去才放手，所以谁也不会把别人改成的当作原值。"""
    place = ROOT / "_build" / "machine.lock"
    place.parent.mkdir(exist_ok=True)
    with place.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def read(name: str) -> str:
    try:
        return " ".join((SYSCTL / name).read_text().split())
    except OSError as error:
        raise Untested(f"这台机器没有 {name}（{error.strerror}）。") from None


def write(name: str, value: str) -> None:
    try:
        (SYSCTL / name).write_text(value)
    except OSError as error:
        raise Untested(f"{name} 不能改成 {value}（{error.strerror}）。") from None
    if read(name) != value:
        raise Untested(f"{name} 改成 {value} 没有生效，仍是 {read(name)}。")


def watch() -> int:
    """看守进程：从标准输入收下原值，等到管道的尽头，改回去；返回退出码。"""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    before: Values = json.loads(sys.stdin.readline())
    print("ready", flush=True)
    sys.stdin.read()
    for _ in range(2):  # 有的参数互相牵制（rmem_default 不超过 rmem_max）：第二遍时都已就位
        for name, value in before.items():
            if read(name) != value:
                restore(name, value)
    return int(any(read(name) != value for name, value in before.items()))


def restore(name: str, value: str) -> None:
    try:
        (SYSCTL / name).write_text(value)
    except OSError as error:
        print(f"{name}：{error.strerror}", file=sys.stderr)


if __name__ == "__main__":
    argparse.ArgumentParser(description=watch.__doc__).parse_args()
    sys.exit(watch())
