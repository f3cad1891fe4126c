"""内核自己的 NAT 与有状态的防火墙：用 nfnetlink 写几条 nftables 的规则，不运行 nft 这个程序。

由主机的进程在它自己的命名空间里调用（``forge.py``），所以只用标准库。消息的格式见 <linux/netfilter/nf_tables.h>；
连接跟踪多久忘掉一条安静的连接，是 /proc/sys/net/netfilter 下的参数，用 ``host.sysctl("netfilter/…")`` 改。
"""

from __future__ import annotations

import os
import socket
import struct

from sockscope.live.netconf import MESSAGE, attributes

__all__ = ["REPLIES", "firewall", "masquerade"]

NETLINK_NETFILTER, SUBSYSTEM = 12, 10
BEGIN, END = 16, 17
NEWTABLE, NEWCHAIN, NEWRULE = 0, 3, 6
REQUEST, ACK, CREATE, APPEND, NESTED = 0x1, 0x4, 0x400, 0x800, 0x8000
INET = 1  # NFPROTO_INET：IPv4 与 IPv6 一起
FORWARD, POSTROUTING = 2, 4
FILTER, SRCNAT = 0, 100  # 优先级
IIFNAME, OIFNAME, L4PROTO, STATE = 6, 7, 16, 0
INVALID, ESTABLISHED, RELATED = 1, 2, 4  # 连接跟踪的状态，各占一位
DROP, ACCEPT = 0, 1
PORTS_GIVEN = 2  # NF_NAT_RANGE_PROTO_SPECIFIED
TABLE = "sockscope"
ICMPX, RESET = 2, 1  # NFT_REJECT_ICMPX_UNREACH（IPv4 与 IPv6 同名）、NFT_REJECT_TCP_RST
REPLIES = {"prohibited": (ICMPX, 3), "host": (ICMPX, 2), "port": (ICMPX, 1), "net": (ICMPX, 0), "reset": (RESET, 0)}


def masquerade(interface: str, ports: list[int]) -> None:
    """从这个网口出去的，源地址换成网口自己的（NAPT，RFC 2663 §4.1.2）；不属于哪条连接的，不转发。

    ``ports`` 不空，是换上的源端口从几到几，只管 TCP。
    """
    _submit([
        _table(), _chain("leaving", "nat", POSTROUTING, SRCNAT, ACCEPT),
        _rule("leaving", _named(OIFNAME, interface), *([_is_tcp(), _masquerade_in(ports)] if ports else [_expr("masq")])),
        _chain("passing", "filter", FORWARD, FILTER, ACCEPT), _rule("passing", _in_state(INVALID), _verdict(DROP))])


def firewall(interface: str, reply: str) -> None:
    """只放行从这个网口进来的新连接，和已有连接的包；别的丢掉，``reply`` 是 ``REPLIES`` 里的一种则回一句。"""
    kind, code = REPLIES.get(reply, (0, 0))
    _submit([
        _table(), _chain("guard", "filter", FORWARD, FILTER, DROP),
        _rule("guard", _in_state(INVALID), _verdict(DROP)),
        _rule("guard", _in_state(ESTABLISHED | RELATED), _verdict(ACCEPT)),
        _rule("guard", _named(IIFNAME, interface), _verdict(ACCEPT)),
        *([_rule("guard", _expr("reject", (1, _u32(kind)), (2, bytes([code]))))] if reply else [])])


# ---------------------------------------------------------------- 消息

Message = tuple[int, int, bytes]


def _table() -> Message:
    return NEWTABLE, CREATE, attributes([(1, _text(TABLE))])


def _chain(name: str, kind: str, hook: int, priority: int, policy: int) -> Message:
    place = attributes([(1, _u32(hook)), (2, struct.pack("!i", priority))])
    return NEWCHAIN, CREATE, attributes([
        (1, _text(TABLE)), (3, _text(name)), (4 | NESTED, place), (5, _u32(policy)), (7, _text(kind))])


