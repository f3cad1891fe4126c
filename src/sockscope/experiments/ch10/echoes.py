"""第 10 章手写的 ICMP 回显请求，和它的校验和。"""

from __future__ import annotations

import struct
from socket import IP_HDRINCL, IPPROTO_IP, inet_aton, socket

__all__ = ["TEXT", "checksum", "echo", "header", "write_headers"]

TEXT = b"hello"
IDENTIFIER = 7  # ping(8) 用它认出哪些应答是自己的；这里固定下来，两次运行才好比较


def checksum(data: bytes) -> int:
    """互联网校验和（RFC 1071）：按 16 位相加，进位加回末位，取反。"""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(number: int = 1, correct: bool = True) -> bytes:
    """一个回显请求（RFC 792）：类型 8，代码 0，校验和，标识，序号，数据。``correct=False`` 则校验和留 0。"""
    blank = struct.pack("!BBHHH", 8, 0, 0, IDENTIFIER, number) + TEXT
    return blank[:2] + struct.pack("!H", checksum(blank) if correct else 0) + blank[4:]


def header(source: str, target: str, ttl: int = 64) -> bytes:
    """一个 IPv4 首部（RFC 791），总长、标识、校验和都留 0，请内核填。"""
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, ttl, 1, 0, inet_aton(source), inet_aton(target))


def write_headers(sock: socket) -> None:
    """从此 IP 首部也由程序来写（ip(7) 的 IP_HDRINCL）。"""
    sock.setsockopt(IPPROTO_IP, IP_HDRINCL, 1)
