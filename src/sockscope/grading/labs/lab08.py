"""练习 08：在会丢、会乱、会重复的网线上送到：先停等，再开窗口。"""

from __future__ import annotations

import select
import socket
import struct
from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT, datagram
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Student
from sockscope.grading.exam.waiting import poll, show

lab = Lab(
    "lab08", "丢了也要送到",
    prelude="import select\nimport socket\nimport struct\nimport time\nfrom contextlib import suppress\n",
    cells={"ack": ["wait_ack"], "sender": ["deliver"], "receiver": ["collect"], "window": ["deliver_window"]})

NEVER = 60.0  # 这么长的 rto：整场考试里不该有一次重发
GLANCE = 0.15  # 看一眼有没有多余的包，秒
VAIN = 40  # 等一条丢了的消息，最多容许这么多条别的
HEADERS = 28  # IP 首部和 UDP 首部


def number(value: int) -> bytes:
    return struct.pack("!I", value)


class Correspondent:
    """考官的数据报套接字：收消息、回确认，或者反过来。"""

    def __init__(self, stage: Stage, host: str, port: int) -> None:
        self.stage, self.sock = stage, stage.net[host].socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((stage.net[host].address, port))
        self.address: tuple[str, int] = self.sock.getsockname()
        self.peer: tuple[str, int] | None = None

    def receive(self, tried: str, expected: str) -> bytes:
        self.stage.until(lambda: poll(self.sock, select.POLLIN), tried, expected, lambda: "什么也没有等到", self.sock)
        data, self.peer = self.sock.recvfrom(4096)
        return data

    def letter(self, tried: str, expected: str) -> tuple[int, bytes]:
        """一条消息：编号和内容。"""
        data = self.receive(tried, expected)
        if len(data) < 4:
            self.stage.fail(tried, "四个字节的编号，后面是内容", show(data))
        return struct.unpack("!I", data[:4])[0], data[4:]

    def expect(self, wanted: int, content: bytes, copy: int = 0, late: bool = False) -> None:
        """等编号为 ``wanted`` 的消息。``late``：更早的消息再来一份不算错，它们也许早就在路上。"""
        tried = f"等第 {wanted} 条消息" + ("再来一份" if copy else "")
        found, text = self.letter(tried, f"编号 {wanted}，内容 {show(content)}")
        while late and found < wanted:
            found, text = self.letter(tried, f"编号 {wanted}，内容 {show(content)}")
        if (found, text) != (wanted, content):
            self.stage.fail(tried, f"编号 {wanted}，内容 {show(content)}", f"编号 {found}，内容 {show(text)}")

    def expect_nothing(self, when: str) -> None:
        """此刻不该再有消息来。"""
        self.stage.pause(self.stage.taken)
        if self.stage.pause(lambda: poll(self.sock, select.POLLIN), GLANCE):
            found, text = self.letter(when, "没有消息来")
            self.stage.fail(when, "没有消息来：还没有等满 rto，窗口也没有空位", f"又来了一条：编号 {found}，内容 {show(text)}")

    def send(self, data: bytes) -> None:
        assert self.peer is not None  # 收过消息，或者写明了发给谁
        self.sock.sendto(data, self.peer)

    def confirm(self, wanted: int) -> None:
        """确认：我要的下一条是 ``wanted``。"""
        self.send(number(wanted))


def still_at_it(stage: Stage, student: Student, tried: str) -> None:
    over = student.over
    stage.require(not over, tried, "还没有返回", "返回了" if over else "还没有返回")


def words(stage: Stage, count: int, longest: int = 40) -> list[bytes]:
    return [stage.rng.randbytes(stage.rng.randint(5, longest)) for _ in range(count)]


def correspond(stage: Stage, function: str, messages: list[bytes], *more: Any) -> tuple[Student, Correspondent]:
    """叫学生的发送方，考官来收。"""
    post = Correspondent(stage, "server", PORT + len(stage.students))
    sending = stage.call(function, datagram(connect=post.address), messages, *more)
    return sending, post


def nonsense(stage: Stage, post: Correspondent, current: int, beyond: int) -> None:
    """旧的确认、说胡话的确认、根本不是确认的东西，次序随机。"""
    for data in stage.rng.sample([number(current), number(max(0, current - 1)), number(beyond), b"", b"ok"], 5):
        post.send(data)


# ---------------------------------------------------------------- 停等

@lab.check("一条一条来", points=2, cells=["ack", "sender"],
           tries="rto 很长；没有等到确认，就不发下一条，也不重发；旧的确认和胡话都不算数")
def one_by_one(stage: Stage) -> None:
    messages = words(stage, stage.rng.randint(2, 3))
    sending, post = correspond(stage, "deliver", messages, NEVER)
    for count, message in enumerate([*messages, b""]):
        post.expect(count, message)
        nonsense(stage, post, count, count + stage.rng.randint(2, 9))
        post.expect_nothing(f"第 {count} 条还没有确认，来了旧的确认和胡话")
        still_at_it(stage, sending, f"第 {count} 条还没有确认，deliver()")
        post.confirm(count + 1)
    stage.result(sending, "每一条都确认了，deliver()", "返回")