def _rule(chain: str, *expressions: list[bytes] | bytes) -> Message:
    """一条规则：几个表达式，一个接一个，前面的不成立就到此为止。"""
    flat = [one for part in expressions for one in (part if isinstance(part, list) else [part])]
    listed = attributes([(1 | NESTED, one) for one in flat])
    return NEWRULE, CREATE | APPEND, attributes([(1, _text(TABLE)), (2, _text(chain)), (4 | NESTED, listed)])


def _expr(name: str, *fields: tuple[int, bytes]) -> bytes:
    return attributes([(1, _text(name)), (2 | NESTED, attributes(fields))])


def _named(key: int, interface: str) -> list[bytes]:
    """网口的名字等于它。"""
    return [_expr("meta", (1, _u32(1)), (2, _u32(key))), _compare(0, interface.encode().ljust(16, b"\0"))]


def _in_state(bits: int) -> list[bytes]:
    """连接跟踪的状态在这几种里；状态是本机字节序的一个字。"""
    mask, zero = struct.pack("=I", bits), bytes(4)
    return [_expr("ct", (1, _u32(1)), (2, _u32(STATE))),
            _expr("bitwise", (1, _u32(1)), (2, _u32(1)), (3, _u32(4)), (4 | NESTED, attributes([(1, mask)])),
                  (5 | NESTED, attributes([(1, zero)]))),
            _compare(1, zero)]


def _is_tcp() -> list[bytes]:
    return [_expr("meta", (1, _u32(1)), (2, _u32(L4PROTO))), _compare(0, bytes([6]))]


def _masquerade_in(ports: list[int]) -> list[bytes]:
    """源端口在第二、第三个寄存器写着的两个数之间。"""
    first, last = (struct.pack("!H", port) for port in ports)
    return [_put(2, first), _put(3, last), _expr("masq", (1, _u32(PORTS_GIVEN)), (2, _u32(2)), (3, _u32(3)))]


def _put(register: int, value: bytes) -> bytes:
    return _expr("immediate", (1, _u32(register)), (2 | NESTED, attributes([(1, value)])))


def _compare(operator: int, value: bytes) -> bytes:
    return _expr("cmp", (1, _u32(1)), (2, _u32(operator)), (3 | NESTED, attributes([(1, value)])))


def _verdict(code: int) -> bytes:
    data = attributes([(2 | NESTED, attributes([(1, _u32(code))]))])
    return _expr("immediate", (1, _u32(0)), (2 | NESTED, data))


def _u32(value: int) -> bytes:
    return struct.pack("!I", value)


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _submit(messages: list[Message]) -> None:
    """作为一批交给内核：要么都成，要么都不成，抛内核给的 ``OSError``。"""
    body = _message(BEGIN, REQUEST, 0, b"", SUBSYSTEM)
    for number, (kind, flags, fields) in enumerate(messages, 1):
        body += _message(SUBSYSTEM << 8 | kind, REQUEST | ACK | flags, number, fields)
    body += _message(END, REQUEST, len(messages) + 1, b"", SUBSYSTEM)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
        sock.send(body)
        heard = 0
        while heard < len(messages):
            heard += _answers(sock.recv(MESSAGE))


def _message(kind: int, flags: int, number: int, fields: bytes, resource: int = 0) -> bytes:
    head = struct.pack("!BBH", INET if not resource else 0, 0, resource)
    return struct.pack("=IHHII", 20 + len(fields), kind, flags, number, 0) + head + fields


def _answers(reply: bytes) -> int:
    """几个应答；有一个不成，就抛它的错误。"""
    place = count = 0
    while place + 20 <= len(reply):
        length, = struct.unpack_from("=I", reply, place)
        number, = struct.unpack_from("=i", reply, place + 16)
        if number:
            raise OSError(-number, os.strerror(-number))
        place, count = place + (length + 3) // 4 * 4, count + 1
    return count
