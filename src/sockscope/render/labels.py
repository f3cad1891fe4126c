"""每个事件在图上写什么字：SVG 和文字形式共用。

这里只决定“叫什么”，不决定“放在哪里”。一个包属于且只属于一种 ``kind``，颜色、线型和图例都由它而来。
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sockscope.render.addresses import shown
from sockscope.render.measure import cells
from sockscope.trace import Action, Call, Packet, Queue, Ready, Trace

__all__ = [
    "ACTIONS", "FATES", "KINDS", "WAITS", "Caption", "action_text", "bytes_text", "call_text", "caption", "duration_text",
    "facts", "is_error", "outcome", "packet_kind", "prefix", "ready_text", "round_duration", "shared_sockets",
    "took_all", "wrap",
]

KINDS = {
    "syn": "SYN：建立连接", "data": "数据", "fin": "FIN：不再发送", "rst": "RST：连接作废", "ack": "纯 ACK",
    "again": "重传", "alive": "保活探测", "probe": "窗口探测", "zero": "窗口为 0", "datagram": "数据报",
    "icmp": "ICMP 差错", "echo": "ICMP 回显", "init": "SCTP：建立关联", "chunk": "SCTP：数据", "sack": "SACK：确认",
    "shutdown": "SCTP：结束关联", "abort": "ABORT：关联作废", "other": "其他 IP 包",
}
CHUNKS = {"ABORT": "abort", "INIT": "init", "INIT ACK": "init", "COOKIE ECHO": "init", "COOKIE ACK": "init",
          "SHUTDOWN": "shutdown", "SHUTDOWN ACK": "shutdown", "SHUTDOWN COMPLETE": "shutdown",
          "DATA": "chunk", "SACK": "sack"}  # 一个包里有几个块时，先列出的说了算
NOTED = {"retransmission": "again", "keepalive": "alive", "window probe": "probe", "zero window": "zero"}
FATES = {"lost": "丢失", "dropped": "丢弃", "cut": "断线", "duplicate": "副本", "overflow": "队列满"}
ACTIONS = {"cut": "剪断网线", "join": "接上网线", "kill": "杀死进程", "stop": "进程停住",
           "reboot": "断电重启", "process": "交给新进程",
           "exit": "进程结束", "ended": "结束", "signal": "收到信号", "masquerade": "开始替人换地址", "firewall": "竖起防火墙"}
ICMP = {
    "net unreachable": "网络不可达", "host unreachable": "主机不可达", "protocol unreachable": "协议不可达",
    "port unreachable": "端口不可达", "fragmentation needed": "需要分片", "net prohibited": "网络被禁止",
    "host prohibited": "主机被禁止", "communication prohibited": "通信被禁止", "TTL exceeded": "TTL 用尽",
    "no route": "没有路由", "prohibited": "被禁止", "address unreachable": "地址不可达",
    "packet too big": "包太大", "hop limit exceeded": "跳数用尽", "redirect": "改走别处",
    "echo request": "回显请求", "echo reply": "回显应答", "reassembly time exceeded": "分片没有凑齐",
    "membership report": "组成员报告",
}
SMALL_WINDOW = 4096
SENDS, RECEIVES = ("send", "write", "SSL_write"), ("recv", "read", "SSL_read")  # 名字这样开头的：发的，收的
WAITS = ("select", "poll", "epoll_wait")  # 不在某一个套接字上的：看着谁写在参数里
QUOTED = 14  # 图上最多直接写出的数据字节数
LONG_BYTES = re.compile(r"b(['\"]).*?\1…（(\d+) 字节）")
ADDRESS = re.compile(r"\('[^']*', (\d+)(?:, \d+, \d+)?\)")
GAP = re.compile(r"gap (\d+)-(\d+)")
STREAM = re.compile(r"stream (\d+) '([^']*)'")
PENDING = ("EINPROGRESS", "EAGAIN", "EALREADY")


# ---------------------------------------------------------------- 调用

def call_text(call: Call, short: bool = False) -> str:
    """``recv(1024)``。太长的数据写成字节数；``short`` 时地址只留端口，用户态的 SCTP 也不带前缀（脚注会说）。"""
    args = LONG_BYTES.sub(r"\2 字节", call.args)
    if short:
        short_args = ADDRESS.sub(r":\1", args)
        return f"{call.name.removeprefix('usrsctp_')}({short_args})"
    return f"{call.name}({args})"


def outcome(call: Call, short: bool = False) -> str:
    """``→ b'hello'``、``→ s2, :40000``、``→ EPIPE``；返回 None 的调用没有可写的结果，给空串。"""
    if call.errno:
        return f"→ {call.errno}"
    if not call.result or (short and took_all(call)):
        return ""
    return "→ " + ADDRESS.sub(r":\1", LONG_BYTES.sub(r"\2 字节", call.result))


def took_all(call: Call) -> bool:
    """全部收下的发送：返回的数目就是给的数目，地方不够时可以不写。只收下一部分的，一定要写。"""
    given = LONG_BYTES.search(call.args)
    return call.name.startswith(SENDS) and call.result == (given[2] if given else str(call.size))


def is_error(call: Call) -> bool:
    """内核说了“不”：EINPROGRESS 一类只是“还没好”，也写出来，但不算错。"""
    return bool(call.errno) and call.errno not in PENDING


def wrap(text: str, fits: int, lines: int = 6) -> list[str]:
    """折成几行，每行不超过 ``fits`` 格：先试括号处折一次，不行再在逗号、箭头处折，还不行就拆开一个词。"""
    return [part for row in _phrases(text, fits, lines) for part in _broken(row, fits)]


def _broken(row: str, fits: int) -> list[str]:
    """一个太长的词（``SOCK_STREAM|SOCK_NONBLOCK``）拆成几行：在标点之后拆，没有标点就拆在末尾。"""
    found = []
    while cells(row) > max(fits, 4) + 1:  # 只多一格，让那一列宽一点，不拆
        end = next(n for n in range(len(row), 0, -1) if cells(row[:n]) <= max(fits, 4))
        marks = [n for n in range(end, end // 2, -1) if row[n - 1] in "._|,=(/:[ " and row[n - 1:n + 1] != "→ "]
        place = marks[0] if marks else end
        found.append(row[:place].rstrip())
        row = row[place:].lstrip()
    return [*found, row]


def _phrases(text: str, fits: int, lines: int) -> list[str]:
    if cells(text) <= fits:
        return [text]
    name, bracket, rest = text.partition("(")
    if bracket and "→" not in rest and max(cells(name) + 1, cells(rest)) <= fits:
        return [name + bracket, rest]
    rows = [""]
    for piece in re.split(r"(?<=, )|(?<=\w\()(?=[^)])|(?<=\S)(?= → )", text):
        if rows[-1] and cells(rows[-1] + piece.rstrip()) > fits and len(rows) < lines:
            rows.append("")
        rows[-1] += piece
    return [row.strip() for row in rows]


def prefix(call: Call, shared: set[str]) -> str:
    """主机上不止一个套接字在说话时，写明是哪一个：``s2.``。"""
    return f"{call.socket}." if call.socket and call.host in shared else ""


SILENT = ("socket", "socketpair", "bind", "listen", "accept", "setsockopt", "close", "getsockname", "getpeername")


def shared_sockets(trace: Trace) -> set[str]:
    """有不止一个通信套接字的主机。监听的那个不算。"""
    talkers: dict[str, set[str]] = {}
    for call in trace.calls:
        if call.name not in (*SILENT, *WAITS):
            talkers.setdefault(call.host, set()).add(call.socket)
    return {host for host, sockets in talkers.items() if len(sockets) > 1}


# ---------------------------------------------------------------- 包

@dataclass(frozen=True, slots=True)
class Caption:
    """一支箭头上的字：``text`` 是它是什么，``detail`` 是小字（相对序号），``fate`` 是没有送达的缘由。

    ``short`` 是地方不够时 ``text`` 的短写。
    """

    text: str
    detail: str = ""
    fate: str = ""
    short: str = ""

    @property
    def whole(self) -> str:
        return " ".join(filter(None, (self.text, self.detail, self.fate)))


def packet_kind(packet: Packet) -> str:
    """包的种类，``KINDS`` 的一个键。"""
    if packet.protocol == "udp" or packet.info.startswith("fragment "):
        return "datagram"
    if packet.protocol == "sctp":
        found = next((kind for chunk, kind in CHUNKS.items() if chunk in packet.flags), "other")
        return "again" if packet.note == "retransmission" else found
    if packet.protocol != "tcp":
        return "other" if packet.protocol != "icmp" else "echo" if packet.info.startswith("echo") else "icmp"
    if "RST" in packet.flags:
        return "rst"
    if packet.note in NOTED:
        return NOTED[packet.note]
    for flag in ("SYN", "FIN"):
        if flag in packet.flags:
            return flag.lower()
    return "data" if packet.length else "ack"


def caption(packet: Packet) -> Caption:
    """箭头上写的字。"""
    fate = FATES.get(packet.fate, "")
    if packet.protocol == "sctp":
        again = "重传 " if packet.note == "retransmission" else ""
        return Caption(again + "+".join(packet.flags) + _streams(packet), _numbered(packet), fate,
                       again + "+".join(packet.flags))
    if packet.protocol != "tcp":
        what = packet.info.replace("fragment ", "分片 ")
        text = ICMP.get(what, what) or (_payload(packet) if packet.protocol == "udp" else _foreign(packet))
        short = what.partition("+")[0] if "分片" in what else bytes_text(packet.length) if packet.protocol == "udp" else ""
        return Caption(text, "", fate, short)
    parts: list[str] = [flag for flag in ("SYN", "RST", "FIN", "URG") if flag in packet.flags]
    if "SYN" in parts and "ACK" in packet.flags:
        parts = ["SYN+ACK"]
    carried = [_payload(packet), *["+"] * bool(parts)] if packet.length else []  # 与 FIN 同行的数据：“x” + FIN
    parts = carried + parts or _window(packet) or ["ACK"]
    parts += [flag for flag in ("ECE", "CWR") if flag in packet.flags]
    prefix = {"retransmission": "重传 ", "keepalive": "保活探测", "window probe": "窗口探测"}.get(packet.note, "")
    text = prefix.strip() if packet.note in ("keepalive", "window probe") else prefix + " ".join(parts)
    return Caption(text, _detail(packet), fate, _short(packet, parts))


def _short(packet: Packet, parts: list[str]) -> str:
    """``重传``、``5 B``、``5 B FIN``。"""
    if packet.note == "retransmission":
        return "重传"
    return " ".join([bytes_text(packet.length), *parts[1:]]) if packet.length else ""


def _detail(packet: Packet) -> str:
    if packet.seq is None or "SYN" in packet.flags or "RST" in packet.flags:
        return ""
    if packet.length:
        return f"{packet.seq}:{packet.seq + packet.length}"
    if "FIN" in packet.flags or packet.note in ("keepalive", "window probe"):
        return f"{packet.seq}"
    if packet.ack is None:
        return ""
    return f"ACK {packet.ack}" if _window(packet) else str(packet.ack)


def _numbered(packet: Packet) -> str:
    """``TSN 2``；有缺口的 SACK 还写明缺口之后收到了什么：``TSN 0，另有 2``。"""
    beyond = [first if first == last else f"{first}–{last}" for first, last in GAP.findall(packet.info)]
    number = packet.ack if packet.seq is None else packet.seq
    return f"TSN {number}" + f"，另有 {'、'.join(beyond)}" * bool(beyond) if number or beyond else ""


def _foreign(packet: Packet) -> str:
    """别的协议只知道编号：``协议 253``。"""
    raw = bytes.fromhex(packet.raw)
    return f"协议 {raw[6] if raw[0] >> 4 == 6 else raw[9]}"


def _streams(packet: Packet) -> str:
    """DATA 块走的是哪条流、说了什么：`` 流 1 “two”``。"""
    told = [f" 流 {number} “{text}”" for number, text in STREAM.findall(packet.info)]
    return "".join(told) if packet.length <= QUOTED * len(told) else f" {bytes_text(packet.length)}"


def _window(packet: Packet) -> list[str]:
    """窗口小到要紧，或刚刚又打开，才值得写。"""
    if packet.window is None or not (packet.window < SMALL_WINDOW or packet.note == "window update"):
        return []
    return [f"窗口 {packet.window}"]


def _payload(packet: Packet) -> str:
    """短而可读的数据写出来，其余写字节数。"""
    if packet.length <= QUOTED:
        try:
            text = packet.payload.decode("ascii")
        except UnicodeDecodeError:
            text = ""
        if text.isprintable() and text:
            return f"“{text}”"
    return bytes_text(packet.length) if packet.length else "空数据报"


# ---------------------------------------------------------------- 动作与数量

def action_text(action: Action) -> str:
    """``剪断网线``、``杀死进程``……不认识的动作照写原名。"""
    text = ACTIONS.get(action.name, action.name)
    if action.name == "signal":
        return f"{text} {action.detail}"
    return f"{action.detail} {text}" if action.name in ("process", "ended") and action.detail else text


def ready_text(ready: Ready) -> str:
    """``准备好了 IN、OUT``；什么也没有准备好，或已经关了，也说。"""
    if ready.mask is None:
        return "关了"
    return f"准备好了 {'、'.join(ready.mask)}" if ready.mask else "什么也没有准备好"


def queue_text(queue: Queue, bare: bool = False) -> str:
    """``2304 B``、``2 条``、``空了``；``bare`` 是写在道里的：没有单位。"""
    if not queue.size:
        return "关了" if queue.size is None else "空了"
    if queue.queue == "accept":
        return f"{queue.size}" if bare else f"{queue.size} 条"
    return bytes_text(queue.size).removesuffix(" B" if bare else "")


def bytes_text(count: int) -> str:
    """``5 B``、``1448 B``、``304 kB``。"""
    if count < 10_000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1e6:.0f} MB"


def duration_text(ns: int) -> str:
    """一段时间，三位有效数字：``0.35 ms``、``23.5 ms``、``1.02 s``。"""
    if ns >= 1_000_000_000:
        return f"{ns / 1e9:.2f} s" if ns < 100_000_000_000 else f"{ns / 1e9:.0f} s"
    ms = ns / 1e6
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:.1f} ms" if ms < 100 else f"{ms:.0f} ms"


# ---------------------------------------------------------------- 整条轨迹

def places(trace: Trace) -> dict[str, str]:
    """每台主机写在名字下面的地址；在监听（或绑定了端口）的带上端口：``10.0.0.2:7``。"""
    ports = {s.host: s.local.rsplit(":", 1)[1] for s in trace.states if s.state == "LISTEN"}
    for call in trace.calls:
        if call.name == "bind" and not call.errno and (port := re.search(r", ([1-9]\d*)", call.args)):
            ports.setdefault(call.host, port[1])
    return {name: address if name not in ports else f"[{address}]:{ports[name]}" if ":" in address
            else f"{address}:{ports[name]}" for name, address in shown(trace).items()}


def facts(trace: Trace) -> list[str]:
    """页脚：这张图从哪里来。"""
    delays = sorted({c.delay for c in trace.cables})
    cable = "没有网线"
    if trace.cables:
        cable = "网线时延 " + "、".join(map(round_duration, delays)) if any(delays) else "网线没有时延"
        rates = sorted({c.bandwidth for c in trace.cables if c.bandwidth})
        cable += "，带宽 " + "、".join(map(rate_text, rates)) if rates else ""
    when = f"{trace.label} {trace.recorded}".strip()
    return [fact for fact in (when, trace.kernel, _sctp(trace), cable, "状态取自内核" if trace.states else "") if fact]


def rate_text(bits: int) -> str:
    """``10 Mbit/s``、``64 kbit/s``。"""
    number, unit = next(((bits / size, name) for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if bits >= size), (bits, ""))
    return f"{number:g} {unit}bit/s"


def _sctp(trace: Trace) -> str:
    """有 SCTP 的图要说清是哪一种：用户态的每次调用都以 ``usrsctp_`` 开头。"""
    if not any(p.protocol == "sctp" for p in trace.packets):
        return ""
    return "用户态 usrsctp" if any(c.name.startswith("usrsctp_") for c in trace.calls) else "内核 SCTP"


def round_duration(ns: int) -> str:
    """``10 ms``、``2.075 s``：不丢一位数，也不留多余的零。刻度与时延用它。"""
    number, unit = (ns / 1e9, "s") if ns >= 1_000_000_000 else (ns / 1e6, "ms")
    return f"{number:.9f}".rstrip("0").rstrip(".") + f" {unit}"
