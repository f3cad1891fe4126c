"""练习 07：一个住在路径上的守护进程：认得残骸，看得见来客是谁，交得出描述符。"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path as File
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, connected, listening
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage, let_go
from sockscope.grading.exam.waiting import poll, refusal, show

lab = Lab(
    "lab07", "门开在一条路径上",
    prelude="import errno\nimport os\nimport socket\nimport stat\nimport struct\nfrom contextlib import suppress\n",
    cells={"stale": ["is_stale"], "door": ["open_door"], "whoami": ["introduce"], "desk": ["hand_over"],
           "worker": ["work"]})

DOOR = ["stale", "door"]
CROWD, LONG = 64, 100_000  # 一次最多接几位客人；一位客人最多听到多少，字节
HOME = {"hosts": ("client", "server"), "student": "server"}

# 来客在学生的进程里分叉出来，所以他看得见它们的进程号；每位来客把连好的套接字交给考官，由考官来听回答。
VISITORS = """
import _socket as _s, os as _o, struct as _p
def bustle(path, booth, guests):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    rude = _s.socket(_s.AF_UNIX)
    rude.connect(path)
    rude.close()
    for _ in range(guests):
        if _o.fork() == 0:
            try:
                guest, desk = _s.socket(_s.AF_UNIX), _s.socket(_s.AF_UNIX)
                guest.connect(path)
                desk.connect(booth)
                desk.sendmsg([b"x"], [(_s.SOL_SOCKET, _s.SCM_RIGHTS, _p.pack("i", guest.fileno()))])
                desk.recv(1)
            finally:
                _o._exit(0)
    introduce(listener)
