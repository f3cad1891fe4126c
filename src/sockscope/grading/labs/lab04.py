"""练习 04：长度在前的消息，怎样切都读得对；程序自己的确认。"""

from __future__ import annotations

import select
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, accepted, connected
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Student
from sockscope.grading.exam.waiting import poll, show

lab = Lab(
    "lab04", "一句是一句", prelude="import socket\nimport struct\n",
    cells={"recv_exactly": ["recv_exactly"], "send_message": ["send_message"], "recv_message": ["recv_message"],
           "collect": ["collect"], "deliver": ["deliver"]})

LIMIT = 100_000


def frame(body: bytes) -> bytes:
    """四个字节的长度（网络字节序），然后是正文。"""
    return len(body).to_bytes(4, "big") + body


def called(stage: Stage, function: str, *args: Any, driver: str = "") -> tuple[Student, Any]:
    """叫一个函数，第一个参数是连好的套接字；考官拿着另一头。"""
    listener = stage.listen(port=PORT + len(stage.students))
    student = stage.call(function, connected(listener.getsockname()), *args, driver=driver)
    return student, stage.accept(listener)


def each(stage: Stage, tried: str, wanted: list[bytes], seen: Any) -> None:
    """逐个比较；份数也要对。"""
    seen = seen if isinstance(seen, list) else []
    for number, one in enumerate(wanted, 1):
        stage.expect(f"{tried}：第 {number} 份，{len(one)} 字节", one, seen[number - 1] if number <= len(seen) else None)
    stage.expect(f"{tried}：一共几份", len(wanted), len(seen))


def must_raise(stage: Stage, student: Student, tried: str, wanted: str) -> None:
    kind, value = stage.outcome(student, tried, f"抛出 {wanted}")
    seen = f"返回了 {show(value)}" if kind == "returned" else f"抛出了 {value.get('type')}"
    stage.require(kind == "raised" and value.get("type") == wanted, tried, f"抛出 {wanted}", seen)


# ---------------------------------------------------------------- 读够

@lab.check("不多，不少", points=2, cells=["recv_exactly"],
           tries="要几个字节就读几个，不管它们切成几段到；结尾来得太早，要说出来")
def exactly(stage: Stage) -> None:
    sizes = [stage.rng.randint(2, 400) for _ in range(4)]
    sizes.insert(stage.rng.randrange(5), 0)
    reading, conn = called(stage, "main", sizes, driver="def main(s, sizes): return [recv_exactly(s, n) for n in sizes]")
    wanted = [stage.rng.randbytes(size) for size in sizes]
    for piece in straddling(stage, wanted):
        stage.trickle(conn, piece, 1)
    seen = stage.result(reading, f"依次读 {sizes} 个字节")
    each(stage, f"依次读 {sizes} 个字节", wanted, seen)
    short = stage.rng.randint(2, 50)
    reading, conn = called(stage, "recv_exactly", short)
    conn.sendall(bytes(short - 1))
    conn.close()
    must_raise(stage, reading, f"要 {short} 个字节，只来了 {short - 1} 个就到了结尾", "EOFError")


def straddling(stage: Stage, parts: list[bytes]) -> list[bytes]:
    """把连成一串的几份切开，刀口都落在某一份的中间。"""
    data, cuts, end = b"".join(parts), [0], 0
    for part in filter(None, parts):
        cuts.append(end + stage.rng.randrange(1, len(part)))
        end += len(part)
    return [data[start:stop] for start, stop in zip(cuts, [*cuts[1:], len(data)], strict=True)]


# ---------------------------------------------------------------- 发

@lab.check("线上的字节", points=2, cells=["send_message"],
           tries="正文有空的、短的、很长的；对面慢慢读；长度在前，一个字节也不能差")
