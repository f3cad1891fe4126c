"""练习 10：自己的 ping 与 traceroute，和一个按记录说话的服务。"""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress
from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import Path, listening
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.waiting import poll, refusal, show
from sockscope.trace import Packet

lab = Lab(
    "lab10", "一问一答，一条一条",
    prelude="import errno\nimport os\nimport select\nimport socket\nimport struct\nimport threading\nimport time\n"
            "from contextlib import suppress\n\nIP_RECVERR = 11\n",
    cells={"sum": ["checksum"], "ping": ["ping"], "hops": ["hops"], "serve": ["serve"], "ask": ["ask"]})

WAIT = 3.0  # ping() 至多再等多久，秒；应答来得慢的机器也够
LARGE = 60_000  # 最长的记录，字节
LAST_GROUP = (1 << 31) - 1  # ping_group_range 里最大的组号（Linux include/net/ping.h 的 GID_T_MAX）；沙箱里的用户是几十万以后的号


# ---------------------------------------------------------------- 校验和

def summed(data: bytes) -> int:
    """网际校验和（RFC 1071）。"""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@lab.check("算得对", points=1, cells=["sum"], tries="随机的字节，奇数个、偶数个、一个也没有，还有进位要加两回的")
def internet_checksum(stage: Stage) -> None:
    odd = 2 * stage.rng.randrange(20, 40) + 1
    cases = [b"", stage.rng.randbytes(odd), stage.rng.randbytes(odd + 1), b"\xff\xff" * stage.rng.randint(2, 9) + b"\x00\x01"]
    for data in stage.rng.sample(cases, len(cases)):
        told = stage.result(stage.call("checksum", data))
        stage.expect(f"checksum() 算 {len(data)} 个字节 {show(data[:8])}", summed(data), told)


# ---------------------------------------------------------------- ping

def allowed(stage: Stage) -> None:
    """学生的主机上，谁都可以开 ping 套接字（icmp(7)）；批改的人没有特权时，那里只有 0 号组。"""
    for groups in ("0 0", f"0 {LAST_GROUP}"):
        with suppress(OSError):
            stage.student.sysctl("ping_group_range", groups)


def number(packet: Packet) -> int:
    """一个 ICMP 回显报文的序号；别的是 -1。"""
    raw = bytes.fromhex(packet.raw)
    body = raw[(raw[0] & 15) * 4:]
    return int.from_bytes(body[6:8]) if packet.protocol == "icmp" and body[0] in (0, 8) else -1


def _is(host: str, wanted: int, packet: Packet) -> bool:
    return packet.src == host and number(packet) == wanted


@lab.check("丢了几个", points=2, cells=["sum", "ping"], patience=8.0,
           tries="网线丢掉随机的几个请求和应答；ping() 返回有应答的序号，网线上的请求要从 1 编到 count")
def ping_counts(stage: Stage) -> None:
    allowed(stage)
    count = stage.rng.randint(4, 8)
    lost = stage.rng.sample(range(1, count + 1), stage.rng.randint(2, 3))
    asked, told = lost[:1], lost[1:]  # 丢了的请求，丢了的应答
    for numbers, host in ((asked, "client"), (told, "server")):
        for n in numbers:
            stage.net.cable.drop(match=partial(_is, host, n))
    said = stage.result(stage.call("ping", stage.net.server.address, count, WAIT), f"ping(…, {count}, {WAIT})")
    sent = [number(p) for p in stage.net.trace.packets if p.src == "client" and p.info == "echo request"]
    stage.expect("网线上的请求，编号依次是", list(range(1, count + 1)), sent)
    stage.expect(f"丢了请求 {asked}、应答 {sorted(told)}：ping() 返回", [n for n in range(1, count + 1) if n not in lost], said)


@lab.check("来了两份", points=1, cells=["sum", "ping"], patience=8.0,
           tries="网线把每个包都送两份：同一个应答来几次，只算一次")
def twice(stage: Stage) -> None:
    allowed(stage)
    stage.net.cable.duplicate = 1.0
    count = stage.rng.randint(3, 6)
    stage.expect(f"每个包都送两份：ping(…, {count}, {WAIT}) 返回", list(range(1, count + 1)),
                 stage.result(stage.call("ping", stage.net.server.address, count, WAIT)))


# ---------------------------------------------------------------- 一跳一跳

@lab.check("一跳一跳地问", points=2, cells=["hops"], hosts=("client", "router", "router2", "server"),
           tries="去处随机：路由器后面的服务器，或者哪一台路由器自己；返回路上每一台的地址，直到去处")
