"""tshark 与我们对同样的包各说一遍：每一处不同都有缘由，写在 ``REASONS``、``NUMBERS`` 里；没有缘由的不同就是错。

许多条轨迹合成一个文件，一次交给 tshark：每条轨迹、每根网线换一段自己的地址，彼此不相混。
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from sockscope.live.decode import FLAGS
from sockscope.render import pcap
from sockscope.render.analysis import analysis
from sockscope.trace import Cable, Packet, Trace

FIELDS = {
    "duplicate_ack": "duplicate ack", "fast_retransmission": "fast retransmission", "out_of_order": "out-of-order",
    "spurious_retransmission": "spurious retransmission", "keep_alive_ack": "keepalive ack", "window_full": "window full",
    "zero_window_probe_ack": "window probe ack", "retransmission": "retransmission", "keep_alive": "keepalive",
    "zero_window_probe": "window probe", "window_update": "window update", "zero_window": "zero window",
}
KINDS = {"fast retransmission", "spurious retransmission"}


@dataclass
class Pair:
    """同一个包的两种说法。"""

    packet: Packet
    ours: set[str]
    theirs: set[str]


REASONS = {
    "SYN、FIN 不占 tshark 所数的长度，它们多余的重传它只叫重传":
        lambda p: p.ours - p.theirs == {"spurious retransmission"} and not p.packet.length,
    "窗口从来没有关过，变了大小，tshark 也叫窗口更新；我们只说由 0 打开的":
        lambda p: p.theirs - p.ours == {"window update"} and p.ours - p.theirs <= {"keepalive ack", "window probe ack"},
    "只有一个字节的段重传，tshark 当成保活":
        lambda p: (p.ours - KINDS, p.theirs) == ({"retransmission"}, {"keepalive"}) and p.packet.length == 1,
    "重传得快，tshark 凭时间猜成乱序": lambda p: p.theirs == {"out-of-order"} and "retransmission" in p.ours,
    "重复的确认到达以后不久就重传；tshark 从确认离开时算起，嫌太久": lambda p: p.ours - p.theirs == {"fast retransmission"},
    "凭到了的一两个 SACK 就重传（RACK，RFC 8985）；tshark 从确认离开时算起，数到的够三个":
        lambda p: p.theirs - p.ours == {"fast retransmission"} and "retransmission" in p.ours,
    "对端早已确认过的一段占不满窗口，tshark 照旧的窗口说占满了":
        lambda p: p.theirs - p.ours == {"window full"} and "spurious retransmission" in p.ours,
    "窗口探测不带数据，序号退回一个，样子与保活相同（Linux 的 tcp_xmit_probe_skb()）；tshark 不问窗口是不是 0":
        lambda p: (p.ours, p.theirs) == ({"window probe"}, {"keepalive"}),
    "它错当成保活，也就不把回答当成对探测的应答": lambda p: p.ours - p.theirs == {"window probe ack"},
    "它错当成保活，也就把回答当成对保活的应答": lambda p: p.theirs - p.ours == {"keepalive ack"},
}


OLD = 1 << 30  # 相对的序号这么大，就是把旧连接的数当成了新的
NUMBERS = {
    "没有这条连接的一端发的 RST 序号写 0（RFC 9293 §3.10.7.1），不从哪里数起；tshark 硬数成 1":
        lambda p, seq, _ack: "RST" in p.flags and p.seq is None and seq == "1",
    "没有见过对面的 SYN，不知从哪里数起；tshark 从 1 数":
        lambda p, seq, ack: (p.seq is None and seq == "1") or (p.ack is None and ack == "1"),
    "旧连接里来了新的 SYN：对方应它之前，我们照旧的数，tshark 立刻改照新的数（RFC 9293 §3.10.7.4）":
        lambda p, seq, ack: (int(ack) > OLD and p.ack is not None) or (int(seq) > OLD and p.seq is not None),
}


def separate(raw: bytes, place: int) -> bytes:
    """地址换成这条轨迹、这根网线自己的一段；校验和 tshark 不看。"""
    if raw[0] >> 4 == 4:
        return raw[:13] + bytes([place]) + raw[14:17] + bytes([place]) + raw[18:]
    return raw[:10] + bytes([place]) + raw[11:26] + bytes([place]) + raw[27:]


def merged(traces: Iterable[Trace]) -> Iterator[tuple[Packet, set[str]]]:
    """(换了地址的包, 我们的说法)，一根网线接一根网线。"""
    place = 0
    for trace in traces:
        told = analysis(trace)
        for cable in range(len(trace.cables)):
            place += 1
            mine = [(i, e) for i, e in enumerate(trace.events) if isinstance(e, Packet) and e.cable == cable]
            for index, packet in sorted(mine, key=lambda item: item[1].number):
                ours = {*told.get(index, ()), *filter(None, [packet.note])} - {"sack", "dsack"}
                raw = separate(bytes.fromhex(packet.raw), place).hex()
                yield replace(packet, cable=0, raw=raw), ours


def asked(trace: Trace) -> list[list[str]]:
    words = [word for field in ("tcp.len", "tcp.flags", "tcp.seq", "tcp.ack", *(f"tcp.analysis.{f}" for f in FIELDS))
             for word in ("-e", field)]
    out = subprocess.run(["tshark", "-r", "-", "-T", "fields", *words], input=pcap.dumps(trace), capture_output=True, check=True)
    return [line.split("\t") for line in out.stdout.decode().splitlines()]


def differences(traces: Iterable[Trace], reasons: Iterable[Callable[[Pair], bool]] = ()) -> Iterator[str]:
    """没有缘由的不同，一处一句；``reasons`` 是只在这些轨迹里才有的缘由。"""
    allowed = [*REASONS.values(), *reasons]
    found = list(merged(traces))
    rows = asked(Trace(cables=[Cable(ends=["a", "b"])], events=[packet for packet, _ in found]))
    assert len(rows) == len(found)
    for (packet, ours), (length, flags, seq, ack, *notes) in zip(found, rows, strict=True):
        if packet.protocol != "tcp" or packet.fate == "duplicate" or packet.info.startswith("fragment"):  # tshark 先拼好分片
            continue
        where = f"第 {packet.number} 个包（{replace(packet, raw='')}）"
        if (int(length), [name for name, bit in FLAGS if int(flags, 16) & bit]) != (packet.length, packet.flags):
            yield f"{where}：tshark 说长 {length}，标志 {flags}"
        numbers = str(packet.seq), str(packet.ack) if "ACK" in packet.flags else ack
        if numbers != (seq, ack) and not any(why(packet, seq, ack) for why in NUMBERS.values()):
            yield f"{where}：我们数到 {numbers}，tshark 数到 {(seq, ack)}"
        theirs = {told for told, value in zip(FIELDS.values(), notes, strict=True) if value}
        pair = Pair(packet, ours, theirs | ({"retransmission"} if theirs & KINDS else set()))
        if pair.ours != pair.theirs and not any(why(pair) for why in allowed):
            yield f"{where}：我们说 {sorted(pair.ours)}，tshark 说 {sorted(pair.theirs)}"
