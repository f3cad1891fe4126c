"""把网线上的字节读成 ``Packet``：字段由 scapy 解析（最朴素的见 ``plain.py``），相对序号和“这是重传吗”由这里记账。"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sockscope.live.plain import Segment, datagram, segment
from sockscope.live.states import endpoint

__all__ = ["Decoder", "addresses", "is_background"]

FLAGS = (("SYN", 0x02), ("FIN", 0x01), ("RST", 0x04), ("PSH", 0x08), ("ACK", 0x10), ("URG", 0x20),
         ("ECE", 0x40), ("CWR", 0x80))
WRAP = 1 << 32
MPTCP = 30  # 选项的编号；下标是子类型（RFC 8684 §8.2）
MPTCP_NAMES = ("MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL", "MP_FASTCLOSE", "MP_TCPRST")
IGMP = 2  # 协议号；主机只发成员报告，加入和离开都是它（RFC 3376 §4.2）
ICMP_NAMES = {
    (0, 0): "echo reply", (8, 0): "echo request", (3, 0): "net unreachable", (3, 1): "host unreachable",
    (3, 2): "protocol unreachable", (3, 3): "port unreachable", (3, 4): "fragmentation needed",
    (3, 9): "net prohibited", (3, 10): "host prohibited", (3, 13): "communication prohibited",
    (5, 0): "redirect", (11, 0): "TTL exceeded", (11, 1): "reassembly time exceeded",
}  # RFC 792、RFC 1122 §3.2.2.1、RFC 1812 §5.2.7.1
ICMP6_NAMES = {
    (1, 0): "no route", (1, 1): "prohibited", (1, 3): "address unreachable", (1, 4): "port unreachable",
    (2, 0): "packet too big", (3, 0): "hop limit exceeded", (128, 0): "echo request", (129, 0): "echo reply",
}  # RFC 4443
CHUNKS = ("DATA", "INIT", "INIT ACK", "SACK", "HEARTBEAT", "HEARTBEAT ACK", "ABORT", "SHUTDOWN", "SHUTDOWN ACK",
          "ERROR", "COOKIE ECHO", "COOKIE ACK", "ECNE", "CWR", "SHUTDOWN COMPLETE")  # RFC 9260 §3.2，下标就是编号
OFTEN = {"SACK", "HEARTBEAT", "HEARTBEAT ACK"}  # 一样的再来一次，不算重传


def is_background(raw: bytes) -> bool:
    """内核在新网口上自言自语的 IPv6 邻居发现与组播成员报告：留给 IPv6，不进轨迹。"""
    if raw[0] >> 4 != 6:
        return False
    following, rest = raw[6], raw[40:]
    if following == 0 and len(rest) > 8:  # 逐跳选项，MLD 报告带着它
        following, rest = rest[0], rest[8:]
    return following == 58 and bool(rest) and rest[0] in (130, 131, 132, 133, 134, 135, 136, 137, 143)


def addresses(raw: bytes) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """TCP 包的源与目的 ``(地址, 端口)``；不是 TCP 则为 None。网线每个包都要问，所以不劳动 scapy。"""
    import socket
    if raw[0] >> 4 == 4:
        if raw[9] != socket.IPPROTO_TCP or raw[6] & 0x1F or raw[7]:
            return None
        family, head, source, target = socket.AF_INET, (raw[0] & 15) * 4, raw[12:16], raw[16:20]
    else:
        if raw[6] != socket.IPPROTO_TCP:
            return None
        family, head, source, target = socket.AF_INET6, 40, raw[8:24], raw[24:40]
    ports = int.from_bytes(raw[head:head + 2]), int.from_bytes(raw[head + 2:head + 4])
    return ((socket.inet_ntop(family, source), ports[0]), (socket.inet_ntop(family, target), ports[1]))


Key = tuple[int, str, str]  # 网线、源、目的


@dataclass
class Direction:
    """一条连接的一个方向：初始序号、发到哪里了、窗口要放大多少。

    ``closed``：窗口关了，而对方还没有表现出知道它重新打开。``opened``：SYN 那一段占去几个序号（Fast Open 带着数据）。
    ``pending``：连接还活着，又来了一个序号不同的 SYN：对方答应以前（RFC 9293 §3.10.7.4 的 challenge ACK、
    有人冒充），别的段仍照旧的数。
    """

    isn: int | None = None
    next: int = 0
    scale: int = 0
    window: int | None = None
    closed: bool = False
    opened: int = 0
    pending: Direction | None = None
    seen: set[bytes] = field(default_factory=set)

    def asked(self, ack: int) -> bool:
        """这个确认号（线上的真值）应的正是它的 SYN。"""
        return self.isn is not None and 1 <= (ack - self.isn) % WRAP <= self.opened


class Decoder:
    """按网线上的次序逐包喂入；同一条连接在每根网线上各记一本账。"""

    def __init__(self) -> None:
        self.directions: dict[Key, Direction] = {}

    def decode(self, raw: bytes, cable: int) -> dict[str, Any]:
        """一个 IP 包的各字段，名字与 ``Packet`` 相同。认不出的上层协议只给地址和长度。"""
        if plain := segment(raw):
            return {"raw": raw.hex()} | self._tcp(plain, cable)
        if found := datagram(raw):
            return {"raw": raw.hex()} | _udp(*found)
        return self._dissected(raw, cable)

    def _dissected(self, raw: bytes, cable: int) -> dict[str, Any]:
        from scapy.layers.inet import ICMP, IP, TCP, UDP
        from scapy.layers.inet6 import IPv6
        from scapy.layers.sctp import SCTP

        packet = IP(raw) if raw[0] >> 4 == 4 else IPv6(raw)
        base = {"raw": raw.hex()}
        part = raw[0] >> 4 == 4 and (packet.frag or packet.flags.MF)
        if part:
            base["info"] = f"fragment {packet.frag * 8}+{packet.len - packet.ihl * 4}"
        if isinstance(packet.payload, TCP):
            return base | self._tcp(_segment(packet, packet.payload), cable)
        if UDP in packet:
            udp = packet[UDP]
            return base | _udp(packet.src, udp.sport, packet.dst, udp.dport, len(bytes(udp.payload)))
        if isinstance(packet.payload, SCTP) and not getattr(packet, "frag", 0):  # 后续的分片没有上层的头
            return base | self._sctp(packet, packet.payload, cable)
        return base | _other(packet, ICMP)

    def _sctp(self, packet: Any, head: Any, cable: int) -> dict[str, Any]:
        """块的名字作 ``flags``；``seq`` 是第一个 DATA 块的 TSN，``ack`` 是累积确认到的 TSN，都从 1 数起。"""
        from scapy.layers.sctp import SCTPChunkData

        source, target = endpoint((packet.src, head.sport)), endpoint((packet.dst, head.dport))
        mine = self.directions.setdefault((cable, source, target), Direction())
        theirs = self.directions.setdefault((cable, target, source), Direction())
        chunks, names = list(_chunks(head)), list(_names(bytes(head.payload)))
        opening = next((c.init_tsn for c in chunks if hasattr(c, "init_tsn")), None)
        if opening is not None and mine.isn != opening - 1:
            mine = self.directions[cable, source, target] = Direction(isn=opening - 1)
        data = [c for c in chunks if isinstance(c, SCTPChunkData)]
        seq = (data[0].tsn - mine.isn) % WRAP if data and mine.isn is not None else None
        told = next((c.cumul_tsn_ack for c in chunks if hasattr(c, "cumul_tsn_ack")), None)
        ack = (told - theirs.isn) % WRAP if told is not None and theirs.isn is not None else None
        again = bytes(head) in mine.seen and not OFTEN.issuperset(names)
        again = again or (seq is not None and seq <= mine.next)
        mine.seen.add(bytes(head))
        mine.next = max(mine.next, (seq or 0) + len(data) - 1)
        return {"protocol": "sctp", "source": source, "target": target, "flags": names, "seq": seq, "ack": ack,
                "length": sum(c.len - 16 for c in data), "note": "retransmission" if again else "",
                "info": "；".join(filter(None, (_said(c, ack) for c in chunks)))}

    def _tcp(self, tcp: Segment, cable: int) -> dict[str, Any]:
        source, target = endpoint((tcp.src, tcp.sport)), endpoint((tcp.dst, tcp.dport))
        number, length = tcp.seq, tcp.length
        flags = [name for name, bit in FLAGS if tcp.flags & bit]
        mine, theirs = self._books((cable, source, target), (cable, target, source), flags, number, tcp.ack)
        if "SYN" in flags:
            mine.opened = max(mine.opened, length + 1)
            mine.scale = dict(o for o in tcp.options if len(o) == 2).get("WScale", 0) or 0
        seq = (number - mine.isn) % WRAP if mine.isn is not None else None
        known = theirs.isn is not None and mine.isn is not None
        ack = (tcp.ack - (theirs.isn or 0)) % WRAP if "ACK" in flags and known else None
        window = tcp.window << (0 if "SYN" in flags else mine.scale)
        note = _note(mine, theirs, flags, seq, length, window)
        mine.window = window if "RST" not in flags else mine.window
        mine.closed = mine.closed or (window == 0 and "RST" not in flags)
        theirs.closed = theirs.closed and not (length and not note)  # 发得出新数据，说明知道窗口开了
        return {"protocol": "tcp", "source": source, "target": target, "flags": flags, "seq": seq, "ack": ack,
                "window": window, "length": length, "options": _options(tcp.options), "note": note}

    def _books(self, here: Key, there: Key, flags: list[str], number: int, ack: int) -> tuple[Direction, Direction]:
        """这个段该记在哪两本账上：它自己方向的，和对面的。新的 SYN 另起一本，对方应了它才作数。"""
        mine = self.directions.setdefault(here, Direction())
        theirs = self.directions.setdefault(there, Direction())
        answers = "ACK" in flags and ("SYN" in flags or "RST" in flags)
        if answers and theirs.pending and theirs.pending.asked(ack):
            theirs = self.directions[there] = theirs.pending
        if answers and not number and "RST" in flags and theirs.asked(ack):
            return Direction(), theirs  # 那一头没有这条连接：序号写 0（RFC 9293 §3.10.7.1），不从哪里数起
        if "SYN" not in flags or mine.isn == number:
            return mine, theirs
        if mine.isn is None or (answers and theirs.asked(ack)):
            mine = self.directions[here] = Direction(isn=number)
            return mine, theirs
        if mine.pending is None or mine.pending.isn != number:
            mine.pending = Direction(isn=number)
        return mine.pending, theirs


def _names(chunks: bytes) -> Iterator[str]:
    """各块的名字：一个字节编号，一个字节标志，两个字节长度，末尾补到 4 的倍数（RFC 9260 §3.2）。"""
    while len(chunks) >= 4:
        yield CHUNKS[chunks[0]] if chunks[0] < len(CHUNKS) else f"块 {chunks[0]}"
        chunks = chunks[(max(4, int.from_bytes(chunks[2:4])) + 3) // 4 * 4:]


def _chunks(head: Any) -> Iterator[Any]:
    """scapy 认得的块，一个接一个；不认得的和它后面的、末尾的填充不算。"""
    chunk = head.payload
    while hasattr(chunk, "type") and hasattr(chunk, "len"):
        yield chunk
        chunk = chunk.payload


def _said(chunk: Any, ack: int | None) -> str:
    """DATA：哪条流、说了什么；SACK：累积确认之外还收到了哪些 TSN。别的块不必多说。

    只问这一块自己的 ``fields``：scapy 的属性，自己没有就去后面的块里找。
    """
    if "stream_seq" in chunk.fields:
        return f"stream {chunk.stream_id} {bytes(chunk.data)[:chunk.len - 16].decode('latin-1')!r}"
    if ack is None:
        return ""
    gaps = [str(gap).split(":") for gap in chunk.fields.get("gap_ack_list", [])]
    return "，".join(f"gap {ack + int(first)}-{ack + int(last)}" for first, last in gaps)


def _segment(packet: Any, tcp: Any) -> Segment:
    """scapy 读好的一个 TCP 段。"""
    total = packet.len - packet.ihl * 4 if hasattr(packet, "ihl") else packet.plen
    return Segment(packet.src, packet.dst, tcp.sport, tcp.dport, tcp.seq, tcp.ack, int(tcp.flags), tcp.window,
                   int(total - tcp.dataofs * 4), tcp.options)


def _udp(src: str, sport: int, dst: str, dport: int, length: int) -> dict[str, Any]:
    return {"protocol": "udp", "source": endpoint((src, sport)), "target": endpoint((dst, dport)), "length": length}


def _note(mine: Direction, theirs: Direction, flags: list[str], seq: int | None, length: int,
          window: int) -> str:
    """这个段为什么出现：对照本方向已经发到的序号。"""
    if seq is None or "RST" in flags:
        return ""
    extent = length + ("SYN" in flags) + ("FIN" in flags)
    before, mine.next = mine.next, max(mine.next, seq + extent)
    if extent and before and seq < before:
        return "window probe" if length == 1 and theirs.closed else "retransmission"
    if not extent and before and seq == before - 1:
        return "window probe" if theirs.closed else "keepalive"
    if "SYN" not in flags and window == 0:
        return "zero window"
    if not extent and mine.window == 0 and window:
        return "window update"
    return ""


def _options(options: list[tuple[Any, Any]]) -> dict[str, str]:
    """TCP 选项 名字→文字；填充不算。"""
    told = {str(name): "" if value in (b"", None) else str(value)
            for name, value in options if name not in ("NOP", "EOL", MPTCP)}
    subtypes = [value[0] >> 4 for name, value in options if name == MPTCP and value]
    names = [MPTCP_NAMES[s] if s < len(MPTCP_NAMES) else f"subtype {s}" for s in subtypes]
    return told | ({"MPTCP": " ".join(names)} if names else {})


def _other(packet: Any, icmp: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"protocol": "ip", "source": packet.src, "target": packet.dst,
                              "length": len(bytes(packet.payload))}
    if icmp in packet:
        kind = (packet[icmp].type, packet[icmp].code)
        fields |= {"protocol": "icmp", "info": ICMP_NAMES.get(kind, f"type {kind[0]} code {kind[1]}")}
        if kind[0] in (0, 8):
            fields["length"] = len(bytes(packet[icmp].payload))
    elif packet.version == 4 and packet.proto == IGMP:
        fields |= {"protocol": "igmp", "info": "membership report"}
    elif packet.version == 6 and packet.nh == 58 and len(body := bytes(packet.payload)) > 1:
        kind = (body[0], body[1])
        fields |= {"protocol": "icmp", "info": ICMP6_NAMES.get(kind, f"type {kind[0]} code {kind[1]}")}
    return fields