def on_the_wire(stage: Stage) -> None:
    sizes = [0, stage.rng.randint(1, 200), stage.rng.randint(257, 999), stage.rng.randint(90_000, 150_000)]
    stage.rng.shuffle(sizes)
    bodies = [stage.rng.randbytes(size) for size in sizes]
    driver = ("def main(sock, bodies):\n sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)\n sock.settimeout(60)\n"
              " for body in bodies: send_message(sock, body)\n sock.close()\n")
    _, conn = called(stage, "main", bodies, driver=driver)
    for body in bodies:
        head = stage.receive_exactly(conn, 4, f"收第一部分：{len(body)} 字节的消息的长度", "4 个字节")
        stage.expect(f"{len(body)} 字节的消息，开头的四个字节", frame(body)[:4], head)
        stage.expect(f"{len(body)} 字节的消息，正文", body, stage.receive_exactly(conn, len(body)))
    stage.expect("最后一条之后", b"", stage.receive_all(conn))


@lab.check("一起走", points=1, cells=["send_message"], tries="一条短消息，在网线上是一个包，不是两个")
def one_packet(stage: Stage) -> None:
    body = stage.rng.randbytes(stage.rng.randint(10, 300))
    sending, conn = called(stage, "send_message", body)
    stage.expect("收到的字节", frame(body), stage.receive_exactly(conn, len(body) + 4))
    stage.result(sending)
    packets = [p.length for p in stage.sent() if p.length and p.note != "retransmission"]
    stage.expect("带着数据的包，各有几个字节", [len(body) + 4], packets)


# ---------------------------------------------------------------- 收

@lab.check("怎样切都一样", points=2, cells=["recv_exactly", "recv_message"],
           tries="几条消息，其中有空的；长度的四个字节也会被切开；最后是干净的结尾")
def any_fragments(stage: Stage) -> None:
    driver = ("def main(sock, limit):\n found = []\n"
              " while len(found) < 9 and (body := recv_message(sock, limit)) is not None: found.append(body)\n return found\n")
    bodies = [stage.rng.randbytes(size) for size in stage.rng.sample([0, 1, 300, 70_000], 4)]
    stream = b"".join(map(frame, bodies))
    for whole in stage.rng.sample([True, False], 2):
        reading, conn = called(stage, "main", LIMIT, driver=driver)
        if whole:
            stage.send(conn, stream)
        else:
            stage.trickle(conn, stream[:2], 1)
            stage.trickle(conn, stream[2:], 9)
        conn.close()
        title = "一口气到达，逐条读出" if whole else "切成十段到达，逐条读出"
        each(stage, title, bodies, stage.result(reading, title, "读出四条，然后是 None"))


@lab.check("后面的留给后面", points=1, cells=["recv_exactly", "recv_message"],
           tries="两条消息同时到；读完第一条，第二条要原封不动地留在内核里")
def no_more(stage: Stage) -> None:
    first, second = (stage.rng.randbytes(stage.rng.randint(20, 300)) for _ in range(2))
    reading, conn = called(stage, "recv_message", LIMIT)
    conn.sendall(frame(first) + frame(second))
    stage.expect("第一条消息", first, stage.result(reading))
    stage.expect("你的内核里还没有读的字节数", len(second) + 4, stage.unread(conn))


@lab.check("坏消息", points=2, cells=["recv_exactly", "recv_message"],
           tries="干净的结尾、半个长度、半条正文、太长的长度、恰好不超过的长度，次序随机")
def bad_news(stage: Stage) -> None:
    limit = stage.rng.randint(40, 400)
    longest, cut = stage.rng.randbytes(limit), stage.rng.randint(4, limit)
    cases = [("没有消息，干净的结尾", b"", True, None),
             ("长度只来了一部分，就到了结尾", frame(longest)[:stage.rng.randint(1, 3)], True, EOFError),
             ("正文只来了一部分，就到了结尾", frame(longest)[:cut], True, EOFError),
             ("长度恰好等于 limit", frame(longest), False, longest),
             ("长度是 limit + 1，正文迟迟不来", (limit + 1).to_bytes(4, "big"), False, ValueError)]
    for title, data, over, wanted in stage.rng.sample(cases, len(cases)):
        reading, conn = called(stage, "recv_message", limit)
        conn.sendall(data)
        if over:
            conn.close()
        if isinstance(wanted, type):
            must_raise(stage, reading, title, wanted.__name__)
        else:
            stage.expect(title, wanted, stage.result(reading, title))


