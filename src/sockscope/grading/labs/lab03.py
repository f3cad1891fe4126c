"""练习 03：一个回声服务器，一个说得出是谁在说“不”的 ``diagnose``。"""

from __future__ import annotations

from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT, accepted
from sockscope.grading.exam.c_answer import InC
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Student

PRELUDE = """\
import errno
import socket
import threading

OPEN, REFUSED, SILENT = "有人听", "没有人听", "没有回音"
UNREACHABLE, NO_ROUTE = "路上说到不了", "本机没有路由"
"""
OPEN, REFUSED, SILENT = "有人听", "没有人听", "没有回音"
UNREACHABLE, NO_ROUTE = "路上说到不了", "本机没有路由"

IN_C = InC("""\
enum answer { OPEN, REFUSED, SILENT, UNREACHABLE, NO_ROUTE };

void echo(int conn);                        /* 关掉 conn */
int serve(const char *host, int port);      /* 永不返回；绑不上返回 -1 */
int diagnose(const char *host, int port, double patience);  /* 五个答案之一；别的错误返回 -1，errno 照旧 */
""", {
    "echo": """
echo_in_c = native("echo", None, ctypes.c_int)
def echo(conn):
    echo_in_c(conn.detach())
""",
    "serve": """
serve_in_c = native("serve", ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
def serve(address):
    if serve_in_c(address[0].encode(), address[1]) == -1:
        raise failure()
""",
    "diagnose": """
diagnose_in_c = native("diagnose", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_double)
def diagnose(host, port, patience):
    answer = diagnose_in_c(host.encode(), port, patience)
    if answer == -1:
        raise failure()
    return dict(enumerate((OPEN, REFUSED, SILENT, UNREACHABLE, NO_ROUTE))).get(answer, answer)
"""})

lab = Lab("lab03", "谁在说“不”", prelude=PRELUDE, in_c=IN_C,
          cells={"echo": ["echo"], "serve": ["serve"], "diagnose": ["diagnose"]})

ROW = ("client", "router", "server")
LONG = 20.0  # 有回音的去处，给 diagnose 的耐心，秒：机器再忙，也不该等不到


# ---------------------------------------------------------------- 回声

def guest(stage: Stage) -> tuple[Student, Any]:
    """叫 ``echo``，考官是唯一的客人。"""
    door = (stage.student.address, PORT + len(stage.students))
    return stage.call("echo", accepted(door)), stage.dial("client", door)


def talk(stage: Stage, near: Any, who: str = "客人", most: int = 3000) -> None:
    """说一句，听它说回来；话里有换行、空格和不是文字的字节。"""
    words = stage.rng.randbytes(stage.rng.randint(1, most)) + stage.rng.choice([b"\r\n", b" ", b"\0", b"\n\n"])
    near.sendall(words)
    said = f"{who}说了 {len(words)} 字节"
    stage.expect(f"{said}，听到的回声", words, stage.receive_exactly(near, len(words), f"{said}，等回声", "原样的回声"))


@lab.check("说一句，回一句", points=2, cells=["echo"], student="server",
           tries="客人说一句，听到了回声才说下一句；长短随机，字节随机")
def echo_turns(stage: Stage) -> None:
    _, near = guest(stage)
    for _ in range(4):
        talk(stage, near)
    words = stage.rng.randbytes(60)
    stage.trickle(near, words, 8)
    stage.expect("一句话切成 8 段慢慢到，听到的回声", words, stage.receive_exactly(near, len(words), "等回声", "原样的回声"))


@lab.check("说完了，也听完了", points=2, cells=["echo"], student="server", delay=0.002,
           tries="客人一口气说完就半关闭，回声要一个字节不少，然后是结尾；echo() 返回，没有 RST")
