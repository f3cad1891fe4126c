"""练习 09：一条消息里不止数据：发到哪个地址、剩几跳、带着谁的描述符、坏消息是谁说的。"""

from __future__ import annotations

import select
import socket
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, connected, datagram
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage, let_go
from sockscope.grading.exam.waiting import poll, refusal, show

lab = Lab(
    "lab09", "一条消息里不止数据",
    prelude="import errno\nimport os\nimport socket\nimport struct\n\nIP_PKTINFO, IP_RECVERR, IP_RECVTTL = 8, 11, 12\n",
    cells={"echo": ["answer"], "arrival": ["arrival"], "gather": ["report"], "desk": ["serve"], "errors": ["bad_news"]})

HOME = {"hosts": ("client", "server", "peer"), "student": "server"}
WILD = ("0.0.0.0", PORT)
BEYOND = 2  # 路由器一口气至多说 5 次“到不了”，之后每秒一次（Linux net/ipv4/route.c 的 ip_rt_error_burst）：两遍加起来不能多过它
UIO_MAXIOV = 1024  # 一次 sendmsg() 至多这么多块（readv(2)）


# ---------------------------------------------------------------- 从哪里回答

def asker(stage: Stage) -> Any:
    """客户端的数据报套接字，准许广播；学生先朝它发一个空的数据报，说他准备好了。"""
    sock = stage.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((stage.net.client.address, PORT))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return sock


def prepared(stage: Stage, sock: Any) -> None:
    """等学生说准备好了。"""
    expected = "一个空的数据报"
    data, _ = hear(stage, sock, "等你说准备好了", expected)
    stage.require(data == b"", "等你说准备好了", expected, show(data))


def hear(stage: Stage, sock: Any, tried: str, expected: str) -> tuple[bytes, Any]:
    """收一个数据报：``(数据, 来处)``。"""
    stage.until(lambda: poll(sock, select.POLLIN), tried, expected, lambda: "什么也没有等到", sock)
    try:
        data, source = sock.recvfrom(65536)
    except OSError as error:
        stage.fail(tried, expected, refusal(error))
    return data, source


@lab.check("从问的那个地址回答", points=2, cells=["echo"], **HOME,
           tries="你的主机有两个地址；两个都有人问，次序随机，几千字节也有，每次都要从被问的那个地址回答")
def same_address(stage: Stage) -> None:
    sock = asker(stage)
    stage.call("answer", datagram(bind=WILD), sock.getsockname())
    prepared(stage, sock)
    mine = [address for address in stage.student.addresses if ":" not in address]
    for address, size in zip(stage.rng.sample(mine * 2, 4), stage.rng.sample([0, 1, 900, 5000], 4), strict=True):
        question = stage.rng.randbytes(size)
        sock.sendto(question, (address, PORT))
        tried = f"问 {address}，{len(question)} 个字节"
        data, source = hear(stage, sock, tried, "同样的数据，从它回来")
        stage.expect(f"{tried}：回答从哪里来", (address, PORT), source)
        stage.require(data == question, f"{tried}：回答", f"同样的 {len(question)} 个字节", f"{len(data)} 个字节，不一样")


@lab.check("问的是广播地址", points=1, cells=["echo"], **HOME,
           tries="有人问子网的广播地址，有人只问你；广播地址不能当源地址，要用收到它的那个网口自己的")
def broadcast(stage: Stage) -> None:
    sock = asker(stage)
    stage.call("answer", datagram(bind=WILD), sock.getsockname())
    prepared(stage, sock)
    near = stage.student.address
    everyone = near.rpartition(".")[0] + ".255"
    for target in stage.rng.sample([near, everyone, everyone], 3):
        question = stage.rng.randbytes(12)
        sock.sendto(question, (target, PORT))
        seen = hear(stage, sock, f"问 {target}", f"从 {near} 回答")
        stage.expect(f"问 {target}：回答和它的来处", (question, (near, PORT)), seen)


# ---------------------------------------------------------------- 怎样到的

@lab.check("怎样到的", points=2, cells=["arrival"], hosts=("client", "router", "server", "peer"), student="server",
           tries="中间有一台路由器，TTL 是随机的，发到你两个地址里的一个；三次")
def what_came(stage: Stage) -> None:
    for _ in range(3):
        sock = stage.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((stage.net.client.address, 0))
        port = PORT + len(stage.students)
        seeing = stage.call("arrival", datagram(bind=("0.0.0.0", port)), sock.getsockname())
        prepared(stage, sock)
        ttl, words = stage.rng.randint(20, 250), stage.rng.randbytes(stage.rng.randint(0, 40))
        target = stage.rng.choice([a for a in stage.student.addresses if ":" not in a])
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sock.sendto(words, (target, port))
        stage.expect(f"发到 {target}，TTL {ttl}，过一台路由器：arrival() 返回", (words, target, ttl - 1), stage.result(seeing))