# ---------------------------------------------------------------- 确认

def collecting(stage: Stage, where: Any) -> tuple[Student, Any]:
    door = (stage.student.address, PORT + len(stage.students))
    return stage.call("collect", accepted(door), where), stage.dial("client", door)


@lab.check("记下了才算", points=2, cells=["recv_exactly", "send_message", "recv_message", "collect"], student="server",
           tries="文件里已经有一些；每收到一个确认，马上去看文件里添了没有；磁盘满的时候，不许确认")
def kept_first(stage: Stage) -> None:
    for full in stage.rng.sample([True, False], 2):
        if full:
            no_room(stage)
        else:
            well_kept(stage)


def well_kept(stage: Stage) -> None:
    before = stage.rng.randbytes(stage.rng.randint(1, 99))
    stage.place("ledger", before)
    collector, near = collecting(stage, Path("ledger"))
    bodies = [stage.rng.randbytes(stage.rng.randint(1, 3000)) for _ in range(stage.rng.randint(2, 4))]
    for number, body in enumerate(bodies, 1):
        stage.trickle(near, frame(body), 3)
        ack = stage.receive_exactly(near, 4, f"等第 {number} 条消息的确认", "4 个字节")
        stage.expect(f"第 {number} 条消息的确认", number.to_bytes(4, "big"), ack)
        stage.expect(f"收到第 {number} 个确认时，文件的内容", before + b"".join(bodies[:number]), stage.contents("ledger"))
    near.sendall(frame(stage.rng.randbytes(50))[:stage.rng.randint(5, 50)])
    near.shutdown(1)
    stage.expect("半条消息之后就到了结尾，collect() 返回", len(bodies), stage.result(collector))
    stage.expect("这时文件的内容", before + b"".join(bodies), stage.contents("ledger"))


def no_room(stage: Stage) -> None:
    collector, near = collecting(stage, "/dev/full")
    near.sendall(frame(stage.rng.randbytes(30)))
    near.shutdown(1)
    kind, value = stage.outcome(collector, "磁盘满了，collect()", "抛出 OSError")
    stage.quiet()
    told = near.recv(64, 0x40) if poll(near, select.POLLIN) else b""  # MSG_DONTWAIT
    stage.expect("磁盘满了，没有记下；客人收到的确认", b"", told)
    stage.require(kind == "raised" and value.get("errno") == 28, "磁盘满了，collect()", "抛出 OSError（ENOSPC）",
                  f"返回了 {show(value)}" if kind == "returned" else f"抛出了 {value.get('type')}")


@lab.check("数确认，不数发送", points=2, cells=["recv_exactly", "send_message", "recv_message", "deliver"],
           tries="三次投递，次序随机：全部确认，中途被重置，确认只来了一半就到了结尾")
def acknowledged(stage: Stage) -> None:
    for end in stage.rng.sample(["whole", "reset", "half"], 3):
        bodies = [stage.rng.randbytes(stage.rng.randint(0, 500)) for _ in range(stage.rng.randint(3, 5))]
        known = len(bodies) if end == "whole" else stage.rng.randint(1, len(bodies) - 1)
        delivering, conn = called(stage, "deliver", bodies)
        for number, body in enumerate(bodies[:known], 1):
            stage.expect(f"收到的第 {number} 条", frame(body), stage.receive_exactly(conn, len(body) + 4))
            stage.trickle(conn, number.to_bytes(4, "big"), 2)
        if end != "whole":
            size = len(bodies[known]) + 4
            stage.expect(f"收到的第 {known + 1} 条", frame(bodies[known]), stage.receive_exactly(conn, size))
            if end == "half":
                conn.sendall(b"\0\0")
        (linger_reset if end == "reset" else type(conn).close)(conn)
        story = {"whole": "全部确认了", "reset": "然后连接被重置", "half": "下一个确认只来了两个字节，就到了结尾"}[end]
        stage.expect(f"{len(bodies)} 条消息，确认了 {known} 条，{story}；deliver() 返回", known, stage.result(delivering))