def echo_end(stage: Stage) -> None:
    for size in stage.rng.sample([0, stage.rng.randint(1, 50), stage.rng.randint(9000, 30_000)], 3):
        before = stage.sockets()
        echoing, near = guest(stage)
        words = stage.rng.randbytes(size)
        stage.send(near, words)
        near.shutdown(1)
        stage.expect(f"说了 {size} 字节，然后半关闭；听到的全部回声", words, stage.receive_all(near))
        stage.result(echoing)
        stage.require_closed(before, "echo() 返回之后，你的 conn")
        stage.require(not stage.sent("RST"), "网线上你这一侧的 RST", "没有", f"{len(stage.sent('RST'))} 个")


@lab.check("不欢而散", points=1, cells=["echo"], student="server",
           tries="客人说到一半重置了连接（RST）；echo() 照常返回，不抛出异常")
def echo_reset(stage: Stage) -> None:
    for rude in stage.rng.sample([True, False], 2):
        echoing, near = guest(stage)
        talk(stage, near, "要走的客人" if rude else "客人")
        if rude:
            linger_reset(near)
        else:
            near.shutdown(1)
            stage.expect("有礼貌的客人说完了，听到的结尾", b"", stage.receive_all(near))
        stage.result(echoing, "客人重置了连接，echo()" if rude else "客人说完了，echo()")


# ---------------------------------------------------------------- 服务器

def opened(stage: Stage, port: int) -> tuple[Student, tuple[str, int]]:
    """叫 ``serve``，等它听着。"""
    door = (stage.student.address, port)
    serving = stage.call("serve", door)
    stage.wait_listening(port)
    return serving, door


@lab.check("谁也别耽误谁", points=2, cells=["echo", "serve"], student="server",
           tries="第一位客人连上了不说话，后来的照样有回声；中间有人重置了连接，别人不受影响")
def serve_many(stage: Stage) -> None:
    _, door = opened(stage, stage.rng.randint(7000, 9000))
    shy = stage.dial("client", door)
    guests = [stage.dial("client", door) for _ in range(3)]
    for number in stage.rng.choices(range(3), k=5):
        talk(stage, guests[number], f"第 {number + 2} 位客人", 600)
    linger_reset(guests.pop(stage.rng.randrange(3)))
    talk(stage, stage.dial("client", door), "有人重置连接之后，新来的客人", 600)
    for left in guests:
        talk(stage, left, "有人重置连接之后，还在的客人", 600)
    talk(stage, shy, "一直没说话的第一位客人，终于", 600)


@lab.check("重启就来", points=1, cells=["echo", "serve"], student="server",
           tries="服务器的进程被杀，连接停在 TIME_WAIT；新的进程马上 serve() 同一个地址")
def serve_again(stage: Stage) -> None:
    port = stage.rng.randint(7000, 9000)
    serving, door = opened(stage, port)
    near = stage.dial("client", door)
    talk(stage, near)
    stage.students.remove(serving)
    serving.end()
    stage.expect("进程被杀之后，客人听到的结尾", b"", stage.receive_all(near))
    near.close()
    stage.quiet()
    _, door = opened(stage, port)
    talk(stage, stage.dial("client", door), "重启之后来的客人")


# ---------------------------------------------------------------- 诊断

def elsewhere(stage: Stage, number: int) -> tuple[str, str]:
    """一个谁也没听说过的网和其中一台主机。"""
    return f"10.9.{number}.0/24", f"10.9.{number}.{stage.rng.randint(2, 250)}"


def listened(stage: Stage) -> tuple[str, int]:
    """有人听的地址；回声、握手都由内核做，不必 accept。"""
    address: tuple[str, int] = stage.listen(port=PORT + stage.rng.randrange(500)).getsockname()
    return address


def closed(stage: Stage) -> tuple[str, int]:
    return stage.net.server.address, PORT + 500 + stage.rng.randrange(500)


def refused_by_router(stage: Stage) -> tuple[str, int]:
    net, someone = elsewhere(stage, 1)
    stage.net.router.route(net, stage.rng.choice(["unreachable", "prohibit"]))
    return someone, PORT


