"""导出成 pcapng：Wireshark、tshark、tcpdump 都能打开。

一根网线一个接口，名字是它的两端；一个包一条记录，时刻取它离开的那一刻（纳秒），没有送达的、多送的在注释里写明。
链路类型是 LINKTYPE_RAW：网线上走的就是 IP 包，没有以太网头。
录制的轨迹从录制那天的零点算起，刚刚发生的从 1970 年的零点算起：图里的 23.5 ms 就是文件里的 0.0235 s。
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sockscope.render.labels import FATES
from sockscope.trace import Cable, Packet, Trace, TraceError

__all__ = ["dumps", "save"]

LINKTYPE_RAW = 101  # https://www.tcpdump.org/linktypes.html
SECOND = 1_000_000_000
LAST = 9_000_000_000  # 更晚的日期，64 位的纳秒写不下
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6  # 块的种类，pcapng §4.1–4.3
COMMENT, NAME, RESOLUTION, SYSTEM = 1, 2, 9, 3  # 选项的编号；SYSTEM（shb_os）只在文件头里
NANOSECONDS = b"\x09"  # 时刻的单位是 10 的负 9 次方秒
FATE = {"lost": "网线随机弄丢，没有送达", "dropped": "被剪刀或规则丢弃，没有送达", "cut": "网线断着，没有送达",
        "duplicate": "网线多送的一份", "overflow": "网线的队列满了，没有送达"}


def dumps(trace: Trace) -> bytes:
    """轨迹里全部的包，一个 pcapng 文件的字节。丢失的包也在内：它们确实离开过。没有抓包的轨迹抛 ``TraceError``。"""
    if trace.capture != "cable":
        raise TraceError("这条轨迹没有抓包，存不成 pcapng；这台机器缺什么、怎样补上，运行 sockscope machine 看。")
    return b"".join(_blocks(trace))


def save(trace: Trace, path: str | Path) -> None:
    """写成文件；没有抓包的轨迹抛 ``TraceError``，一个字节也不写。"""
    Path(path).write_bytes(dumps(trace))


def _blocks(trace: Trace) -> Iterator[bytes]:
    system = [(SYSTEM, trace.kernel.encode())] if trace.kernel else []
    title = [(COMMENT, trace.title.encode())] if trace.title else []
    yield _block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), title + system)
    for number, cable in enumerate(trace.cables):
        name = _name(number, cable).encode()
        yield _block(INTERFACE, struct.pack("<HHI", LINKTYPE_RAW, 0, 0), [(NAME, name), (RESOLUTION, NANOSECONDS)])
    origin = _origin(trace)
    for packet in trace.packets:
        yield _record(packet, origin * SECOND + packet.t)


def _name(number: int, cable: Cable) -> str:
    """``cable0 client-server``。"""
    return f"cable{number} {'-'.join(cable.ends)}"


def _record(packet: Packet, t: int) -> bytes:
    raw = bytes.fromhex(packet.raw)
    head = struct.pack("<IIIII", packet.cable, t >> 32, t & 0xFFFFFFFF, len(raw), len(raw))
    comment = [(COMMENT, f"{FATES[packet.fate]}：{FATE[packet.fate]}".encode())] if packet.fate in FATE else []
    return _block(PACKET, head + _padded(raw), comment)


def _block(kind: int, body: bytes, options: list[tuple[int, bytes]]) -> bytes:
    """一块：种类、长度、内容、选项、再写一遍长度，都补到四个字节的倍数（pcapng §3.1）。"""
    rest = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    body += rest + bytes(4) * bool(options)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def _origin(trace: Trace) -> int:
    try:
        return min(max(0, int(datetime.fromisoformat(trace.recorded).replace(tzinfo=UTC).timestamp())), LAST)
    except ValueError:
        return 0