def route(stage: Stage) -> None:
    allowed(stage)
    path = [stage.net.router.address, stage.net.router2.address, stage.net.server.address]
    for length in stage.rng.sample([1, 2, 3], 3):
        way = path[:length]
        stage.expect(f"hops({way[-1]!r}) 返回", way, stage.result(stage.call("hops", way[-1])))


# ---------------------------------------------------------------- 按记录

def serving(stage: Stage) -> None:
    """叫学生在一个 Unix 域顺序包套接字上服务。"""
    stage.call("serve", listening(Path("records"), 16, socket.AF_UNIX, socket.SOCK_SEQPACKET))


def visitor(stage: Stage) -> socket.socket:
    return stage.unix_connect("records", socket.SOCK_SEQPACKET)


def answered(stage: Stage, sock: socket.socket, record: bytes, tried: str) -> None:
    """说一条，听一条：倒过来的。"""
    expected = f"一条记录：倒过来的 {len(record)} 个字节"
    try:
        sock.send(record, socket.MSG_DONTWAIT)
    except OSError as error:
        stage.fail(tried, "收下", refusal(error))
    stage.until(lambda: poll(sock, select.POLLIN), tried, expected, lambda: "什么也没有等到", sock)
    try:
        data = sock.recv(LARGE + 1, socket.MSG_DONTWAIT)
    except OSError as error:
        stage.fail(tried, expected, refusal(error))
    stage.require(data == record[::-1], tried, expected, f"{len(data)} 个字节：{show(data[:24])}")


@lab.check("一条就是一条", points=2, cells=["serve"], student="server",
           tries="一位客人说了随机几条，长的有几万字节，短的一个字节；每一条都要整个听完，整个答回去")
def whole_records(stage: Stage) -> None:
    serving(stage)
    guest = visitor(stage)
    sizes = [1, stage.rng.randint(2, 400), stage.rng.randint(5_000, 9_000), stage.rng.randint(40_000, LARGE)]
    for size in stage.rng.sample(sizes, 4):
        answered(stage, guest, stage.rng.randbytes(size), f"说一条 {size} 个字节的")
    first, second = stage.rng.randbytes(10), stage.rng.randbytes(20)
    for record in (first, second):
        guest.send(record)
    for record in (first, second):
        stage.until(lambda: poll(guest, select.POLLIN), "接连说两条", "两条回答", lambda: "什么也没有等到", guest)
        stage.expect("接连说两条：回答", record[::-1], guest.recv(LARGE, socket.MSG_DONTWAIT))


@lab.check("不止一位", points=2, cells=["serve"], student="server",
           tries="几位客人同时在，有的不说话，有的说了就走；轮着说，每一位都有回答，走了的不影响别人")
def many_guests(stage: Stage) -> None:
    serving(stage)
    silent, leaving = visitor(stage), visitor(stage)
    guests = [visitor(stage) for _ in range(stage.rng.randint(2, 4))]
    leaving.send(b"bye")
    leaving.close()  # 没有等回答
    for _ in range(2):
        for guest in stage.rng.sample(guests, len(guests)):
            answered(stage, guest, stage.rng.randbytes(stage.rng.randint(1, 50)), "几位客人轮着说")
    answered(stage, silent, b"at last", "一直不说话的那一位开口")


@lab.check("问完，听完", points=1, cells=["ask"], student="client",
           tries="考官是服务：每个问题一条回答，长的有几万字节，多出来的话也要听；他挂断才算完")
def all_answers(stage: Stage) -> None:
    desk = stage.unix_listen("desk", socket.SOCK_SEQPACKET)
    questions = [stage.rng.randbytes(stage.rng.randint(1, 30)) for _ in range(stage.rng.randint(2, 4))]
    asking = stage.call("ask", Path("desk"), questions)
    guest, answers = stage.unix_accept(desk, "等你来问"), []
    for question in questions:
        stage.until(lambda: poll(guest, select.POLLIN), "等下一个问题", show(question), lambda: "什么也没有等到", guest)
        stage.expect("问题", question, guest.recv(LARGE, socket.MSG_DONTWAIT))
        answers.append(stage.rng.randbytes(stage.rng.choice([1, 30, 50_000])))
    for answer in [*answers, b"goodbye"]:
        said(stage, guest, answer)
    answers.append(b"goodbye")
    guest.close()
    stage.expect("ask() 返回的回答", answers, stage.result(asking))


def said(stage: Stage, sock: Any, record: bytes) -> None:
    stage.until(lambda: poll(sock, select.POLLOUT), "回答你", "收下", lambda: "你一直不读，放不下了")
    try:
        sock.send(record, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError as error:
        stage.fail("回答你", "收下", refusal(error))
