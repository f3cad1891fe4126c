"""练习 11：五个生病的程序，各用一个选项治好；最后从轨迹上认出是哪一种病。"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, connected
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Student
from sockscope.grading.exam.waiting import poll, refusal, show
from sockscope.live.linux import TCP_DEFER_ACCEPT
from sockscope.trace import Packet

lab = Lab(
    "lab11", "对症下药",
    prelude="import socket\nimport struct\n",
    cells={"telegraph": ["treat_telegraph"], "restart": ["treat_restart"], "both": ["treat_both"],
           "transcribe": ["treat_transcribe"], "counter": ["treat_counter"], "doctor": ["diagnose"]})

SERVER = {"hosts": ("client", "server"), "student": "server"}
PATIENT = 30.0  # 确认故意来得晚：机器再忙，内核也不许因此重传，一重传就攒着发了，秒

# 病人的程序：笔记本里印着同样的文字（tests/grading/test_patients.py 逐字比较）。
PATIENTS = {
    "telegraph": """\
def telegraph(address, keys):
    sock = socket.socket()
    treat_telegraph(sock)
    sock.connect(address)
    for key in keys:                    # 按一个键，发一个字节
        sock.send(bytes([key]))
    sock.recv(1)
""",
    "restart": """\
def restart(address, words, bell):
    for word in words:                  # 每一句话是一辈子
        listener = socket.socket()
        treat_restart(listener)
        listener.bind(address)
        listener.listen()
        bell.send(b"!")                 # 摇铃：听着了
        conn, _ = listener.accept()
        conn.sendall(word)
        conn.shutdown(socket.SHUT_WR)   # 先说再见的是服务器
        conn.recv(1)                    # 等客人也说再见
        conn.close()
        listener.close()
""",
    "both": """\
def both(port, words, bell):
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    treat_both(listener)
    listener.bind(("::", port))
    listener.listen()
    bell.send(b"!")                     # 摇铃：听着了
    while True:
        conn, _ = listener.accept()
        conn.sendall(words)
        conn.close()
""",
    "transcribe": """\
def transcribe(address, bell):
    listener = socket.socket()
    listener.bind(address)
    listener.listen()
    bell.send(b"!")                     # 摇铃：听着了
    conn, _ = listener.accept()
    treat_transcribe(conn)
    text = b""
    while more := conn.recv(1000):
        text += more
    conn.sendall(text)
    conn.close()
""",
    "counter": """\
def counter(address, bell):
    listener = socket.socket()
    treat_counter(listener)
    listener.bind(address)
    listener.listen()
    bell.send(b"!")                     # 摇铃：听着了
    while True:
        conn, _ = listener.accept()
        question = conn.recv(1000)
        conn.sendall(question[::-1])
        conn.close()
