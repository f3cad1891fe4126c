"""练习 05：一个会半关闭的客户端，一个逐个方向转发结尾的中继。"""

from __future__ import annotations

from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT, accepted, connected
from sockscope.grading.exam.c_answer import InC
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Student
from sockscope.grading.exam.waiting import show

IN_C = InC("""\
#include <stddef.h>
#include <sys/types.h>

/* *answer 由 malloc() 分配；返回它有几个字节。出错返回 -1，errno 照旧 */
ssize_t ask(const char *host, int port, const void *question, size_t size, char **answer);
void pump(int source, int target);  /* 不关它们 */
void relay(int a, int b);           /* 关掉 a 和 b */
""", {
    "ask": """
ask_in_c = native("ask", ctypes.c_ssize_t, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t,
                  ctypes.POINTER(ctypes.c_void_p))
def ask(address, question):
    answer = ctypes.c_void_p()
    size = ask_in_c(address[0].encode(), address[1], question, len(question), ctypes.byref(answer))
    if size < 0:
        raise failure()
    return ctypes.string_at(answer, size) if size else b""
""",
    "pump": """
pump_in_c = native("pump", None, ctypes.c_int, ctypes.c_int)
def pump(source, target):
    pump_in_c(source.fileno(), target.fileno())
""",
    "relay": """
relay_in_c = native("relay", None, ctypes.c_int, ctypes.c_int)
def relay(a, b):
    relay_in_c(a.detach(), b.detach())
"""})

lab = Lab(
    "lab05", "说完了，还在听", in_c=IN_C,
    prelude="import socket\nimport threading\nfrom contextlib import suppress\n",
    cells={"ask": ["ask"], "pump": ["pump"], "relay": ["relay"]})

ROW = ("client", "router", "server")


def serve_one(stage: Stage, listener: Any, question: bytes) -> tuple[Student, Any]:
    """叫 ``ask``，当服务器，把问题读到结尾。"""
    asking = stage.call("ask", listener.getsockname(), question)
    conn = stage.accept(listener)
    stage.expect("服务器一直读到结尾（FIN），得到你的问题", question,
                 stage.receive_all(conn, "服务器读你的问题，读到结尾为止", "问题，然后是 FIN"))
    return asking, conn


@lab.check("问完了，还听得见", points=2, cells=["ask"], delay=0.005,
           tries="服务器读到结尾才回答；你的 ask() 要收得到回答")
def half_close(stage: Stage) -> None:
    question, answer = stage.rng.randbytes(24), stage.rng.randbytes(24)
    asking, conn = serve_one(stage, stage.listen(), question)
    conn.sendall(answer)
    conn.close()
    stage.expect("ask() 返回的回答", answer, stage.result(asking))
    stage.require(not stage.sent("RST"), "网线上你这一侧的 RST", "没有", f"{len(stage.sent('RST'))} 个")


@lab.check("一个字节也不少", points=2, cells=["ask"],
           tries="回答很长，切成随机的小段慢慢到；问题也可能很长")
def whole_answer(stage: Stage) -> None:
    listener = stage.listen()
    for size, pieces in ((stage.rng.randint(200, 900), 9), (stage.rng.randint(70_000, 120_000), 3)):
        answer = stage.rng.randbytes(size)
        asking, conn = serve_one(stage, listener, stage.rng.randbytes(size))
        stage.trickle(conn, answer, pieces)
        conn.close()
        stage.expect(f"{size} 字节的回答，分 {pieces} 段到达", answer, stage.result(asking))


@lab.check("半句不算回答", points=2, cells=["ask"],
           tries="两次提问，次序随机：一次正常，一次服务器答到一半就重置连接")
def broken_answer(stage: Stage) -> None:
    listener = stage.listen()
    for broken in stage.rng.sample([True, False], 2):
        answer = stage.rng.randbytes(32)
        asking, conn = serve_one(stage, listener, stage.rng.randbytes(8))
        conn.sendall(answer)
        if not broken:
            conn.close()
            stage.expect("正常的一次，ask() 返回的回答", answer, stage.result(asking))
            continue
        stage.pause(partial(all_read, stage, conn))  # 先让它读到这半句
        linger_reset(conn)
        kind, value = stage.outcome(asking, "连接被重置的一次", "抛出 ConnectionResetError")
        stage.require(kind == "raised" and value.get("type") == "ConnectionResetError", "连接被重置的一次",
                      "抛出 ConnectionResetError，不能把半句话当作回答",
                      f"返回了 {show(value)}" if kind == "returned" else f"抛出了 {value.get('type')}")


