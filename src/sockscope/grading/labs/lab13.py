"""练习 13：六个生病的服务：先从轨迹上说出病因，再治好它。"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, accepted, connected, listening
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.resident import resident
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.waiting import show
from sockscope.grading.labs.lab11 import Bell, Ward, outline, told
from sockscope.trace import Packet

lab = Lab(
    "lab13", "六个生病的服务",
    prelude="import select\nimport selectors\nimport socket\n",
    cells={"causes": ["diagnose"], "page": ["page"], "echo": ["echo"], "ask": ["ask"], "reach": ["reach"],
           "lines": ["lines_from"], "restart": ["restart"]})

SERVER = {"hosts": ("client", "server"), "student": "server"}

# 生病的程序：笔记本里印着同样的文字，照抄一份得不到分（tests/grading/test_patients.py）。
PATIENTS = {
    "page": """\
def page(listener, body):
    while True:
        conn, _ = listener.accept()
        conn.recv(100)                      # 读了请求的开头，够用了
        conn.sendall(body)
        conn.close()
""",
    "echo": """\
def echo(listener):
    poll, conns = selectors.DefaultSelector(), []
    poll.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in poll.select():
            if key.fileobj is listener:
                conns.append(listener.accept()[0])
                poll.register(conns[-1], selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(4096)
            except ConnectionError:
                data = b""
            if data:
                key.fileobj.sendall(data)
            else:
                poll.unregister(key.fileobj)
""",
    "ask": """\
POOL = []


def ask(address, question):
    sock = POOL.pop() if POOL else socket.create_connection(address)
    sock.sendall(question + b"\\n")
    with sock.makefile("rb") as file:
        answer = file.readline()
    POOL.append(sock)
    return answer
""",
    "reach": """\
def reach(addresses):
    sock = socket.socket()
    sock.connect(addresses[0])
    return sock
""",
    "lines": """\
def lines_from(conn):
    lines = []
    try:
        with conn.makefile("rb") as file:
            for line in file:
                lines.append(line)
    except TimeoutError:                    # ETIMEDOUT
        pass
    return lines
""",
    "restart": """\
def restart(address, words, bell):
    for word in words:                      # 一代一句话
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
        bell.send(b"!")                     # 这一代听着了
        conn, _ = listener.accept()
        conn.sendall(word)
        conn.close()
        listener.close()                    # 这一代退出
        bell.send(b"?")
        bell.recv(1)                        # 下一代过一会儿才起来
""",
}

# 考官叫 ask() 许多次：每次之前摇铃，等考官放行。
SESSION = """
def session(address, questions, bell):
    answers = []
    for question in questions:
        bell.send(b"!")
        bell.recv(1)
        answers.append(ask(address, question))
    return answers
"""
CALL = """
def call(addresses, words):
    sock = reach(addresses)
    sock.sendall(words)
    return sock.recv(100)
"""
LIMIT = 1.0  # 一个地址至多等这么久，秒


# ---------------------------------------------------------------- 病因：十二段真的轨迹

class Clinic(Ward):
    """一段一段地做；做完把连接都重置掉，后面的轨迹里没有前面的重传。"""

    def film(self, scene: Callable[[Any, bool], None], manner: bool) -> list[Packet]:
        self.rest()
        self.start = len(self.stage.net.trace.packets)
        scene(self, manner)
        self.rest()
        packets = self.so_far()
        for sock in self.open:
            if sock.fileno() >= 0:
                linger_reset(sock)
        self.open.clear()
        self.rest()
        self.stage.net.cable.join()
        return packets

    def so_far(self) -> list[Packet]:
        return self.stage.net.trace.packets[self.start:]

    def wait(self, count: int, wanted: Callable[[Packet], bool]) -> None:
        """等这一段里有了 ``count`` 个这样的包。"""
        self.stage.until(lambda: sum(map(wanted, self.so_far())) >= count, "考官的网线上", f"{count} 个这样的包")


def from_client(packet: Packet) -> bool:
    return packet.src == "client" and bool(packet.length)


def answer_cut(ward: Clinic, sick: bool) -> None:
    near, far = ward.meet()
    near.send(ward.rng.randbytes(2000))
    ward.rest()
    far.recv(100 if sick else 4000)
    far.send(ward.words(500, 900))
    ward.rest()
    far.close()
    ward.rest()
    near.close()


def not_closed(ward: Clinic, sick: bool) -> None:
    near, far = ward.meet()
    near.send(ward.words())
    ward.rest()
    far.recv(64)
    near.shutdown(socket.SHUT_WR)
    ward.rest()
    if not sick:
        far.close()


def reused_late(ward: Clinic, sick: bool) -> None:
    listener = ward.listener()
    near, far = ward.meet(listener)
    far.close()
    ward.rest()
    if not sick:
        near.close()
        ward.rest()
        near, far = ward.meet(listener)
    near.send(ward.words())


def unheard(ward: Clinic, sick: bool) -> None:
    listener = ward.listener()
    port = listener.getsockname()[1]
    ward.stage.net.cable.drop(match=lambda p: p.target.endswith(f":{port}"), times=99 if sick else 1)
    if not sick:
        ward.meet(listener)
        return
    near = ward.client.socket()
    ward.open.append(near)
    near.setblocking(False)
    near.connect_ex(listener.getsockname())
    ward.wait(2, lambda p: "SYN" in p.flags)


def cut_off(ward: Clinic, sick: bool) -> None:
    near, far = ward.meet()
    far.send(ward.words())
    ward.rest()
    if sick:
        ward.stage.net.cable.cut()
    else:
        ward.stage.net.cable.drop(match=from_client, times=1)
    near.send(ward.words())
    ward.wait(2, from_client)


def nobody_there(ward: Clinic, sick: bool) -> None:
    listener = ward.listener()
    port = listener.getsockname()[1]
    if sick:
        listener.close()
        ward.guest(port)
        return
    near, far = ward.meet(listener)
    far.send(ward.words())
    ward.rest()
    linger_reset(near)


CAUSES: dict[str, Callable[[Clinic, bool], None]] = {
    "unread": answer_cut, "leak": not_closed, "stale": reused_late, "silence": unheard, "lost": cut_off, "nobody": nobody_there}


@lab.check("说出病因", points=3, cells=["causes"], delay=0.002,
           tries="十二段真的轨迹，六段各有一种病，六段没有病，次序和内容随机；要一个不错")
def diagnose(stage: Stage) -> None:
    ward = Clinic(stage)
    cases = [(cause, sick) for cause in CAUSES for sick in (True, False)]
    stage.rng.shuffle(cases)
    films = [ward.film(CAUSES[cause], sick) for cause, sick in cases]
    asked = stage.call("ward", [[told(p, film[0].t) for p in film] for film in films],
                       driver="def ward(cases):\n    return [diagnose(c) for c in cases]\n")
    answers = stage.result(asked, "diagnose()，十二段轨迹一段一段地看")
    for place, (film, (cause, sick)) in enumerate(zip(films, cases, strict=True)):
        right = cause if sick else None
        answer = answers[place] if type(answers) is list and place < len(answers) else ""
        known = type(answer) is type(right) and answer == right
        stage.require(known, f"第 {place + 1} 段轨迹" + ("" if known else "\n" + outline(film)), show(right), show(answer))


# ---------------------------------------------------------------- 治病

@lab.check("回答要收得全", points=2, cells=["page"], **SERVER, delay=0.005,
           tries="客户端的请求比你读的长，后一半来得晚；回答几万字节，要收得全，后面是 FIN，不是 RST")
def whole_page(stage: Stage) -> None:
    body, door = stage.rng.randbytes(stage.rng.randint(30_000, 60_000)), (stage.student.address, PORT)
    stage.call("page", listening(door), body)
    for number in (1, 2):
        near = stage.dial("client", door)
        ends = near.getpeername()[:2], near.getsockname()[:2]
        for part in ("前", "后"):
            stage.send(near, stage.rng.randbytes(stage.rng.randint(2000, 6000)), f"客户端发出请求的{part}一半")
            stage.pause(partial(let_go, stage, *ends))  # 急着关的，让它先关
        stage.expect(f"第 {number} 个客户端收到的回答，和结尾", body, stage.receive_all(near))
        near.close()
        stage.quiet()
        stage.require(not stage.sent("RST"), "网线上你这一侧的 RST", "没有", f"{len(stage.sent('RST'))} 个")


def let_go(stage: Stage, local: Any, peer: Any) -> bool:
    return stage.quiet() and not stage.held(local, peer)


@lab.check("走了就关", points=2, cells=["echo"], **SERVER,
           tries="客户端有的关了就走，有的半关闭，有的重置，次序随机；留下的照常得到回声，走了的描述符都还了")
def no_leak(stage: Stage) -> None:
    door = (stage.student.address, PORT)
    stage.call("echo", listening(door))
    server, stayed = resident(stage), stage.dial("client", door)
    converse(stage, stayed)
    before = server.descriptors
    for way in [*stage.rng.sample(["close", "half", "reset"], 3), "close", "reset"]:
        near = stage.dial("client", door)
        converse(stage, near)
        if way == "half":
            near.shutdown(socket.SHUT_WR)
            stage.expect("半关闭的客户端接着读，读到", b"", stage.receive_all(near, "半关闭的客户端等结尾", "FIN"))
        (linger_reset if way == "reset" else type(near).close)(near)
        server.require_descriptors(before, {"close": "客户端关了", "half": "客户端半关闭", "reset": "客户端重置"}[way])
        converse(stage, stayed)


def converse(stage: Stage, sock: Any) -> None:
    words = stage.rng.randbytes(20)
    stage.send(sock, words)
    stage.expect("回声", words, stage.receive_exactly(sock, len(words)))


@lab.check("池里的旧连接", points=3, cells=["ask"],
           tries="连着的连接要重用；对端关了、重置了、收下问题没有答就关了，都要换一条新的再问，次序随机")
def stale_pool(stage: Stage) -> None:
    listener, bell = stage.listen(), Bell(stage)
    ways = ["new", "reuse", *stage.rng.sample(["closed", "reset", "race", "reuse"], 4)]
    words = [(stage.rng.randbytes(8).hex().encode(), stage.rng.randbytes(8).hex().encode() + b"\n") for _ in ways]
    asking = stage.call("session", listener.getsockname(), [question for question, _ in words],
                        connected(Path("bell"), family=socket.AF_UNIX), driver=SESSION)
    conn: Any = None
    for way, (question, answer) in zip(ways, words, strict=True):
        bell.wait("你的程序要问下一句")
        if way == "closed":
            conn.close()
        elif way == "reset":
            linger_reset(conn)
        stage.quiet()
        ring(bell)
        if way == "race":
            stage.expect("旧的连接上来的问题", question + b"\n", stage.receive_exactly(conn, len(question) + 1))
            conn.close()
        if way != "reuse":
            conn = stage.accept(listener, f"{WAYS[way]}，等你换一条新的连接", "一个连接")
        stage.expect(f"{WAYS[way]}，来的问题", question + b"\n", stage.receive_exactly(conn, len(question) + 1))
        conn.sendall(answer)
    stage.expect("ask() 的回答", [answer for _, answer in words], stage.result(asking))


WAYS = {"new": "第一次问", "reuse": "连接还好好的", "closed": "服务器把空闲的连接关了", "reset": "服务器把空闲的连接重置了",
        "race": "服务器收下问题，没有答就关了"}


def ring(bell: Bell) -> None:
    assert bell.rope is not None  # 刚刚听到过铃声
    bell.rope.send(b".")


@lab.check("这一个不行，换下一个", points=2, cells=["reach"], patience=5.0,
           tries=f"几个地址，有的拒绝，有的没有回音，有一个好的；一个地址至多等 {LIMIT:g} 秒。接通以后，对方多久才说话都行")
def next_address(stage: Stage) -> None:
    listener = stage.listen()
    host, good = listener.getsockname()
    silent, refusing, other = stage.rng.sample(range(7100, 7999), 3)
    stage.net.cable.drop(match=lambda p: p.target.endswith(f":{silent}"), times=99)
    words, answer = stage.rng.randbytes(20), stage.rng.randbytes(20)
    addresses = [*stage.rng.sample([(host, silent), (host, refusing)], 2), (host, good), (host, other)]
    calling = stage.call("call", addresses, words, driver=CALL)
    conn = stage.accept(listener, "前两个不行，等你来连第三个", "一个连接")
    stage.expect("接通以后说的话", words, stage.receive_exactly(conn, len(words)))
    stage.pause(lambda: calling.over, 1.5 * LIMIT)
    conn.sendall(answer)
    stage.expect("过了一会儿才来的回答", answer, stage.result(calling))
    kind, _ = stage.outcome(stage.call("reach", [(host, refusing), (host, other)]), "一个好的也没有", "抛出 OSError")
    stage.require(kind == "raised", "一个好的也没有", "抛出 OSError", kind)


@lab.check("没有了，还是没有说话", points=2, cells=["lines"], **SERVER, patience=8.0,
           tries="客户端好几秒不说话，不能断开他；网线断了，8 秒之内要返回")
def gone_quietly(stage: Stage) -> None:
    door = (stage.student.address, PORT)
    reading = stage.call("lines_from", accepted(door))
    near, words = stage.dial("client", door), [stage.rng.randbytes(8).hex().encode() + b"\n" for _ in range(2)]
    stage.send(near, words[0])
    stage.until(lambda: len([p for p in stage.sent() if p.note == "keepalive"]) >= 2, "客户端几秒不说话，网线上",
                "你的内核问过两声（保活探测）", lambda: "没有人问")
    stage.send(near, words[1])
    stage.until(lambda: stage.quiet() and not stage.unread(near), "客户端又说一句", "读走")
    stage.net.cable.cut()
    stage.expect("网线断了以后，lines_from() 返回的", words, stage.result(reading, "网线断了，lines_from()", "返回"))


@lab.check("换一代，不关门", points=2, cells=["restart"], **SERVER,
           tries="一代退出、下一代还没有起来的时候，来了客户端：不能被拒绝，等下一代来答")
def never_refused(stage: Stage) -> None:
    words, door = [stage.rng.randbytes(16) for _ in range(3)], (stage.student.address, PORT)
    bell = Bell(stage)
    stage.call("restart", door, words, connected(Path("bell"), family=socket.AF_UNIX))
    bell.wait("第 1 代启动")
    near = stage.dial("client", door)
    for number, word in enumerate(words, 1):
        stage.expect(f"第 {number} 代对客户端说的话", word, stage.receive_all(near))
        near.close()
        bell.wait(f"第 {number} 代退出")
        if number < len(words):
            near = stage.dial("client", door)
            ring(bell)
            bell.wait(f"第 {number + 1} 代启动")
