"""一个事件说明白：它是什么、意味着什么、由谁引出、每个字节是什么。

给交互实验的“选中一个事件”用，也给屏幕阅读器和测验的提示用。解释只说协议承诺的事，不猜程序的用意。
"""

from __future__ import annotations

from typing import Any

from sockscope.render.analysis import NAMES, analysis
from sockscope.render.causes import causes
from sockscope.render.discards import DISCARDED, discarded
from sockscope.render.dissect import dissect
from sockscope.render.errors import phrase
from sockscope.render.labels import (
    ACTIONS,
    FATES,
    action_text,
    bytes_text,
    call_text,
    caption,
    duration_text,
    outcome,
    packet_kind,
    prefix,
    queue_text,
    ready_text,
)
from sockscope.render.queues import MEANINGS
from sockscope.render.tracks import WORDS
from sockscope.trace import Action, Call, Packet, Queue, Ready, State, Trace

__all__ = ["explain"]

STATES = {
    "LISTEN": "在等别人来连接。",
    "SYN_SENT": "SYN 已经发出，在等对端的 SYN+ACK。",
    "SYN_RECV": "收到了 SYN，回了 SYN+ACK，在等握手的最后一个 ACK。",
    "ESTABLISHED": "连接建立，两个方向都可以传数据。",
    "FIN_WAIT1": "我说完了（FIN 已排进发送队列），还没有收到对它的确认。",
    "FIN_WAIT2": "对端确认了我的 FIN；它还可以继续说，我在等它的 FIN。",
    "CLOSING": "双方同时说完：我的 FIN 还没有被确认，却先收到了对端的 FIN。",
    "TIME_WAIT": "两个方向都结束了。先关的一方再守 60 秒（Linux），好应答迟到的 FIN，并让旧包散尽。",
    "CLOSE_WAIT": "对端说完了，我还没有：内核在等程序调用 close() 或 shutdown()。",
    "LAST_ACK": "我也说完了，FIN 已经发出，只等最后一个 ACK。",
    "CLOSE": "没有连接。",
}
PACKETS = {
    "syn": "请求建立连接，并报上自己的初始序号、窗口和选项。",
    "data": "携带应用数据。序号说明这些字节在字节流里的位置，与 send 的次数无关。",
    "fin": "我这边不再发送了；接收不受影响。FIN 占一个序号，所以也要对端确认。",
    "rst": "这条连接作废，立刻，双向。RST 不需要确认。没有发出的数据丢弃；已经收下的还读不读得出来，要看系统（Linux 上能）。",
    "ack": "没有数据，只报告“这个序号之前的都收到了”，并告诉对端我的接收窗口。",
    "again": "之前发出的同一段，迟迟没有等到确认，于是重发。对端若其实收到过，会丢掉多余的一份。",
    "alive": "保活探测：序号故意退回一个字节，逼对端应答一个 ACK。连接空闲时由内核的定时器发出。",
    "probe": "窗口探测：对端的接收窗口是 0，隔一阵问一次“现在有地方了吗”。",
    "zero": "我的接收缓冲区满了：窗口为 0，请先别发。程序读走数据后，我会再通知你。",
    "datagram": "一个独立的数据报：不编号，不确认，丢了没有人重发。",
    "icmp": "不是应用数据，而是 IP 层的报告：某个包为什么没能到达。内核把它变成相应套接字的 errno。",
    "echo": "回显：请求由人写出，应答由对端的内核自动写出，把数据原样送回。",
    "chunk": "SCTP 的一个包。",
    "other": "其他协议的 IP 包。",
}
CHUNKS = {
    "INIT": "请求建立关联：自己的标签、窗口、第一个 TSN，和想要几条流。",
    "INIT ACK": "同意，并把该记住的一切封进一个签了名的 cookie 交给对方；自己一个字节也不记。",
    "COOKIE ECHO": "把 cookie 原样送回。能送回来，说明地址不是假的。",
    "COOKIE ACK": "cookie 是真的：这一刻才分配内存，关联建立。",
    "DATA": "一条消息。TSN 管有没有收到，流号和流内序号管按什么次序交给程序。",
    "SACK": "选择确认：到哪个 TSN 为止都收到了，之后还零散地收到了哪些。",
    "SHUTDOWN": "我不再发送，你也不要再发新的：SCTP 没有半关闭。",
    "SHUTDOWN ACK": "该发的都发完了。",
    "SHUTDOWN COMPLETE": "两边都结束，关联消失。没有 TIME_WAIT。",
    "ABORT": "关联作废，立刻，双向，没有送到的都丢弃。",
    "HEARTBEAT": "问一声这条路径还通不通。", "HEARTBEAT ACK": "通。",
}
MEANING_OF_FATE = {
    "lost": "网线随机弄丢了它。发送方的内核不知道，只能等超时。",
    "dropped": "它被剪刀（或规则）丢在半路。发送方的内核不知道，只能等超时。",
    "cut": "网线断着，它没有到达。两端的内核都不知道网线断了。",
    "duplicate": "网线多送的一份，内容与前一份一样。",
}
CALLS = {
    "socket": "向内核要一个套接字：通信域、类型、协议三者必须配得上。",
    "connect": "请求与对端建立连接。阻塞的 connect 等到握手完成（或失败）才返回。",
    "listen": "开始监听。从此握手由内核完成，不必等 accept。",
    "accept": "从已经建立的连接里取走一条，得到一个新的套接字。",
    "bind": "把套接字绑定到本地地址和端口。",
    "send": "把数据交给内核的发送缓冲区；返回不代表对端已经收到。",
    "sendall": "反复 send，直到全部字节都交给了内核；返回不代表对端已经收到。",
    "sendto": "发出一个数据报给指定的地址。",
    "recv": "从接收缓冲区取数据，至多这么多字节；没有就等。返回 b'' 表示对端不再发送（EOF）。",
    "recvfrom": "取一个数据报，连同它从哪里来。",
    "shutdown": "直接作用于连接，不管有几个描述符指着它；描述符仍然要 close。",
    "close": "放下一个描述符。它是最后一个时，内核才与对端告别。",
    "dup": "多一个描述符指着同一个套接字。",
    "setsockopt": "设置套接字选项。",
    "getsockopt": "读套接字选项。",
    "getsockname": "本地的地址：内核替它选的也在这里看得到。", "getpeername": "对端的地址。",
    "select": "等到看着的套接字里有一个准备好（可读、可写、出事了），或时限到了；返回准备好的那些。",
    "poll": "等到看着的套接字里有一个准备好，或时限到了；返回它们各自准备好的事件。没有问的 POLLERR、POLLHUP 也报。",
    "epoll_wait": "等到登记过的套接字里有一个准备好，或时限到了；只返回准备好的那些，登记了多少都不必重说。",
    "sendfile": "让内核自己把文件里的数据放进发送缓冲区，不经过程序；返回不代表对端已经收到。",
    "fcntl": "改描述符的标志：O_NONBLOCK 是从此不阻塞，做不成就报 EAGAIN。", "ioctl": "FIONBIO：1 是从此不阻塞，0 是阻塞。",
    "readv": "同 read，分几处放。", "writev": "同 write，几块数据一次交出去。",
    "sendmmsg": "一次系统调用，发出几个报文。", "recvmmsg": "一次系统调用，收下几个报文。",
    "socketpair": "一次得到连好的两个套接字，没有地址，别人连不上。",
    "SSL_do_handshake": "叫 OpenSSL 与对端握手：验明身份，商定密钥。它自己读写描述符，走的是密文。",
    "SSL_write": "把明文交给 OpenSSL，它加密，再写进描述符。", "SSL_read": "向 OpenSSL 要明文：它从描述符读密文，解开。",
    "SSL_shutdown": "告诉对端不再说了（close_notify）：TLS 自己的结尾，比 FIN 早一步。",
    "read": "从描述符取数据：对套接字就是不带标志的 recv。", "write": "往描述符写数据：对套接字就是不带标志的 send。",
}
ACTION_WORDS = {
    "cut": "网线剪断了：之后的包和路上的包都到不了，两端的内核什么也不知道。",
    "join": "网线接上了。",
    "kill": "进程被 SIGKILL 杀死。内核替它关闭每一个描述符，对端看到的与 close() 一样。",
    "stop": "进程收到 SIGSTOP，停在原地：不读，不写，不退出。描述符都还在，它的内核照样收发、照样确认。",
    "reboot": "主机断电重启：同样的地址，但内核里什么连接都不记得了。",
    "process": "套接字交给了另一个进程，自己不再持有。",
    "ended": "程序结束了：它没有关的描述符，内核替它一个个关上，对端看到的与 close() 一样。",
    "signal": "程序收到一个信号；它没有另外安排的话，多半就此结束。",
    "exit": "收下描述符的那个进程结束了：内核替它放下手里的每一个，也放下发给它而没有收的。",
}