def legs(stage: Stage) -> tuple[Student, Any, Any]:
    """中继在中间那台主机上；考官拿着两头。"""
    port = PORT + len(stage.students)
    listener = stage.listen("server", port)
    door = (stage.student.address, port)
    relaying = stage.call("relay", accepted(door), connected(listener.getsockname()))
    near = stage.dial("client", door)
    return relaying, near, stage.accept(listener, "等中继连到服务器")


@lab.check("两个方向都要通", points=2, cells=["pump", "relay"], hosts=ROW, student="router",
           tries="两头轮流说话，次序和长短随机；每一句都要原样到达另一头")
def relay_both_ways(stage: Stage) -> None:
    _, near, far = legs(stage)
    turns = stage.rng.sample([(near, far, "客户端"), (far, near, "服务器")] * 3, 6)
    for source, target, who in turns:
        words = stage.rng.randbytes(stage.rng.randint(1, 9000))
        source.sendall(words)
        stage.expect(f"{who}说了 {len(words)} 字节，另一头收到的", words, stage.receive_exactly(target, len(words)))


@lab.check("一头说完了，另一头还在说", points=2, cells=["pump", "relay"], hosts=ROW, student="router", delay=0.002,
           tries="一头先半关闭，另一头读到结尾之后才说话；两种次序各做一遍")
def relay_eof(stage: Stage) -> None:
    last, first = stage.rng.randbytes(5000), stage.rng.randbytes(300)
    _, near, far = legs(stage)
    source, target = stage.rng.sample([near, far], 2)
    source.sendall(first)
    source.shutdown(1)
    stage.expect("先说完的一头的话，和它的结尾", first, stage.receive_all(target, "等结尾传到另一头", "数据，然后是 FIN"))
    target.sendall(last)
    stage.expect("后说的一头的话，照样传到", last, stage.receive_exactly(source, len(last)))
    target.shutdown(1)
    stage.expect("最后，另一个方向的结尾", b"", stage.receive_all(source))


@lab.check("都说完了才走", points=1, cells=["pump", "relay"], hosts=ROW, student="router",
           tries="两个方向都到了结尾，relay() 返回，两个套接字都关了；全程没有 RST")
def relay_end(stage: Stage) -> None:
    for turned in stage.rng.sample([True, False], 2):
        before = stage.sockets()
        relaying, near, far = legs(stage)
        first, last = (far, near) if turned else (near, far)
        first.shutdown(1)
        stage.expect("先说完的一头的结尾，传到另一头", b"", stage.receive_all(last))
        stage.pause(partial(getattr, relaying, "over"))  # 一个方向结束就想走的，让它先走
        words = stage.rng.randbytes(2000)
        last.sendall(words)
        last.shutdown(1)
        stage.expect("另一头随后说的话，和它的结尾", words, stage.receive_all(first))
        stage.result(relaying, "relay()", "两个方向都结束，返回")
        stage.require_closed(before, "relay() 返回之后，两个套接字")
        stage.require(not stage.sent("RST"), "网线上你这一侧的 RST", "没有", f"{len(stage.sent('RST'))} 个")


@lab.check("一头断了，另一头要知道", points=1, cells=["pump", "relay"], hosts=ROW, student="router",
           tries="一头重置连接（RST）；另一头不能一直蒙在鼓里，relay() 也不能抛出异常")
def relay_reset(stage: Stage) -> None:
    relaying, near, far = legs(stage)
    words = stage.rng.randbytes(100)
    gone, left = stage.rng.sample([near, far], 2)
    left.sendall(words)
    stage.expect("断开之前，话传得到", words, stage.receive_exactly(gone, len(words)))
    linger_reset(gone)
    stage.until(lambda: ended(left), "等另一头得知", "结尾（FIN）或重置（RST）", lambda: "什么也没有发生", left)
    stage.result(relaying, "relay()", "返回")


def all_read(stage: Stage, conn: Any) -> bool:
    """考官发到这条连接上的，学生的程序都读走了。"""
    return not stage.unread(conn)


def ended(sock: Any) -> bool:
    """读得到结尾或错误，而不是数据。"""
    try:
        return bool(sock.recv(1, 0x40) == b"")  # MSG_DONTWAIT
    except BlockingIOError:
        return False
    except OSError:
        return True