"""


# ---------------------------------------------------------------- 开门

def fresh(stage: Stage) -> str:
    return f"door-{stage.rng.randrange(10_000):04}-{len(stage.students)}"


def opens(stage: Stage, name: str, mode: int = 0o600, driver: str = "") -> None:
    """叫 ``open_door``，然后真的连上去。"""
    opening = stage.call("open_door", Path(name), mode, driver=driver)
    stage.result(opening, f"open_door(…, 0o{mode:o})", "返回监听的套接字")
    stage.unix_connect(name)


def opens_over_remains(stage: Stage) -> None:
    """上一个守护进程死了，文件还在。"""
    name = fresh(stage)
    stage.unix_listen(name).close()
    opens(stage, name)
    stage.require(True, "残留的套接字文件，没有人听", "收拾掉，重新听着", "连得上")


def refuses(stage: Stage, name: str, what: str) -> None:
    """``open_door`` 应当抛出 OSError，原来那个文件应当一动不动。"""
    before = os.lstat(stage.net.folder + name).st_ino
    kind, value = stage.outcome(stage.call("open_door", Path(name), 0o600), what, "抛出 OSError（EADDRINUSE）")
    stage.require(kind == "raised" and value.get("errno") == errno.EADDRINUSE, what, "抛出 OSError（EADDRINUSE）",
                  f"返回了 {show(value)}" if kind == "returned" else f"抛出了 {value.get('type')}：{value.get('text')}")
    try:
        after = os.lstat(stage.net.folder + name).st_ino
    except OSError:
        after = 0
    stage.require(after == before, f"{what}：它的文件", "还是原来那个", "还在" if after == before else "没有了，或者换了一个")


@lab.check("门上的锁", points=1, cells=DOOR, **HOME, tries="权限和 umask 都是随机的；听着的时候，文件的权限要正好是 mode")
def door_mode(stage: Stage) -> None:
    masks = stage.rng.sample([0, 0o22, 0o77], 2)
    for mode, mask in zip(stage.rng.sample([0o600, 0o660, 0o666], 2), masks, strict=True):
        name = fresh(stage)
        opens(stage, name, mode, driver=f"__import__('os').umask({mask})\n")
        seen = stat.S_IMODE(os.lstat(stage.net.folder + name).st_mode)
        stage.require(seen == mode, f"umask 是 {mask:03o}，mode 是 {mode:o}：文件的权限", f"{mode:o}", f"{seen:o}")


@lab.check("收拾残局", points=2, cells=DOOR, **HOME,
           tries="有时路径上什么也没有，有时留着一个没有人听的套接字文件；两样都要开得了门")
def stale_file(stage: Stage) -> None:
    for remains in stage.rng.sample([True, False], 2):
        if remains:
            opens_over_remains(stage)
        else:
            opens(stage, fresh(stage))


def crowded(stage: Stage) -> str:
    """一个活着、却没空 accept() 的守护进程，积压队列已经满了：阻塞的 connect() 会一直等。返回它的名字。"""
    name = fresh(stage)
    stage.unix_listen(name).listen(0)
    for _ in range(CROWD):
        guest = socket.socket(socket.AF_UNIX)
        stage.own.append(guest)
        guest.setblocking(False)
        if guest.connect_ex(stage.net.folder + name) == errno.EAGAIN:
            break
    return name


@lab.check("不抢活人的门", points=2, cells=DOOR, **HOME,
           tries="路径上有人听着，有时还忙得积压队列都满了：你要让开，而且不能跟着等；另一次只是残骸，次序随机")
def living_daemon(stage: Stage) -> None:
    for daemon in stage.rng.sample(["alive", "busy", "dead"], 3):
        if daemon == "dead":
            opens_over_remains(stage)
            continue
        if daemon == "busy":
            refuses(stage, crowded(stage), "有人听着，积压队列满了的路径")
            continue
        name, words = fresh(stage), stage.rng.randbytes(12)
        theirs = stage.unix_listen(name)
        refuses(stage, name, "有人正听着的路径")
        stage.unix_connect(name, tried="之后别的客人去连").sendall(words)
        stage.until(partial(heard, theirs, words), "之后别的客人去连",
                    "还是原来那个守护进程接待", lambda: "没有到它那里")


def heard(listener: socket.socket, words: bytes) -> bool:
    """排在 ``listener`` 前面的都接进来，其中有没有说这句话的。"""
    for _ in range(CROWD):
        if not poll(listener, select.POLLIN):
            return False
        with listener.accept()[0] as conn:
            if glance(conn) == words:
                return True
    return False


@lab.check("认不得的，不要删", points=2, cells=DOOR, **HOME,
           tries="路径上是一个普通文件，或者一个正在用的数据报套接字：都不是你的，不许碰；再加一次残骸，次序随机")
def strangers(stage: Stage) -> None:
    for what in stage.rng.sample(["file", "datagram", "remains"], 3):
        name, words = fresh(stage), stage.rng.randbytes(12)
        if what == "remains":
            opens_over_remains(stage)
        elif what == "file":
            stage.place(name, words)
            refuses(stage, name, "路径上是一个普通文件")
            stage.expect("普通文件的内容", words, stage.contents(name))
        else:
            stage.unix_listen(name, socket.SOCK_DGRAM)
            refuses(stage, name, "路径上是别人的数据报套接字")


# ---------------------------------------------------------------- 来客是谁

def glance(sock: socket.socket, most: int = 65536) -> bytes | None:
    """读一次，绝不等待；没有则为 None。描述符学生那边也有一份，不能指望它不阻塞。"""
    try:
        return sock.recv(most, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


def inside(pid: int, table: str, outside: int) -> int:
    """考官看到的用户号，在那个进程自己的用户命名空间里是几（user_namespaces(7)）。"""
    for line in File(f"/proc/{pid}/{table}").read_text().splitlines():
        within, beyond, count = map(int, line.split())
        if beyond <= outside < beyond + count:
            return within + outside - beyond
    return 65534


def identity(booth: socket.socket) -> bytes:
    """交来套接字的那位来客，在它自己的命名空间里是谁：问内核。"""
    pid, uid, gid = struct.unpack("3i", booth.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    names = File(f"/proc/{pid}/status").read_text().partition("NSpid:")[2].splitlines()[0].split()
    return f"{names[-1]} {inside(pid, 'uid_map', uid)} {inside(pid, 'gid_map', gid)}\n".encode()


def take(stage: Stage, sock: socket.socket, tried: str) -> socket.socket:
    """从 Unix 域套接字上收一个描述符；恰好一个字节，恰好一个。"""
    flags = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
    stage.until(lambda: poll(sock, select.POLLIN), tried, "一个字节和一个描述符", lambda: "什么也没有等到", sock)
    data, fds, _, _ = socket.recv_fds(sock, 64, 4, flags)
    for fd in fds[1:]:
        os.close(fd)
    if len(fds) != 1 or len(data) != 1 or not stat.S_ISSOCK(os.fstat(fds[0]).st_mode):
        stage.fail(tried, "一个字节和一个套接字", f"{len(data)} 个字节，{len(fds)} 个描述符")
    sock = socket.socket(fileno=fds[0])
    stage.own.append(sock)
    with connected_still(stage, tried, "一条连好的连接"):
        sock.getpeername()
    return sock


@contextmanager
def connected_still(stage: Stage, tried: str, expected: str) -> Iterator[None]:
    """考官这一头出了错，说清楚是在做什么的时候。"""
    try:
        yield
    except OSError as error:
        stage.fail(tried, expected, f"连接断了，或者根本没有连着（{refusal(error)}）")


def to_the_end(stage: Stage, sock: socket.socket, tried: str, expected: str = "一行，然后挂断") -> bytes:
    """一直读到结尾。"""
    heard, over = b"", False

    def more() -> bool:
        nonlocal heard, over
        while not over and len(heard) < LONG and (data := glance(sock)) is not None:
            heard, over = heard + data, not data
        return over
    stage.until(more, tried, expected, lambda: f"只有 {show(heard)}，没有结尾" if heard else "什么也没有等到", sock)
    return heard


@lab.check("来客是谁", points=2, cells=["whoami"], **HOME,
           tries="几个进程先后来敲门，还有一个敲了门就跑；每一位听到的都该是他自己的身份")
def peer_identity(stage: Stage) -> None:
    booth, count = stage.unix_listen("booth"), stage.rng.randint(2, 3)
    stage.call("bustle", Path("door"), Path("booth"), count, driver=VISITORS)
    for number in range(count):
        desk = stage.unix_accept(booth, "等来客")
        guest, who = take(stage, desk, "等来客把套接字交给考官"), identity(desk)
        stage.expect(f"第 {number + 1} 位来客听到的", who, to_the_end(stage, guest, f"第 {number + 1} 位来客听回答"))


# ---------------------------------------------------------------- 交接

def manned_desk(stage: Stage) -> tuple[Any, socket.socket]:
    """学生守着 TCP 的门和交接台；返回门的地址，和干活的人（考官）的一头。"""
    door, hall = (stage.student.address, PORT), stage.unix_listen("hall")
    stage.call("hand_over", listening(door), connected(Path("hall"), family=socket.AF_UNIX))
    return door, stage.unix_accept(hall, "等你带着交接台的套接字来")


@lab.check("把连接交出去", points=2, cells=["desk"], **HOME,
           tries="几位客人一起从网线那头连来；你把每一条连接交给干活的人，他直接和客人说话")
def hand_over(stage: Stage) -> None:
    door, worker = manned_desk(stage)
    guests, held = [stage.dial("client", door) for _ in range(stage.rng.randint(2, 4))], []
    for guest in guests:
        held.append(take(stage, worker, "干活的人等一条连接"))
        stage.expect("交来的连接，那一头是", guest.getsockname(), held[-1].getpeername())
        converse(stage, guest, held[-1])
    for guest, conn in zip(guests[:-1], held[:-1], strict=True):  # 后一位都交来了，前一位的事早该做完：再说一次
        converse(stage, guest, conn)


def converse(stage: Stage, guest: Any, conn: socket.socket) -> None:
    """客人与干活的人一问一答。"""
    question, answer = stage.rng.randbytes(20), stage.rng.randbytes(20)
    with connected_still(stage, "干活的人和客人说话", "连接一直通着"):
        guest.sendall(question)
        stage.expect("客人说的话，干活的人听到", question, listen_for(stage, conn, len(question)))
        stage.send(conn, answer, "干活的人回答")
    stage.expect("干活的人的回答，客人听到", answer, stage.receive_exactly(guest, len(answer)))


def listen_for(stage: Stage, sock: socket.socket, size: int) -> bytes:
    heard = bytearray()

    def enough() -> bool:
        heard.extend(glance(sock, size - len(heard)) or b"")
        return len(heard) == size
    stage.until(enough, "干活的人听客人说话", f"{size} 个字节", lambda: f"{len(heard)} 个字节", sock)
    return bytes(heard)


@lab.check("交出去，就放手", points=2, cells=["desk"], **HOME,
           tries="干活的人说完就关掉他手里的那一份；客人应当立刻看到结尾（FIN）")
def one_copy(stage: Stage) -> None:
    door, worker = manned_desk(stage)
    for _ in range(2):
        guest, words = stage.dial("client", door), stage.rng.randbytes(30)
        conn = take(stage, worker, "干活的人等一条连接")
        stage.send(conn, words, "干活的人说话")
        let_go(conn)
        stage.expect("客人听到的话，和结尾", words, stage.receive_all(
            guest, "干活的人说完，关掉了他那一份描述符", "话，然后是 FIN"))


@lab.check("接过连接，把活干完", points=2, cells=["worker"], **HOME,
           tries="交接台接连递来几条连接；你把客人的话倒过来说回去，挂断；交接台关门，你就收工")
def finish_work(stage: Stage) -> None:
    hall, listener = stage.unix_listen("hall"), stage.listen("server")
    working = stage.call("work", Path("hall"))
    desk, guests = stage.unix_accept(hall, "等你连到交接台"), []
    for _ in range(stage.rng.randint(2, 3)):
        guest, words = stage.dial("client", listener.getsockname()), stage.rng.randbytes(stage.rng.randint(3000, 9000))
        conn = stage.accept(listener)
        socket.send_fds(desk, [b"!"], [conn.fileno()])
        conn.close()
        guests.append((guest, words))
    for guest, words in guests:
        with connected_still(stage, f"客人慢慢说完 {len(words)} 字节", "你一直听到结尾"):
            stage.trickle(guest, words, 3)
            guest.shutdown(socket.SHUT_WR)
        stage.expect(f"客人说了 {len(words)} 字节，听到的回答，和结尾", words[::-1], stage.receive_all(guest))
    desk.close()
    stage.result(working, "交接台关了门，work()", "返回")
