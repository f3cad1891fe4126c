"""make bench 之后，机器与先前一模一样：别的程序在隔离里乱改一通，被 kill -9 也一样。"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bench import Untested, quarantine

ROOT = Path(__file__).parents[2]
POLLUTE = """
ip netns add bench-left-behind
for setting in net/ipv4/tcp_rmem='10240 87380 16777216' net/ipv4/ip_forward=1 net/core/rmem_max=16777216 \\
        net/core/netdev_max_backlog=5001 fs/file-max=1234567 kernel/pty/max=20001; do
    echo "${setting#*=}" > "/proc/sys/${setting%%=*}"
done 2>/dev/null
cat /proc/sys/net/ipv4/tcp_rmem
sleep 1000 & ip netns
"""
BENCH = f"""
import subprocess
from bench import quarantine
subprocess.run(quarantine.quarantined("sh", "-c", {POLLUTE + "wait"!r}))
"""
PATIENCE = 100.0  # 秒，只为不永远等下去


def machine() -> dict[str, str]:
    """机器此刻的样子：Mininet 会动的那些参数，和有名字的命名空间。"""
    names = ["net/ipv4/ip_forward", "net/core/netdev_max_backlog", "fs/file-max", "kernel/pty/max"]
    names += [f"net/ipv4/tcp_{way}mem" for way in "rw"] + [f"net/core/{way}mem_max" for way in "rw"]
    found = {name: Path("/proc/sys", name).read_text() for name in names if Path("/proc/sys", name).exists()}
    return found | {"netns": str(sorted(os.listdir("/run/netns"))) if os.path.isdir("/run/netns") else ""}


def children(pid: int) -> list[int]:
    """一个进程的全部后代。"""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


@pytest.fixture
def before():
    """之前的样子；之后必须一样，测试坏了也不许留下。"""
    found = machine()
    yield found
    after = machine()
    for name in (n for n in found if n != "netns" and after[n] != found[n]):
        Path("/proc/sys", name).write_text(found[name])


@pytest.fixture
def room():
    """这台机器隔得开；隔不开就只有一句话，什么也不运行。"""
    try:
        return quarantine.run("true").returncode == 0
    except Untested:
        return False


def test_what_pollutes_leaves_the_machine_as_it_was(before, room):
    if room:
        done = quarantine.run("sh", "-c", POLLUTE)
        assert done.stdout.split() == ["10240", "87380", "16777216", "bench-left-behind"], "它自己以为改成了"
    assert machine() == before


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_also_when_the_measuring_process_is_killed(before, room, how):
    if not room:
        return
    with subprocess.Popen([sys.executable, "-c", BENCH], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as bench:
        assert bench.stdout.readline().split() == ["10240", "87380", "16777216"]
        assert bench.stdout.readline().split() == ["bench-left-behind"]
        inside = [os.pidfd_open(pid) for pid in children(bench.pid)]
        assert len(inside) >= 3, "unshare、sh、sleep"
        bench.send_signal(how)
        for child in inside:
            assert select.select([child], [], [], PATIENCE)[0], "隔离里的进程还活着"
            os.close(child)
    assert machine() == before
