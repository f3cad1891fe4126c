"""像网卡那样替内核做事的网口：算校验和（checksum offload），切段（TSO）与合段（GRO）。

算校验和：Linux 6.11 之前，没有这种本事的网口上用不了 UDP_SEGMENT（EIO），而 TUN 生来没有。要问它的实验（``segmenting``）
在那些内核上就给网口这一样。

切段与合段：内核一次交出几十千字节的一整串 TCP 段（``Burst``），头上写着每段多长；网线把它整个交给对端的内核，只读写一次，
大的传输因此快许多倍，与真的网卡一样。轨迹里照样一段一个包，到有人看的时候才切；网线要单独对待其中一段（丢、乱序、限速）时，
当场切开，一段一段地送。

两样都叫包的前面多一个头：<linux/virtio_net.h> 的 struct virtio_net_hdr。
"""

from __future__ import annotations

import functools
import platform
import re
import struct

__all__ = ["BLANK", "CHECKSUMS", "SEGMENTS", "Burst", "completed", "needed"]

CHECKSUMS, SEGMENTS = 1, 1 | 2 | 4  # <linux/if_tun.h> 的 TUN_F_CSUM、TUN_F_TSO4、TUN_F_TSO6
HEADER = struct.Struct("=BBHHHH")  # flags、gso_type、hdr_len、gso_size、csum_start、csum_offset
BLANK = bytes(HEADER.size)
"""送进内核的包前面的头：什么也不必内核做。"""
NEEDS_CSUM = 1
TCPV4, TCPV6 = 1, 4  # gso_type；0x80 是 ECN
FIN, PSH, CWR = 0x01, 0x08, 0x80
UDP_PLACE = 6  # 校验和在 UDP 头里的位置；UDP 的 0 是“没有校验和”，算出 0 就写 0xffff（RFC 768）


@functools.cache
def needed() -> bool:
    """这个内核是不是 6.11 之前的。"""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return found is not None and (int(found[1]), int(found[2])) < (6, 11)


def completed(message: bytes) -> bytes:
    """去掉前面的头；内核没有算校验和的，补上：那里已经写着伪首部的和（RFC 1071）。"""
    flags, _type, _length, _size, start, place = HEADER.unpack_from(message)
    raw = message[HEADER.size:]
    if not flags & NEEDS_CSUM:
        return raw
    value = (0xFFFF - _sum(raw[start:])) % 0xFFFF or (0xFFFF if place == UDP_PLACE else 0)
    return raw[:start + place] + value.to_bytes(2) + raw[start + place + 2:]


def _sum(data: bytes) -> int:
    """反码和：2 的 16 次方除以 65535 余 1。"""
    return int.from_bytes(data + bytes(len(data) % 2)) % 0xFFFF


class Burst:
    """内核一次交出的一整串 TCP 段。``count`` 是几段；``segment(k)`` 切出第 k 段，与内核自己切的一样。"""

    def __init__(self, message: bytes) -> None:
        self.message, self.size = message, HEADER.unpack_from(message)[3]
        self.raw = memoryview(message)[HEADER.size:]  # 几十千字节，不抄
        self.start = (self.raw[0] & 15) * 4 if self.raw[0] >> 4 == 4 else 40
        self.head = self.start + (self.raw[self.start + 12] >> 4) * 4
        self.count = -(-(len(self.raw) - self.head) // self.size)

    @classmethod
    def of(cls, message: bytes) -> Burst | None:
        """这一次交出的是不是一整串。"""
        return cls(message) if message[1] & 0x7F in (TCPV4, TCPV6) else None

    def segment(self, k: int) -> bytes:
        """第 ``k`` 段，完整的一个 IP 包，校验和也算好。"""
        data = bytes(self.raw[self.head + k * self.size:self.head + (k + 1) * self.size])
        ip, tcp = bytearray(self.raw[:self.start]), bytearray(self.raw[self.start:self.head])
        sequence = int.from_bytes(tcp[4:8]) + k * self.size
        tcp[4:8] = (sequence & 0xFFFFFFFF).to_bytes(4)
        tcp[13] &= 0xFF ^ ((CWR if k else 0) | (FIN | PSH if k < self.count - 1 else 0))
        tcp[16:18] = b"\0\0"
        addresses = self._addressed(ip, len(tcp) + len(data), k)
        pseudo = addresses + struct.pack("!HH", 6, len(tcp) + len(data))
        tcp[16:18] = ((0xFFFF - _sum(b"".join((pseudo, tcp, data)))) % 0xFFFF).to_bytes(2)
        return b"".join((ip, tcp, data))

    def _addressed(self, ip: bytearray, length: int, k: int) -> bytes:
        """改好这一段的 IP 首部，返回它的两个地址。"""
        if ip[0] >> 4 == 6:
            ip[4:6] = length.to_bytes(2)
            return bytes(ip[8:40])
        ip[2:4] = (len(ip) + length).to_bytes(2)
        ip[4:6] = ((int.from_bytes(ip[4:6]) + k) & 0xFFFF).to_bytes(2)
        ip[10:12] = b"\0\0"
        ip[10:12] = ((0xFFFF - _sum(bytes(ip))) % 0xFFFF).to_bytes(2)
        return bytes(ip[12:20])