def explain(trace: Trace, index: int) -> dict[str, Any]:
    """第 ``index`` 个事件的说明：``title``、``lines``、``hex``、``blocks``、``cause``（下标或 None）。

    ``blocks`` 是一列 ``{"name", "start", "end", "rows"}``：一层协议一块，``rows`` 是“偏移　十六进制　字符”；
    ``hex`` 是同样的内容连成的文字。不是包则两者皆空。下标越界抛 ``IndexError``。
    """
    event = trace.events[index]
    cause = None
    blocks: list[dict[str, Any]] = []
    match event:
        case Packet():
            title, lines = _packet(trace, event)
            lines += [NAMES[name] for name in analysis(trace).get(index, [])] + [_selected(event), _thrown(trace, index)]
            blocks, cause = dissect(event), causes(trace).get(index)
            lines += [_because(trace, event, cause)] if cause is not None else []
        case Call():
            title, lines = _call(trace, event)
        case State():
            title, lines = _state(trace, event)
        case Action():
            title, lines = _action(trace, event)
        case Ready():
            title, lines = _ready(trace, event)
        case Queue():
            title, lines = _queue(trace, event)
    return {"title": title, "lines": [line for line in lines if line], "cause": cause, "blocks": blocks,
            "hex": "\n".join("\n".join((f"{b['name']}　{b['start']}–{b['end'] - 1}", *b["rows"])) for b in blocks)}