# ---------------------------------------------------------------- 一条消息

@lab.check("一条消息，一次发走", points=2, cells=["gather"],
           tries="几块大小随机的内存，有时有空的，有时多到一次 sendmsg() 交不完；网线上总是一个数据报")
def one_datagram(stage: Stage) -> None:
    many = [bytes([stage.rng.randrange(256)]) for _ in range(stage.rng.randint(UIO_MAXIOV, UIO_MAXIOV + 300))]
    few = [stage.rng.randbytes(stage.rng.randint(0, 60)) for _ in range(stage.rng.randint(2, 6))]
    for parts in stage.rng.sample([many, few, [b""]], 3):
        sock = stage.net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((stage.net.server.address, PORT + len(stage.students)))
        sending = stage.call("report", datagram(connect=sock.getsockname()), parts)
        body = b"".join(parts)
        tried = f"{len(parts)} 块，一共 {len(body)} 个字节"
        data, _ = hear(stage, sock, tried, "一个数据报")
        stage.require(data == len(body).to_bytes(4) + body, f"{tried}：数据报里", "四个字节的长度，后面是各块",
                      f"{len(data)} 个字节：{show(data[:24])}")
        stage.result(sending)
        stage.pause(stage.taken)
        stage.require(not poll(sock, select.POLLIN), f"{tried}：之后", "没有别的数据报", "又来了一个")


# ---------------------------------------------------------------- 描述符

def handed(stage: Stage, listener: Any, count: int) -> tuple[list[Any], list[Any]]:
    """``count`` 条连好的 TCP 连接：``(客人, 服务器这一头)``。"""
    guests = [stage.dial("client", listener.getsockname()) for _ in range(count)]
    return guests, [stage.accept(listener) for _ in guests]


@lab.check("收下的，一个也不许漏", points=2, cells=["desk"], **HOME,
           tries="每条消息带着随机几条连接：第一条上说出消息里的话，关掉；多出来的也都要关掉，哪怕来了十几个")
def no_leak(stage: Stage) -> None:
    hall = stage.unix_listen("hall", socket.SOCK_SEQPACKET)
    stage.call("serve", connected(Path("hall"), family=socket.AF_UNIX, type=socket.SOCK_SEQPACKET))
    desk, listener = stage.unix_accept(hall, "等你连到交接台"), stage.listen("peer", backlog=32)
    for count in stage.rng.sample([1, 2, 3, stage.rng.randint(9, 14)], 4):
        words = stage.rng.randbytes(stage.rng.randint(1, 50))
        guests, conns = handed(stage, listener, count)
        socket.send_fds(desk, [words], [conn.fileno() for conn in conns])
        for conn in conns:
            let_go(conn)
        tried = f"一条消息，{count} 个描述符"
        first = stage.receive_all(guests[0], f"{tried}：第一位客人听", "消息里的话，然后是 FIN")
        stage.expect(f"{tried}：第一位客人听到", words, first)
        for number, guest in enumerate(guests[1:], 2):
            stage.expect(f"{tried}：第 {number} 位客人听到", b"", stage.receive_all(
                guest, f"{tried}：第 {number} 位客人等结尾", "FIN：多出来的描述符关掉了"))


# ---------------------------------------------------------------- 坏消息

@lab.check("坏消息是谁说的", points=2, cells=["errors"], hosts=("client", "router", "server"),
           tries="一个没有连接的套接字，发给随机几处，都送不到：有的端口没有人听，有的路由器说到不了；每一处是什么错、谁说的")
def who_said(stage: Stage) -> None:
    stage.net.router.route("10.9.9.0/24", "unreachable")
    for _ in range(2):
        closed = [(stage.net.server.address, port) for port in stage.rng.sample(range(9000, 9900), stage.rng.randint(1, 3))]
        beyond = [(f"10.9.9.{host}", 9) for host in stage.rng.sample(range(2, 250), stage.rng.randint(1, BEYOND))]
        targets = stage.rng.sample(closed + beyond, len(closed + beyond))
        expected = sorted([(*t, "ECONNREFUSED", stage.net.server.address) for t in closed]
                          + [(*t, "EHOSTUNREACH", stage.net.router.address) for t in beyond])
        said = stage.result(stage.call("bad_news", datagram(bind=("0.0.0.0", 0)), targets), f"bad_news(sock, {len(targets)} 处)")
        listed = isinstance(said, list) and all(isinstance(row, (list, tuple)) for row in said)
        rows = sorted(map(tuple, said)) if listed else said
        stage.expect(f"{len(targets)} 处，bad_news() 返回的（排好序）", expected, rows)
