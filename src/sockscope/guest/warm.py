"""热身：快照之前把要用的都用一遍。导入在模拟的处理器上要十几秒，快照里就都在内存里了。"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockscope.guest.shell import Shells

__all__ = ["settle", "warm_up"]

EXPERIMENTS = ["handshake", "closing", "urgent"]
CELL = """from sockscope import Network
with Network("client", "server") as net:
    net.client.socket().close()
net.trace"""


def warm_up(shells: Shells) -> None:
    """做几个实验、运行一格、出一次错。"""
    from sockscope import experiments
    from sockscope.widgets.report import payload

    known = experiments.names()
    for name in EXPERIMENTS:
        if name in known:
            payload(name, {})
    for source in (CELL, "1 / 0"):
        shells.run("", "", source, lambda output: None)
    shells.open.clear()


def settle() -> None:
    """快照之前把用不着的都还给内核：读过的文件、空出来的内存（``init_on_free`` 会把它清零，压缩之后不占地方）。"""
    import ctypes
    import gc

    gc.collect()
    gc.freeze()
    ctypes.CDLL(None).malloc_trim(0)
    _page_out()
    for name in ("drop_caches", "compact_memory", "drop_caches"):
        with open(f"/proc/sys/vm/{name}", "w") as control:
            control.write("1" if name == "compact_memory" else "3")  # 6.5 起，compact_memory 只认 1
    _wipe()


def _page_out() -> None:
    """程序与库的代码只用到的才留在内存里：先都还给内核，用到时一页页再从硬盘取（快照之前还要做几个实验，常用的就都回来了）。"""
    import ctypes

    with open("/sys/block/sda/queue/read_ahead_kb", "w") as control:
        control.write("0")
    madvise = ctypes.CDLL(None).madvise
    for start, length in list(_file_mappings()):
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), 21)  # MADV_PAGEOUT


def _file_mappings() -> Iterator[tuple[int, int]]:
    """这个进程只读地映射着的文件：``(起点, 长度)``。"""
    with open("/proc/self/maps") as table:
        for line in table:
            span, permissions, *_rest = fields = line.split()
            if len(fields) == 6 and fields[5].startswith("/") and "w" not in permissions:
                start, end = (int(edge, 16) for edge in span.split("-"))
                yield start, end - start


def _wipe() -> None:
    """把空着的内存都用一遍再放掉：启动时留在里面的东西（内核的压缩包、initramfs）就都清成了零。"""
    import mmap

    with open("/proc/meminfo") as table:
        free = next(int(line.split()[1]) for line in table if line.startswith("MemFree:")) * 1024
    with mmap.mmap(-1, free - 6 * 2**20) as room:
        for place in range(0, len(room), mmap.PAGESIZE):
            room[place] = 0