@lab.check("没有回音，再发一次", points=2, cells=["ack", "sender"],
           tries="有的消息丢了，有的确认丢了；等满 rto 就重发，原样的一份，直到确认为止，最后一条也一样")
def send_again(stage: Stage) -> None:
    messages = words(stage, 3)
    sending, post = correspond(stage, "deliver", messages, 0.05)
    unlucky = {len(messages), stage.rng.randrange(len(messages))}
    for count, message in enumerate([*messages, b""]):
        for copy in range(stage.rng.randint(2, 3) if count in unlucky else 1):
            post.expect(count, message, copy, late=True)
        still_at_it(stage, sending, f"第 {count} 条还没有确认，deliver()")
        post.confirm(count + 1)
    stage.result(sending, "每一条都确认了，deliver()", "返回")


@lab.check("旧账不能拖住你", points=1, cells=["ack", "sender"],
           tries="旧的确认一个接一个地来，从不停歇；rto 到了，该重发还是要重发")
def deaf_to_noise(stage: Stage) -> None:
    stage.unhindered(lambda: pestered(stage, 0.5), 0.5)


def pestered(stage: Stage, rto: float) -> Any:
    """等一次重发，其间旧的确认不停；返回考官收消息的地址。"""
    (message,) = words(stage, 1)
    sending, post = correspond(stage, "deliver", [message], rto)
    post.expect(0, message)

    def another() -> bool:
        post.confirm(0)
        return poll(post.sock, select.POLLIN)
    stage.until(another, "旧的确认不断地来，等重发的一份", "rto 到了，又来一份", lambda: "一直没有重发", post.sock)
    post.expect(0, message)
    stage.require(True, f"旧的确认不断地来，rto 是 {rto:g} 秒", "再来一份", "又来了一份")
    sending.dismiss()
    return post.address


# ---------------------------------------------------------------- 接收方

@lab.check("不多，不少，不乱", points=2, cells=["receiver"], student="server",
           tries="重复的、提前的、陌生地址的、残缺的都会来；每一条都要回确认，收下的要正好是那些，次序不变")
def just_once(stage: Stage) -> None:
    messages = words(stage, stage.rng.randint(4, 6))
    letters = [number(n) + m for n, m in enumerate([*messages, b""])]
    post, door = Correspondent(stage, "client", PORT), (stage.student.address, PORT)
    collecting = stage.call("collect", datagram(bind=door), 0.1)
    post.peer = door
    wanted, early = 0, stage.rng.randrange(1, len(messages) - 1)
    stranger = Correspondent(stage, "client", PORT + 1)
    stranger.peer = door
    while wanted < len(letters):
        if wanted == early:
            post.send(letters[wanted + 1])
            answered(stage, post, f"第 {wanted + 1} 条提前到了", [wanted])
        post.send(letters[wanted])
        wanted = answered(stage, post, f"第 {wanted} 条到了", [wanted + 1, wanted + 2] if wanted == early else [wanted + 1])
        if wanted < len(letters):
            old = stage.rng.randrange(wanted)
            post.send(letters[old])
            answered(stage, post, f"第 {old} 条又来一份", [wanted])
            for lie in (number(wanted) + b"from a stranger", stage.rng.choice([b"", b"\0", number(wanted)[:3]])):
                stranger.send(lie)
    stage.expect("collect() 返回的消息", messages, stage.result(collecting))


def answered(stage: Stage, post: Correspondent, what: str, allowed: list[int]) -> int:
    """等一个确认，它说的编号应当是 ``allowed`` 之一。"""
    data = post.receive(f"{what}，等确认", f"确认，编号 {allowed[0]}")
    stage.require(data in [number(n) for n in allowed], f"{what}，它的确认（你要的下一条）",
                  f"{number(allowed[0])!r}", show(data))
    return int.from_bytes(data)


@lab.check("最后一个确认丢了", points=2, cells=["receiver"], student="server",
           tries="两次，次序随机：一次 linger 很长，最后一条反复重来，每次都要再确认；一次 linger 很短，没有动静就该返回")
def last_word(stage: Stage) -> None:
    for patient in stage.rng.sample([True, False], 2):
        messages, port = words(stage, 2), PORT + len(stage.students)
        door = (stage.student.address, port)
        post = Correspondent(stage, "client", port)
        post.peer = door
        collecting = stage.call("collect", datagram(bind=door), NEVER if patient else 0.05)
        for count, message in enumerate([*messages, b""]):
            post.send(number(count) + message)
            answered(stage, post, f"第 {count} 条到了", [count + 1])
        if not patient:
            stage.expect("之后没有动静，collect() 返回的消息", messages, stage.result(collecting))
            continue
        for _ in range(stage.rng.randint(2, 3)):
            stage.pause(partial(getattr, collecting, "over"), GLANCE)  # 走得太早的，让它先走
            post.send(number(len(messages)))
            answered(stage, post, "最后一条又来一份：它的确认丢了", [len(messages) + 1])
        still_at_it(stage, collecting, "linger 还没有过，collect()")