def unknown_to_router(stage: Stage) -> tuple[str, int]:
    return elsewhere(stage, 2)[1], PORT


def no_route(stage: Stage) -> tuple[str, int]:
    net, someone = elsewhere(stage, 3)
    stage.net.client.route(net, "throw")  # ip-route(8)：查到这里，当作没有路由
    return someone, PORT


def diagnosed(stage: Stage, cases: list[tuple[str, Any, str]]) -> None:
    """按随机的次序问 ``diagnose``，每次一个新的进程。"""
    for title, place, truth in stage.rng.sample(cases, len(cases)):
        there = place(stage)
        student = stage.call("diagnose", *there, LONG)
        stage.expect(f"{title}：{student.text}", truth, stage.result(student))
        if truth == OPEN:
            stage.until(partial(let_go, stage, *there), "diagnose() 说有人听之后，它连上的套接字", "关掉了", "还开着".format)


@lab.check("四种回答", points=3, cells=["diagnose"], hosts=ROW, delay=0.002,
           tries="有人听、没有人听、路上说到不了、本机没有路由，次序随机，都要说对")
def gallery(stage: Stage) -> None:
    diagnosed(stage, [("服务器在听", listened, OPEN), ("服务器在，端口上没有人", closed, REFUSED),
                      ("路由器用 ICMP 说送不到", refused_by_router, UNREACHABLE), ("路由表里没有它", no_route, NO_ROUTE)])


@lab.check("等多久算没有回音", points=2, cells=["diagnose"], patience=5.0,
           tries="三个端口：一个的回音立刻就到；一个的第一个 SYN 丢了，一秒后重传才通；一个永远没有回音")
def silence(stage: Stage) -> None:
    quick, late, silent = ports = stage.rng.sample(range(7000, 9000), 3)
    for port in ports:
        stage.listen(port=port)
    host = stage.net.server.address
    stage.net.cable.drop(match=lambda p: p.target == f"{host}:{late}" and "SYN" in p.flags)
    stage.net.cable.drop(match=lambda p: p.target == f"{host}:{silent}", times=1000)
    wanted = [(quick, LONG, OPEN), (late, LONG, OPEN), (silent, 1.0, SILENT)]
    asked = [(stage.call("diagnose", host, port, patience), truth)
             for port, patience, truth in stage.rng.sample(wanted, 3)]
    for student, truth in asked:
        stage.expect(student.text, truth, stage.result(student))
    syns = [p for p in stage.sent("SYN") if p.target == f"{host}:{silent}"]
    stage.require(bool(syns), f"网线上去往 {silent} 的 SYN", "至少一个", "没有：你没有去连")
    state = local_state(stage, syns[0].source, syns[0].target)
    stage.require(state == "CLOSE", "diagnose() 说没有回音之后，内核里的那条连接", "已经关掉，不再重传 SYN", f"还在 {state}")


def local_state(stage: Stage, source: str, target: str) -> str:
    """学生的内核里，``source`` 到 ``target`` 这条连接的状态。"""
    return stage.state_of(*ends(source, target))


def let_go(stage: Stage, host: str, port: int) -> bool:
    """去往 ``host`` 这个端口的连接，没有进程再拿着。"""
    return not any(stage.held(*ends(p.source, p.target)) for p in stage.sent("SYN") if p.target == f"{host}:{port}")


def ends(source: str, target: str) -> list[tuple[str, int]]:
    """``10.0.1.1:4000`` 这样的两头，写成套接字的地址。"""
    return [(host, int(port)) for host, _, port in (end.rpartition(":") for end in (source, target))]


@lab.check("是谁说的", points=1, cells=["diagnose"], hosts=ROW, delay=0.002,
           tries="同样是 ENETUNREACH：一次是路由器说的，一次是本机自己说的，次序随机")
def who_said(stage: Stage) -> None:
    diagnosed(stage, [("路由器没有路由，用 ICMP 回话", unknown_to_router, UNREACHABLE), ("路由表里没有它", no_route, NO_ROUTE)])
