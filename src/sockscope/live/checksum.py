"""替内核算校验和的网口：像有硬件的那些，内核交出来的包还没有校验和，由网线补上。

Linux 6.11 之前，没有这种本事的网口上用不了 UDP_SEGMENT（EIO），而 TUN 生来没有。要问它的实验（``segmenting``）
在那些内核上就给网口这一样；别的实验、别的内核不用它。包的前面因此多一个头：<linux/virtio_net.h> 的 struct virtio_net_hdr。
"""

from __future__ import annotations

import functools
import platform
import re
import struct

__all__ = ["BLANK", "completed", "needed"]

HEADER = struct.Struct("=BBHHHH")  # flags、gso_type、hdr_len、gso_size、csum_start、csum_offset
BLANK = bytes(HEADER.size)
"""送进内核的包前面的头：什么也不必内核做。"""
NEEDS_CSUM = 1
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
    covered = raw[start:] + bytes(len(raw[start:]) % 2)
    total = int.from_bytes(covered) % 0xFFFF  # 反码和：2 的 16 次方除以 65535 余 1
    value = (0xFFFF - total) % 0xFFFF or (0xFFFF if place == UDP_PLACE else 0)
    return raw[:start + place] + value.to_bytes(2) + raw[start + place + 2:]