def _title_of(trace: Trace, name: str) -> str:
    return next((h.title or h.name for h in trace.hosts if h.name == name), name)


def _call(trace: Trace, call: Call) -> tuple[str, list[str]]:
    title = f"{_title_of(trace, call.host)}：{prefix(call, {call.host})}{call_text(call)} {outcome(call)}".rstrip()
    if call.end is None:
        spent = f"{duration_text(call.t)} 开始，到图的末尾还没有返回。"
    else:
        spent = f"{duration_text(call.t)} 开始，用了 {duration_text(call.end - call.t)}；线程 {call.thread}。"
    size = f"搬动 {bytes_text(call.size)}。" if call.size else ""
    eof = "返回 b''：对端不再发送了（EOF）。" if call.name in ("recv", "read") and call.size == 0 and not call.errno else ""
    error = f"{call.errno}：{phrase(call.errno)}" if call.errno else ""
    return title, [CALLS.get(call.name, ""), error, eof, size, spent]


def _packet(trace: Trace, p: Packet) -> tuple[str, list[str]]:
    words = caption(p)
    title = f"{_title_of(trace, p.src)} → {_title_of(trace, p.dst)}：{words.text}"
    kind = packet_kind(p)
    meaning = "".join(CHUNKS.get(flag, "") for flag in p.flags) or PACKETS.get(kind, "")
    if kind == "syn" and "ACK" in p.flags:
        meaning = "同意建立连接：确认对方的 SYN，同时报上自己的初始序号、窗口和选项。"
    ahead = f"它同时携带 {bytes_text(p.length)} 数据。" if p.length and kind in ("fin", "syn") else ""
    return title, [meaning, ahead, MEANING_OF_FATE.get(p.fate, ""), _numbers(p), _journey(p)]