""",
}


# ---------------------------------------------------------------- 治病

class Bell:
    """病人摇铃，考官就知道它听着了；不必猜，也不在网线上多出一个包。"""

    def __init__(self, stage: Stage) -> None:
        self.stage, listener = stage, socket.socket(socket.AF_UNIX)
        stage.own.append(listener)
        listener.bind(stage.net.folder + "bell")
        stage.share("bell")
        listener.listen()
        self.listener = listener
        self.rope: socket.socket | None = None

    def wait(self, tried: str) -> None:
        if self.rope is None:
            self._answered(self.listener, tried)
            self.rope = self.listener.accept()[0]
            self.stage.own.append(self.rope)
        self._answered(self.rope, tried)
        self.rope.recv(1, socket.MSG_DONTWAIT)

    def _answered(self, sock: socket.socket, tried: str) -> None:
        self.stage.until(lambda: poll(sock, select.POLLIN), tried, "听着了", lambda: "一直没有听", sock)


def admit(stage: Stage, name: str, *args: Any) -> tuple[Student, Bell]:
    """病人在学生的进程里运行，吃的是学生开的药。"""
    bell = Bell(stage)
    return stage.call(name, *args, connected(Path("bell"), family=socket.AF_UNIX), driver=PATIENTS[name]), bell


def visit(stage: Stage, address: Any, tried: str, expected: str) -> Any:
    """客人连到病人那里；IPv4、IPv6 都行。"""
    sock = stage.net.client.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    sock.settimeout(stage.check.patience)
    try:
        sock.connect(address)
    except OSError as error:
        stage.fail(tried, expected, refusal(error))
    sock.settimeout(None)
    return sock


@lab.check("电报不能攒着发", points=2, cells=["telegraph"], delay=0.03, rto_min=PATIENT,
           tries="报务员按一个键发一个字节，确认半秒才到；网线上每个字节要各走各的，一个也不等")
def every_key(stage: Stage) -> None:
    keys = stage.rng.randbytes(stage.rng.randint(7, 9))
    listener = stage.listen()
    stage.net.cable.detain(0.5, match=lambda p: p.src == "server" and p.pure_ack, times=99)
    stage.call("telegraph", listener.getsockname(), keys, driver=PATIENTS["telegraph"])
    conn = stage.accept(listener)
    stage.expect("收到的电报", keys, stage.receive_exactly(conn, len(keys)))
    sent = [p for p in stage.sent() if p.length and p.note != "retransmission"]
    stage.expect("网线上，报务员发出的每个包里的字节数", [1] * len(keys), [p.length for p in sent])
    came = [p.end for p in stage.sent("ACK", host="server") if p.pure_ack and p.end]
    eager = any(sum(end <= p.t for end in came) < earlier for earlier, p in enumerate(sent))
    stage.require(eager, "一个字节上路的时候，前面的", "有的还没有确认", "有的还没有确认" if eager else "每一次都等到了确认才发")


@lab.check("重启要立刻开得了门", points=2, cells=["restart"], **SERVER,
           tries="服务器说完一句话，先说再见，退出，马上再启动；第二辈子、第三辈子都要接得到客人")
def open_again(stage: Stage) -> None:
    words = [stage.rng.randbytes(16) for _ in range(3)]
    door = (stage.student.address, PORT)
    _, bell = admit(stage, "restart", door, words)
    for life, word in enumerate(words, 1):
        bell.wait(f"第 {life} 次启动")
        guest = stage.dial("client", door)
        stage.expect(f"第 {life} 辈子，客人听到的话", word, stage.receive_all(guest))
        guest.close()


@lab.check("两种客人都要听得见", points=2, cells=["both"], **SERVER,
           tries="一个监听的套接字；IPv4 的客人和 IPv6 的客人都来，次序随机")
def both_kinds(stage: Stage) -> None:
    words, port = stage.rng.randbytes(16), stage.rng.randint(7000, 7999)
    _, bell = admit(stage, "both", port, words)
    bell.wait("服务器启动")
    server = stage.net.server
    for kind, address in stage.rng.sample([("IPv4", server.address), ("IPv6", server.address6)], 2):
        guest = visit(stage, (address, port), f"{kind} 的客人来连", "连上")
        stage.expect(f"{kind} 的客人听到的话", words, stage.receive_all(guest))


@lab.check("少了一个字", points=2, cells=["transcribe"], **SERVER,
           tries="客人说到一半，有一个字节是紧急数据（MSG_OOB）；抄写员抄回来的要一个不少，也不能错位")
def missing_byte(stage: Stage) -> None:
    before, after = (stage.rng.randbytes(stage.rng.randint(5, 30)) for _ in range(2))
    # 与别的字节都不同：错了位，才一定看得出
    urgent, door = bytes([stage.rng.choice([*{*range(256)} - {*before, *after}])]), (stage.student.address, PORT)
    _, bell = admit(stage, "transcribe", door)
    bell.wait("抄写员开门")
    guest = stage.dial("client", door)
    guest.send(before)
    guest.send(urgent, socket.MSG_OOB)
    guest.send(after)
    guest.shutdown(socket.SHUT_WR)
    stage.expect("抄回来的", before + urgent + after, stage.receive_all(guest))


@lab.check("一声不吭的客人", points=2, cells=["counter"], **SERVER,
           tries="先来一两位连上了却一声不吭的客人，马上来一位有话要问的，过一秒再来一位：都不该等前面的；最后，不吭声的也开口了")
def silent_guest(stage: Stage) -> None:
    door = (stage.student.address, PORT)
    _, bell = admit(stage, "counter", door)
    bell.wait("柜台开张")
    silent = []
    for _ in range(stage.rng.randint(1, 2)):
        silent.append(stage.dial("client", door))
        stage.quiet()
    ask(stage, stage.dial("client", door), "有话要问的客人")
    a_second_passes(stage)
    ask(stage, stage.dial("client", door), "过了一秒，有话要问的客人")
    for guest in stage.rng.sample(silent, len(silent)):
        ask(stage, guest, "终于开口的客人")


def ask(stage: Stage, guest: Any, who: str) -> None:
    question = stage.rng.randbytes(20)
    stage.send(guest, question, f"{who}说话")
    stage.expect(f"{who}得到的回答", question[::-1], stage.receive_exactly(guest, len(question), f"{who}等回答", "回答"))


def a_second_passes(stage: Stage) -> None:
    """考官自己也有一个柜台，把门的只等 1 秒，客人不吭声：他进来了，早来的若也只被拦 1 秒，就都进去了。"""
    door, guest = (socket.socket(fileno=stage.net.client.new_fd(socket.AF_INET, socket.SOCK_STREAM, 0)) for _ in range(2))
    stage.own += [door, guest]
    door.setsockopt(socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, 1)
    door.bind((stage.net.client.address, PORT))
    door.listen()
    guest.connect(door.getsockname())
    stage.until(lambda: poll(door, select.POLLIN), "等一秒", "过了一秒", sock=door)
    stage.quiet()


# ---------------------------------------------------------------- 看病：十段真的轨迹

class Ward:
    """考官在网线上做一段对话，把它的包写成学生看得懂的样子。"""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.rng = stage, stage.rng
        self.open: list[Any] = []
        self.client, self.server = stage.net.client, stage.net.server
        self.ports = iter(stage.rng.sample(range(7000, 8000), 40))

    def listener(self, port: int = 0, family: int = socket.AF_INET, **options: int) -> Any:
        sock = self.server.socket(family)
        self.open.append(sock)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, options["only"])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.server.address if family == socket.AF_INET else "::", port or next(self.ports)))
        sock.listen()
        return sock

    def guest(self, port: int, six: bool = False) -> Any:
        sock = self.client.socket(socket.AF_INET6 if six else socket.AF_INET)
        self.open.append(sock)
        with suppress(ConnectionRefusedError):
            sock.connect((self.server.address6 if six else self.server.address, port))
        return sock

    def meet(self, listener: Any = None, six: bool = False) -> tuple[Any, Any]:
        listener = listener or self.listener()
        near = self.guest(listener.getsockname()[1], six)
        self.open.append(listener.accept()[0])
        return near, self.open[-1]

    def words(self, least: int = 2, most: int = 30) -> bytes:
        return self.rng.randbytes(self.rng.randint(least, most))

    def rest(self) -> None:
        """等网线静下来，机器再忙也等到。"""
        self.stage.until(self.stage.quiet, "考官演一段轨迹", "网线静下来")

    def film(self, scene: Callable[[Ward, bool], None], manner: bool) -> list[Packet]:
        """演一段，等网线静下来，取这一段的包。"""
        self.rest()
        start = len(self.stage.net.trace.packets)
        scene(self, manner)
        self.rest()
        packets = self.stage.net.trace.packets[start:]
        for sock in self.open:
            sock.close()
        self.open.clear()
        return packets


def press_keys(ward: Ward, hurry: bool) -> None:
    near, _ = ward.meet()
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, hurry)
    # 第一个确认晚一点到，按键之间因此来不及有确认
    ward.stage.net.cable.detain(0.15, match=lambda p: p.src == "server" and p.pure_ack)
    near.send(ward.words(1, 1))
    if hurry:
        ward.rest()  # 没有病的也停一停：停多久不是病
    for _ in range(ward.rng.randint(2, 3)):
        near.send(ward.words(1, 1))


def live_twice(ward: Ward, again: bool) -> None:
    listener = ward.listener()
    door = listener.getsockname()[1]
    near, far = ward.meet(listener)
    far.send(ward.words())
    far.shutdown(socket.SHUT_WR)
    ward.rest()
    near.recv(64)  # 没有读完就关，会是 RST
    for sock in (near, far, listener):
        sock.close()
        ward.rest()
    if again:
        ward.meet(ward.listener(door))[1].send(ward.words())
    else:
        ward.guest(door)


def two_families(ward: Ward, welcome: bool) -> None:
    listener = ward.listener(family=socket.AF_INET6, only=not welcome)
    for six in ward.rng.sample([True, False], 2):
        if six or welcome:
            ward.meet(listener, six)[1].send(ward.words())
        else:
            ward.guest(listener.getsockname()[1])


def say_something(ward: Ward, urgent: bool) -> None:
    near, far = ward.meet()
    near.send(ward.words(1, 1))
    ward.rest()
    far.send(ward.words())
    ward.rest()
    near.send(ward.words(2, 3), socket.MSG_OOB if urgent else 0)  # 与攒在一起的键一样长：长短不是病
    ward.rest()
    far.send(ward.words())


def wait_in_line(ward: Ward, served: bool) -> None:
    listener = ward.listener()
    ward.meet(listener)
    asking = ward.guest(listener.getsockname()[1])
    asking.send(ward.words())
    if served:
        listener.accept()[0].send(ward.words())


CASES = [(scene, manner, option if manner == sick else None)
         for scene, sick, option in ((press_keys, False, "TCP_NODELAY"), (live_twice, False, "SO_REUSEADDR"),
                                     (two_families, False, "IPV6_V6ONLY"), (say_something, True, "SO_OOBINLINE"),
                                     (wait_in_line, False, "TCP_DEFER_ACCEPT"))
         for manner in (True, False)]
ALIKE = {"SO_REUSEPORT": "SO_REUSEADDR"}  # 两味药，治的是同一种病


def told(packet: Packet, origin: int) -> dict[str, Any]:
    """一个包，写成学生的函数收到的样子。"""
    return {"time": round((packet.t - origin) / 1e6, 3), "from": packet.src, "to": packet.dst,
            "ip": bytes.fromhex(packet.raw)[0] >> 4, "source": int(packet.source.rpartition(":")[2]),
            "target": int(packet.target.rpartition(":")[2]), "flags": list(packet.flags), "length": packet.length}


def outline(packets: list[Packet]) -> str:
    """一段轨迹，写成几行字。"""
    return "\n".join(f"IPv{m['ip']} {m['from']}:{m['source']} → {m['to']}:{m['target']} {'+'.join(m['flags'])}"
                     + f" {m['length']} 字节" * bool(m["length"]) for m in (told(p, 0) for p in packets))


@lab.check("从轨迹上认出来", points=3, cells=["doctor"], delay=0.002, rto_min=PATIENT,
           tries="十段真的轨迹，五段有病，五段没病，次序和内容随机；你的大夫要一个不错")
def diagnose(stage: Stage) -> None:
    ward, cases = Ward(stage), stage.rng.sample(CASES, len(CASES))
    films = [ward.film(scene, manner) for scene, manner, _ in cases]
    packets = [[told(p, film[0].t) for p in film] for film in films]
    asked = stage.call("ward", packets, driver="def ward(cases):\n    return [diagnose(c) for c in cases]\n")
    answers = stage.result(asked, "diagnose()，十段轨迹一段一段地看")
    for place, (film, (_, _, option)) in enumerate(zip(films, cases, strict=True)):
        answer = answers[place] if type(answers) is list and place < len(answers) else None
        cure = ALIKE.get(answer, answer) if type(answer) is str else answer
        right = type(cure) is type(option) and cure == option
        stage.require(right, f"第 {place + 1} 段轨迹" + ("" if right else "\n" + outline(film)), show(option), show(answer))