# ---------------------------------------------------------------- 窗口

@lab.check("开一扇窗", points=2, cells=["ack", "window"],
           tries="rto 很长，窗口大小随机；没有确认时正好发满一窗，确认几条，才再发几条")
def fill_window(stage: Stage) -> None:
    window = stage.rng.randint(4, 7)
    messages = words(stage, 2 * window + stage.rng.randint(0, 3))
    letters, base, sent, whole = [*messages, b""], 0, 0, False
    sending, post = correspond(stage, "deliver_window", messages, NEVER, window)
    while base < len(letters):
        while sent < min(base + window, len(letters)):
            post.expect(sent, letters[sent])
            sent += 1
        stage.require(True, f"窗口 {window}，确认到 {base}", f"第 {base} 到 {sent - 1} 条在路上", "是这几条")
        nonsense(stage, post, base, sent + stage.rng.randint(1, 9))
        post.expect_nothing(f"窗口 {window}，确认到 {base}，已经来了 {sent} 条")
        still_at_it(stage, sending, f"还有没确认的消息（从 {base} 起），deliver_window()")
        most = sent if whole or (base and sent <= len(letters) - 2) else sent - 1
        whole = sent == len(letters)  # 全部发出了，也先确认一部分：不许就此返回
        base = stage.rng.randint(min(base + 2, most), most)
        post.confirm(base)
    stage.result(sending, "每一条都确认了，deliver_window()", "返回")


@lab.check("窗口里破了洞", points=2, cells=["ack", "window"],
           tries="窗口里丢了随机的几条，确认也不是每条都有；洞要补上，一条不少")
def mend_holes(stage: Stage) -> None:
    window = stage.rng.randint(4, 6)
    messages = words(stage, 3 * window)
    letters = [*messages, b""]
    sending, post = correspond(stage, "deliver_window", messages, 0.08, window)
    holes = set(stage.rng.sample(range(len(letters) - 1), 3)) | {len(letters) - 1}
    lost, have, base, vain = set(holes), set(), 0, 0
    while base < len(letters):
        found, text = post.letter(f"等第 {base} 条消息", show(letters[base]))
        if found >= min(base + window, len(letters)) or text != letters[found]:
            stage.fail(f"等第 {base} 条消息：来了一条", "窗口之内的一条，内容不错", f"编号 {found}，内容 {show(text)}")
        vain = 0 if found == base else vain + 1
        if vain > VAIN:
            stage.fail(f"第 {base} 条丢了，等它再来一份", "补上", f"来了 {vain} 条别的，一直没有它")
        if found in lost:
            lost.discard(found)
            continue
        have.add(found)
        while base in have:
            base += 1
        if base == len(letters) or stage.rng.random() < 0.7:
            post.confirm(base)
    stage.expect(f"窗口 {window}，有 {len(holes)} 条第一次没有送到；收到的消息，连同“结束”", len(letters), len(have))
    stage.until(lambda: sending.over or nudge(post, base), "每一条都确认了，deliver_window()", "返回", lambda: "一直没有返回")
    stage.result(sending)


def nudge(post: Correspondent, base: int) -> bool:
    """还有重复的消息在路上，就再确认一次。"""
    for _ in range(VAIN):
        if not poll(post.sock, select.POLLIN):
            break
        post.sock.recv(4096)
        post.confirm(base)
    return False


@lab.check("坏网线上走一趟", points=2, cells=["ack", "receiver", "window"], patience=6.0,
           tries="两头都是你的程序；网线会丢、会重复、会乱序。收到的要和发出的一字不差")
def rough_cable(stage: Stage) -> None:
    messages = words(stage, 24, 900)
    cable = stage.net.cable
    cable.loss, cable.duplicate, cable.reorder, cable.reorder_delay = 0.15, 0.1, 0.1, 0.01
    door = (stage.net.server.address, PORT)
    collecting = stage.call("collect", datagram(bind=door), 0.5, on="server")
    stage.call("deliver_window", datagram(connect=door), messages, 0.05, 6)
    stage.expect("collect() 返回的消息", messages, stage.result(collecting, "collect()", "收齐之后返回"))
    carried = {bytes.fromhex(p.raw)[HEADERS + 4:] for p in stage.sent() if p.fate == "delivered"}
    stage.require(carried >= set(messages), "网线上真的送到了的", "每一条消息", f"{len(carried & set(messages))} 条")
    mailbox = f"{door[0]}:{door[1]}"
    aside = [p for p in stage.net.trace.packets if p.protocol != "icmp" and mailbox not in (p.source, p.target)]
    stage.require(not aside, "网线上，不是这两个套接字之间的包", "没有", f"{len(aside)} 个")
