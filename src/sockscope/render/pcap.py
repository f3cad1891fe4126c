"""导出成 pcap：Wireshark、tshark、tcpdump 都能打开。

一个包一条记录，时刻取它离开的那一刻（纳秒）；链路类型是 LINKTYPE_RAW：网线上走的就是 IP 包，没有以太网头。
录制的轨迹从录制那天的零点算起，刚刚发生的从 1970 年的零点算起：图里的 23.5 ms 就是文件里的 0.0235 s。
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from sockscope.trace import Trace

__all__ = ["dumps", "save"]

LINKTYPE_RAW = 101  # https://www.tcpdump.org/linktypes.html
SECOND = 1_000_000_000


def dumps(trace: Trace) -> bytes:
    """轨迹里全部的包，一个 pcap 文件的字节（纳秒精度）。丢失的包也在内：它们确实离开过。"""
    from scapy.utils import PcapWriter

    origin, buffer = _origin(trace), _Kept()
    with PcapWriter(buffer, linktype=LINKTYPE_RAW, nano=True) as writer:
        writer.write_header(None)
        for packet in trace.packets:
            seconds, rest = divmod(packet.t, SECOND)
            writer.write_packet(bytes.fromhex(packet.raw), sec=origin + seconds, usec=rest)
    return buffer.getvalue()


def save(trace: Trace, path: str | Path) -> None:
    """写成 ``.pcap`` 文件。"""
    Path(path).write_bytes(dumps(trace))


class _Kept(io.BytesIO):
    """写完不丢内容：PcapWriter 收尾时会关掉文件。"""

    def close(self) -> None:
        self.flush()


def _origin(trace: Trace) -> int:
    try:
        return int(datetime.fromisoformat(trace.recorded).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0
