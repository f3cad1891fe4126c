"""练习 01：流与数据报各说一句；一张自己造的探测表；几只不说真话的套接字。"""

from __future__ import annotations

import select
import socket
from typing import Any

from sockscope.grading.exam.arguments import Path, connected, datagram
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.waiting import poll, refusal
from sockscope.live.linux import AF_UNIX

lab = Lab("lab01", "这个内核肯收什么", prelude="import errno\nimport socket\n",
          cells={"ask_stream": ["ask_stream"], "ask_datagram": ["ask_datagram"], "probe": ["probe"], "matrix": ["matrix"],
                 "identify": ["identify"], "keeps_boundaries": ["keeps_boundaries"], "fill": ["fill"]})

UNIX, INET, INET6, NOWHERE = int(AF_UNIX), int(socket.AF_INET), int(socket.AF_INET6), 63
STREAM, DGRAM, RAW, RDM, SEQPACKET = 1, 2, 3, 4, 5
KINDS = [STREAM, DGRAM, RAW, RDM, SEQPACKET]
PROTOCOLS = [0, 1, 6, 17, 132, 300]
PORT = 7007
MANY = 10_000  # 队列里再多也只数到这里


# ---------------------------------------------------------------- 两种一生

@lab.check("流的一生", points=1, cells=["ask_stream"], delay=0.005,
           tries="服务器听着 TCP；ask_stream() 连上去问一句，返回回答，然后关掉")
def stream_life(stage: Stage) -> None:
    question, answer = (stage.rng.randbytes(stage.rng.randint(5, 60)) for _ in range(2))
    listener = stage.listen(port=PORT)
    asking = stage.call("ask_stream", listener.getsockname(), question)
    conn = stage.accept(listener)
    stage.expect("服务器收到的问题", question, stage.receive_exactly(conn, len(question)))
    conn.sendall(answer)
    stage.expect("ask_stream() 返回的回答", answer, stage.result(asking))
    stage.expect("返回之后，服务器读到的结尾", b"", stage.receive_all(conn))


@lab.check("数据报的一生", points=1, cells=["ask_datagram"], delay=0.005,
           tries="服务器绑着 UDP；ask_datagram() 发一个数据报问，返回整个回答，哪怕它有几千个字节，然后关掉")
def datagram_life(stage: Stage) -> None:
    question, answer = stage.rng.randbytes(stage.rng.randint(5, 60)), stage.rng.randbytes(stage.rng.randint(4500, 9000))
    mailbox = stage.net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mailbox.bind((stage.net.server.address, PORT))
    before = stage.sockets()
    asking = stage.call("ask_datagram", mailbox.getsockname(), question)
    stage.until(lambda: poll(mailbox, select.POLLIN), "等你的数据报", "一个 UDP 数据报", lambda: "什么也没有等到", mailbox)
    words, sender = mailbox.recvfrom(65536)
    stage.expect("服务器收到的问题", question, words)
    mailbox.sendto(answer, sender)
    stage.expect("ask_datagram() 返回的回答", answer, stage.result(asking))
    stage.require_closed(before, "ask_datagram() 返回之后，它的套接字")


# ---------------------------------------------------------------- 探测表

def truth(stage: Stage, domain: int, kind: int, protocol: int) -> str:
    """考官自己去问同一个内核，也不带任何特权。"""
    try:
        with stage.student.unprivileged():
            stage.student.socket(domain, kind, protocol).close()
    except OSError as error:
        return refusal(error)
    return "✓"


@lab.check("问一次", points=2, cells=["probe"], tries="十二种组合，域、类型、协议都随机，与考官问到的一一比较")
def one_probe(stage: Stage) -> None:
    rng = stage.rng
    cases = [(INET, STREAM, 6), (INET, RAW, 1), (UNIX, STREAM, 0), (INET, STREAM, 17), (NOWHERE, STREAM, 0)]
    cases += [(rng.choice([UNIX, INET, INET6]), rng.choice(KINDS), rng.choice(PROTOCOLS)) for _ in range(7)]
    rng.shuffle(cases)
    driver = "def main(cases): return [probe(*case) for case in cases]"
    answers = stage.result(stage.call("main", cases, driver=driver), "用十二种组合叫 probe()", "每次返回一个字符串")
    for case, seen in zip(cases, listed(answers, len(cases)), strict=True):
        stage.expect(f"probe{case}", truth(stage, *case), seen)


def family(domain: int) -> str:
    return socket.AddressFamily(domain).name


def listed(value: Any, size: int) -> list[Any]:
    """学生说的列表；不是这么长的列表，就当作什么也没说。"""
    return value if isinstance(value, list) and len(value) == size else [None] * size


FRUGAL = """
def main(domains, kinds, protocols):
    for _ in range(3):
        tables = [matrix(domain, kinds, protocols) for domain in domains]
    return tables
"""


@lab.check("整张表", points=2, cells=["probe", "matrix"],
           tries="三个通信域，行和列的次序随机；进程最多只许开 24 个描述符，问完不关就不够用")
def whole_table(stage: Stage) -> None:
    domains, kinds = stage.rng.sample([UNIX, INET, INET6], 3), stage.rng.sample(KINDS, 4)
    protocols = stage.rng.sample(PROTOCOLS, 5)
    asked = stage.call("main", domains, kinds, protocols, driver=FRUGAL, RLIMIT_NOFILE=24)
    tables = stage.result(asked, f"matrix(…, {kinds}, {protocols})，三个通信域各问三遍", "三张表")
    for domain, table in zip(domains, listed(tables, 3), strict=True):
        for kind, row in zip(kinds, listed(table, len(kinds)), strict=True):
            wanted = [truth(stage, domain, kind, protocol) for protocol in protocols]
            stage.expect(f"{family(domain)}、{socket.SocketKind(kind).name} 那一行，协议依次是 {protocols}", wanted, row)