def _numbers(p: Packet) -> str:
    parts = []
    if p.protocol == "sctp":
        return "".join(f"TSN {n}（从 1 数起）。" for n in (p.seq, p.ack) if n is not None)
    if p.seq is not None:
        parts.append(f"序号 {p.seq}" + (f"，数据占 {p.seq} 到 {p.seq + p.length - 1}" if p.length else ""))
    if p.ack is not None:
        parts.append(f"确认号 {p.ack}（之前的都收到了）")
    if p.window is not None and "RST" not in p.flags:
        parts.append(f"接收窗口 {p.window} 字节")
    return "；".join(parts) + ("。" if parts else "")


def _selected(p: Packet) -> str:
    """``缺口之后收到了 4 到 7。``；与序号从同一处数起。"""
    blocks = "、".join(f"{b.start} 到 {b.stop - 1}" for b in p.sacks)
    return f"SACK 的块：{blocks}。" if blocks else ""


def _thrown(trace: Trace, index: int) -> str:
    """到了主机又被丢掉：凭哪一次调用知道的。"""
    call = trace.events[told] if (told := discarded(trace).get(index)) is not None else None
    return f"{DISCARDED}。程序没有读到它；{call_text(call)} 返回的 SO_RXQ_OVFL 把它数在内。" if isinstance(call, Call) else ""


def _journey(p: Packet) -> str:
    if p.end is None:
        return f"{duration_text(p.t)} 离开，" + ("没有到达。" if p.fate in FATES else "还在路上。")
    return f"{duration_text(p.t)} 离开，{duration_text(p.end)} 到达，路上 {duration_text(p.end - p.t)}。"


def _state(trace: Trace, s: State) -> tuple[str, list[str]]:
    queues = []
    if s.state == "LISTEN":
        queues.append(f"{s.receive_queue} 条连接等着 accept，积压上限 {s.send_queue}。")
    elif s.receive_queue or s.send_queue:
        queues.append(f"接收队列 {s.receive_queue} 字节没有读走，发送队列 {s.send_queue} 字节没有被确认。")
    where = f"{duration_text(s.t)} 读自内核的 {s.origin}：{s.local} 对 {s.peer or '任何人'}。"
    return f"{_title_of(trace, s.host)}：{s.state}", [STATES.get(s.state, ""), *queues, where]


def _ready(trace: Trace, r: Ready) -> tuple[str, list[str]]:
    lines = ["关了，从此不再问。"] if r.mask is None else [f"POLL{name}：{WORDS[name]}。" for name in r.mask]
    lines += [f"{duration_text(r.t)} 读自内核的 poll(2)，时限为 0。"]
    return f"{_title_of(trace, r.host)}：{r.socket} {ready_text(r)}", lines


ASKED = {"receive": "ioctl(FIONREAD)", "send": "ioctl(SIOCOUTQ)", "accept": "TCP_INFO（tcpi_unacked）"}


def _queue(trace: Trace, q: Queue) -> tuple[str, list[str]]:
    lines = [f"{MEANINGS[q.queue]}。", f"{duration_text(q.t)} 读自内核的 {ASKED[q.queue]}。"]
    return f"{_title_of(trace, q.host)}：{q.socket} {MEANINGS[q.queue].partition('：')[0]} {queue_text(q)}", lines


def _action(trace: Trace, a: Action) -> tuple[str, list[str]]:
    where = "网线" if a.where.startswith("cable") else _title_of(trace, a.where)
    lines = [ACTION_WORDS.get(a.name, ""), f"{duration_text(a.t)}{'' if a.name == 'ended' else '，实验者的动作'}。"]
    return f"{where}：{action_text(a) if a.name in ACTIONS else a.name}", lines


def _because(trace: Trace, packet: Packet, cause: int) -> str:
    event = trace.events[cause]
    if isinstance(event, Call):
        return f"由{_title_of(trace, event.host)}的 {call_text(event)} 引出。"
    if isinstance(event, Action):
        return f"由“{action_text(event)}”引出。"
    assert isinstance(event, Packet), "内核报告的状态不引出包"
    if packet.note == "retransmission":
        return f"重发的是第 {event.number} 个包。"
    if (event.source, event.target) == (packet.source, packet.target):
        return f"{_title_of(trace, packet.src)}转发了它刚收到的第 {event.number} 个包。"
    return f"是对第 {event.number} 个包（{caption(event).text}）的回答。"
