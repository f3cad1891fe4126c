"""一个包的字节视图：按协议头切开，每块写明从第几字节到第几字节，头里各个字段占哪几个字节。

切到字段的边界为止，字段是什么意思由 ``Packet`` 自己的属性说；边界出自 RFC 791、8200、9293、768、792、9260。
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sockscope.trace import Packet

__all__ = ["dissect"]

TCP, UDP, SCTP = 6, 17, 132
CHUNKS = ("DATA", "INIT", "INIT ACK", "SACK", "HEARTBEAT", "HEARTBEAT ACK", "ABORT", "SHUTDOWN", "SHUTDOWN ACK",
          "ERROR", "COOKIE ECHO", "COOKIE ACK", "ECNE", "CWR", "SHUTDOWN COMPLETE")
ROW = 16
HEADS = {
    "IPv4 头": "1x版本与头长 1x服务类型 2总长度 2标识 2x标志与片偏移 1TTL 1协议 2x校验和 4a源地址 4a目的地址",
    "IPv6 头": "4x版本、类别与流标签 2载荷长度 1下一个头 1跳数 16a源地址 16a目的地址",
    "TCP 头": "2源端口 2目的端口 4序号 4确认号 1x头长 1x标志 2窗口 2x校验和 2紧急指针",
    "UDP 头": "2源端口 2目的端口 2长度 2x校验和",
    "SCTP 头": "2源端口 2目的端口 4x验证标签 4x校验和",
    "ICMP 头": "1类型 1代码 2x校验和 4x其余",
}
ECHO = "1类型 1代码 2x校验和 2标识 2序号"  # 回显请求与回答
CHUNK = "1类型 1x标志 2长度"
"""字段依次占几个字节；``x`` 写成十六进制，``a`` 是地址，``-`` 后面的字就是要写的全部，别的写成十进制。"""


def dissect(packet: Packet) -> list[dict[str, Any]]:
    """各块依次是 ``{"name", "start", "end", "rows", "fields"}``；``end`` 不含。合起来恰好是整个包。

    ``fields`` 是这一块的字段，从头排起，写法见 ``HEADS``；数据没有字段。
    """
    raw = bytes.fromhex(packet.raw)
    return [{"name": name, "start": start, "end": end, "rows": _rows(raw, start, end), "fields": _fields(name, raw[start:end])}
            for name, start, end in _blocks(raw) if end > start]


def _fields(name: str, block: bytes) -> list[str]:
    if name == "TCP 选项":
        return list(_options(block))
    if name == "ICMP 头" and block[0] in (0, 8, 128, 129):
        return ECHO.split()
    return (CHUNK if name.endswith(" 块") else HEADS.get(name, "")).split()


def _options(block: bytes) -> Iterator[str]:
    """TCP 的选项：一个字节编号，一个字节长度，连同它们自己；编号 0 与 1 没有长度（RFC 9293 §3.2、7323、2018）。"""
    at = 0
    while at < len(block):
        kind = block[at]
        size = 1 if kind < 2 else max(2, block[at + 1]) if at + 1 < len(block) else 1
        words = [int.from_bytes(block[k:k + 4]) for k in range(at + 2, at + size, 4)]
        value = int.from_bytes(block[at + 2:at + size])
        told = {0: "结束", 1: "填充", 2: f"MSS {value}", 3: f"窗口扩大 {value}", 4: "允许 SACK", 30: "MPTCP",
                5: "SACK " + "、".join(f"{a}–{b}" for a, b in zip(words[::2], words[1::2], strict=False)),
                8: "时间戳 " + "，回显 ".join(map(str, words))}
        yield f"{min(size, len(block) - at)}-{told.get(kind, f'选项 {kind}')}"
        at += size



def _blocks(raw: bytes) -> list[tuple[str, int, int]]:
    name, head, options, protocol = _ip(raw)
    blocks = [(f"{name} 头", 0, head), (f"{name} 选项", head, options)]
    if protocol == TCP and len(raw) >= options + 20:
        data = options + (raw[options + 12] >> 4) * 4
        blocks += [("TCP 头", options, options + 20), ("TCP 选项", options + 20, data), ("数据", data, len(raw))]
    elif protocol == UDP and len(raw) >= options + 8:
        blocks += [("UDP 头", options, options + 8), ("数据", options + 8, len(raw))]
    elif protocol == SCTP and len(raw) >= options + 12:
        blocks += [("SCTP 头", options, options + 12), *_chunks(raw, options + 12)]
    elif protocol in (1, 58) and len(raw) >= options + 8:
        inner = "引起差错的包" if raw[options] in ((3, 4, 5, 11, 12) if protocol == 1 else (1, 2, 3, 4)) else "数据"
        blocks += [("ICMP 头", options, options + 8), (inner, options + 8, len(raw))]
    else:
        blocks.append(("内容", options, len(raw)))
    return blocks


def _chunks(raw: bytes, start: int) -> Iterator[tuple[str, int, int]]:
    """SCTP 的块：一个字节编号，一个字节标志，两个字节长度；末尾补到 4 的倍数（RFC 9260 §3.2）。"""
    while start + 4 <= len(raw):
        number, length = raw[start], max(4, int.from_bytes(raw[start + 2:start + 4]))
        end = min(len(raw), start + (length + 3) // 4 * 4)
        yield f"{CHUNKS[number] if number < len(CHUNKS) else f'第 {number} 种'} 块", start, end
        start = end


def _ip(raw: bytes) -> tuple[str, int, int, int]:
    """(名字, 固定头的终点, 选项的终点, 上层协议)。后续的分片没有上层的头，协议记作 -1。"""
    if raw[0] >> 4 == 6:
        return "IPv6", 40, 40, raw[6]
    later = int.from_bytes(raw[6:8]) & 0x1FFF
    return "IPv4", 20, (raw[0] & 15) * 4, -1 if later else raw[9]


def _rows(raw: bytes, start: int, end: int) -> list[str]:
    """``0014  00 07 e7 68 …  ...h``：一行 16 字节，偏移从整个包的开头算起。"""
    rows = []
    for at in range(start, end, ROW):
        part = raw[at:min(at + ROW, end)]
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        rows.append(f"{at:04x}  {part.hex(' '):<{ROW * 3 - 1}}  {shown}")
    return rows