# ---------------------------------------------------------------- 名不副实

# 套接字由考官造好了递过来：在学生的进程里造，调用栈里就写着它是什么。
HANDED = """
def handed(desk, families, kinds):
    fds = []
    while len(fds) < len(families):
        fds += socket.recv_fds(desk, 1, 8)[1]
    return [socket.socket(*made, 0, fileno=fd) for *made, fd in zip(families, kinds, fds)]
"""
DISGUISED = HANDED + """
def main(desk, families, kinds):
    return [identify(sock) for sock in handed(desk, families, kinds)]
"""


def hand(stage: Stage, socks: list[Any], masks: list[int], driver: str) -> Any:
    """把考官在学生的主机上造的套接字递给 ``main``，名义上是另一种类型；返回它的回答。"""
    counter = socket.socket(socket.AF_UNIX)
    stage.own.append(counter)
    counter.bind(stage.net.folder + "counter")
    stage.share("counter")
    counter.listen()
    families = [int(sock.family) for sock in socks]
    student = stage.call("main", connected(Path("counter"), family=socket.AF_UNIX), families, masks, driver=driver)
    stage.until(lambda: poll(counter, select.POLLIN), "等你的程序来拿套接字", "一个连接", lambda: "没有来", counter)
    desk, _ = counter.accept()
    stage.own.append(desk)
    for sock in socks:
        socket.send_fds(desk, [b"!"], [sock.fileno()])
        sock.close()
    return stage.result(student, f"把 {len(socks)} 只套接字交给你的程序")


@lab.check("你到底是什么", points=2, cells=["identify"],
           tries="六只套接字，Python 对象上写着的类型是假的；域、类型、协议要问内核")
def who_are_you(stage: Stage) -> None:
    six = [(INET, STREAM, 0, (INET, STREAM, 6)), (INET, DGRAM, 0, (INET, DGRAM, 17)), (INET6, STREAM, 6, (INET6, STREAM, 6)),
           (UNIX, RAW, 0, (UNIX, DGRAM, 0)), (UNIX, SEQPACKET, 0, (UNIX, SEQPACKET, 0)), (INET6, DGRAM, 17, (INET6, DGRAM, 17))]
    stage.rng.shuffle(six)
    masks = [stage.rng.choice([STREAM, SEQPACKET, RAW]) for _ in six]
    answers = hand(stage, [stage.student.socket(*made) for *made, _ in six], masks, DISGUISED)
    for (*made, wanted), seen in zip(six, listed(answers, 6), strict=True):
        what = f"{family(made[0])}, {socket.SocketKind(made[1]).name}, {made[2]}"
        stage.expect(f"socket({what}) 造出来的", wanted, seen)


COUPLES = HANDED + """
def main(desk, families, kinds):
    socks = handed(desk, families, kinds)
    return [keeps_boundaries(*pair) for pair in zip(socks[::2], socks[1::2])]
"""


def couple(stage: Stage, domain: int, kind: int, here: str) -> tuple[Any, Any]:
    """学生的主机上，一对连好的套接字。"""
    if domain == UNIX:
        return socket.socketpair(domain, kind)
    first, second = stage.student.socket(domain, kind), stage.student.socket(domain, kind)
    second.bind((here, 0))
    if kind == STREAM:
        second.listen()
        first.connect(second.getsockname())
        return first, second.accept()[0]
    first.connect(second.getsockname())
    second.connect(first.getsockname())
    return first, second


@lab.check("有没有边界", points=2, cells=["keeps_boundaries"],
           tries="七对连好的套接字，流、数据报、顺序包都有，次序随机，类型都写着 SOCK_STREAM；做实验，说出保不保留消息边界")
def boundaries(stage: Stage) -> None:
    four, six = stage.student.address, stage.student.address6
    pairs = [(UNIX, STREAM, ""), (UNIX, DGRAM, ""), (UNIX, SEQPACKET, ""), (INET, STREAM, four), (INET, DGRAM, four),
             (INET6, STREAM, six), (INET6, DGRAM, six)]
    stage.rng.shuffle(pairs)
    socks = [sock for pair in pairs for sock in couple(stage, *pair)]
    answers = hand(stage, socks, [STREAM] * len(socks), COUPLES)
    names = {STREAM: "流", DGRAM: "数据报", SEQPACKET: "顺序包"}
    for (domain, kind, _), seen in zip(pairs, listed(answers, 7), strict=True):
        stage.expect(f"{family(domain)} 的{names[kind]}", kind != STREAM, seen)


# ---------------------------------------------------------------- 队列满了

@lab.check("装得下几个", points=2, cells=["fill"],
           tries="Unix 域的数据报套接字，接收队列里已经有随机几个，没有人读；你说发进了几个，考官读出来数")
def full_queue(stage: Stage) -> None:
    mailbox = stage.net.server.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    mailbox.bind(stage.net.folder + "mailbox")
    stage.share("mailbox")
    early = stage.rng.randrange(1, 7)
    other = stage.net.server.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for _ in range(early):
        other.sendto(b"early", stage.net.folder + "mailbox")
    filling = stage.call("fill", datagram(connect=Path("mailbox"), family=socket.AF_UNIX))
    told = stage.result(filling, "fill(sock)，对面没有人读", "队列满了就返回，不要等")
    count = 0
    while count < MANY and poll(mailbox, select.POLLIN):
        mailbox.recv(65536)
        count += 1
    stage.require(count > early, "队列里多出来的", "至少一个", f"{count - early} 个")
    stage.expect("fill() 说发进了几个；考官读出来，多出来的", count - early, told)
