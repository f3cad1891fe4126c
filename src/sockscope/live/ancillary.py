"""控制消息写成人话：它的名字，和每次都一样的那部分内容。描述符在 ``rights.py``。

时刻和进程号每次都不同，写进轨迹就没有两次录制能相同，所以只报名字。
字节的布局见 cmsg(3)、ip(7)、unix(7)；SO_ 与 SCM_ 的数值取自 <asm-generic/socket.h>。
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from socket import IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET, inet_ntoa

__all__ = ["control_text"]


def _number(data: bytes) -> str:
    return str(int.from_bytes(data, "little"))


def _nothing(_data: bytes) -> str:
    return ""


def _packet_info(data: bytes) -> str:
    """目的地址；本机用的地址与它不同，或者是发的时候给的，另写作 ``spec_dst``。"""
    _, chosen, target = struct.unpack("i4s4s", data)  # struct in_pktinfo
    told = [inet_ntoa(target)] if any(target) else []
    return ", ".join(told + ([f"spec_dst {inet_ntoa(chosen)}"] if chosen != target else []))


def _extended_error(data: bytes) -> str:
    number, origin, kind, code, first, last = struct.unpack_from("IBBBxII", data)  # struct sock_extended_err
    if origin == 5:  # SO_EE_ORIGIN_ZEROCOPY：第 first 到 last 次 send()；code 1 是抄了一份
        return f"ZEROCOPY {first}-{last}" + (", COPIED" if code & 1 else "")
    name = errno.errorcode.get(number, str(number))
    if origin != 2:  # SO_EE_ORIGIN_ICMP
        return name
    return f"{name}, ICMP {kind}/{code}, {inet_ntoa(data[20:24])}"


def _stream(data: bytes) -> str:
    return f"stream {int.from_bytes(data[:2], 'little')}"


KNOWN: dict[tuple[int, int], tuple[str, Callable[[bytes], str]]] = {
    (SOL_SOCKET, 2): ("SCM_CREDENTIALS", _nothing),
    (SOL_SOCKET, 29): ("SCM_TIMESTAMP", _nothing),
    (SOL_SOCKET, 35): ("SCM_TIMESTAMPNS", _nothing),
    (SOL_SOCKET, 37): ("SCM_TIMESTAMPING", _nothing),
    (SOL_SOCKET, 40): ("SO_RXQ_OVFL", _number),
    (IPPROTO_IP, 1): ("IP_TOS", _number),
    (IPPROTO_IP, 2): ("IP_TTL", _number),
    (IPPROTO_IP, 8): ("IP_PKTINFO", _packet_info),
    (IPPROTO_IP, 11): ("IP_RECVERR", _extended_error),
    (IPPROTO_IPV6, 25): ("IPV6_RECVERR", _nothing),
    (IPPROTO_IPV6, 50): ("IPV6_PKTINFO", _nothing),
    (IPPROTO_IPV6, 52): ("IPV6_HOPLIMIT", _number),
    (IPPROTO_UDP, 103): ("UDP_SEGMENT", _number),
    (IPPROTO_UDP, 104): ("UDP_GRO", _number),
    (132, 2): ("SCTP_SNDINFO", _stream),  # IPPROTO_SCTP，<linux/sctp.h>
    (132, 3): ("SCTP_RCVINFO", _stream),
}


def control_text(level: int, kind: int, data: bytes) -> str:
    """一条控制消息，如 ``IP_TTL 64``；残缺的只报名字，不认识的为空串。"""
    if (level, kind) not in KNOWN:
        return ""
    name, describe = KNOWN[level, kind]
    try:
        return f"{name} {describe(bytes(data))}".rstrip()
    except (struct.error, OSError):
        return name
