"""练习 02：地址的字节，由内核来验；一个没人用的端口；五种绑不上，各说出原因。"""

from __future__ import annotations

import errno
import select
import socket
from pathlib import Path as File
from typing import Any

from sockscope.grading.exam.arguments import Path, listening
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.waiting import poll, refusal
from sockscope.live.sockaddr import sockaddr_in, sockaddr_in6, sockaddr_un

PRELUDE = """\
import errno
import socket
import struct

BOUND, IN_USE, NOT_MINE = "绑上了", "有人占着", "不是本机的地址"
NO_RIGHT, TWICE, NO_FOLDER = "没有权利", "已经绑过了", "没有这个文件夹"
"""
BOUND, IN_USE, NOT_MINE = "绑上了", "有人占着", "不是本机的地址"
NO_RIGHT, TWICE, NO_FOLDER = "没有权利", "已经绑过了", "没有这个文件夹"

lab = Lab("lab02", "一段内存", prelude=PRELUDE,
          cells={"encode": ["encode"], "decode": ["decode"], "listen_anywhere": ["listen_anywhere"],
                 "diagnose": ["diagnose"]})

ROW = ("client", "router", "server")
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nheld = []\n"
BIND = LIBC + """
def main(family, addresses):
    made = []
    for address in addresses:
        sock, raw = socket.socket(family), encode(address)
        if libc.bind(sock.fileno(), bytes(raw), len(raw)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        sock.listen()
        held.append(sock)
        made.append(bytes(raw))
    return made
"""


# ---------------------------------------------------------------- 编

@lab.check("内核认不认", points=2, cells=["encode"], student="server",
           tries="把 encode() 的 16 个字节直接交给 C 的 bind()，再从客户端去连")
def kernel_binds(stage: Stage) -> None:
    hosts = [stage.student.address, stage.student.address, "0.0.0.0"]
    places = [(host, port) for host, port in zip(hosts, stage.rng.sample(range(7000, 9000), 3), strict=True)]
    stage.rng.shuffle(places)
    raws = stage.result(stage.call("main", int(socket.AF_INET), places, driver=BIND), f"bind() 到 {places}", "内核接受")
    wanted = [bytes(sockaddr_in(socket.AF_INET, port, tuple(socket.inet_aton(host)))) for host, port in places]
    for place, raw, seen in zip(places, wanted, listed(raws, 3), strict=True):
        stage.expect(f"encode({place}) 的字节", raw.hex(" "), seen.hex(" ") if isinstance(seen, bytes) else seen)
    for _, port in places:
        stage.dial("client", (stage.student.address, port))


def listed(value: Any, size: int) -> list[Any]:
    """学生说的列表；不是这么长的列表，就当作什么也没说。"""
    return value if isinstance(value, list) and len(value) == size else [None] * size


@lab.check("二十八个字节", points=2, cells=["encode"], student="server",
           tries="IPv6：地址、端口、流标签、作用域全是随机的；本机的那个，内核要听得起来")
def six_fields(stage: Stage) -> None:
    rng = stage.rng
    driver = "def main(addresses): return [bytes(encode(address)) for address in addresses]"
    places = [(six(stage), rng.randint(1, 65535), rng.randrange(1, 1 << 20), rng.randrange(1, 1 << 31)) for _ in range(3)]
    raws = stage.result(stage.call("main", places, driver=driver), "把三个地址交给 encode()")
    for (host, port, flow, scope), seen in zip(places, listed(raws, 3), strict=True):
        raw = bytes(sockaddr_in6(socket.AF_INET6, port, flow, tuple(socket.inet_pton(socket.AF_INET6, host)), scope))
        stage.expect(f"encode(({host!r}, {port}, {flow}, {scope})) 的字节", raw.hex(" "),
                     seen.hex(" ") if isinstance(seen, bytes) else seen)
    here = stage.student.address6, rng.randint(7000, 9000), 0, 0
    stage.result(stage.call("main", int(socket.AF_INET6), [here], driver=BIND), f"bind() 到 {here}", "内核接受")
    near = stage.net.client.socket(socket.AF_INET6)
    try:
        near.connect(here)
    except OSError as error:
        stage.fail(f"从客户端连到 {here}", "连上", refusal(error))


def six(stage: Stage) -> str:
    """一个随机的 IPv6 地址，中间有一串零。"""
    parts = [stage.rng.randrange(1, 1 << 16) for _ in range(4)]
    return socket.inet_ntop(socket.AF_INET6, b"".join(p.to_bytes(2, "big") for p in parts[:2]) + bytes(8)
                            + b"".join(p.to_bytes(2, "big") for p in parts[2:]))


@lab.check("路径和抽象名字", points=2, cells=["encode"], student="server",
           tries="一个带中文的路径，一个中间有 NUL 的抽象名字：内核绑上，考官去连")
def unix_names(stage: Stage) -> None:
    name = f"气象站{stage.rng.randrange(1000)}.sock"
    hidden = b"\0" + stage.rng.randbytes(3) + b"\0" + stage.rng.randbytes(3)
    raws = stage.result(stage.call("main", int(socket.AF_UNIX), [Path(name), hidden], driver=BIND),
                           f"bind() 到 …/{name} 和抽象名字 {hidden!r}", "内核接受")
    stage.unix_connect(name)
    near = stage.student.socket(socket.AF_UNIX)
    try:
        near.connect(hidden)
    except OSError as error:
        stage.fail(f"连到抽象名字 {hidden!r}", "连上", refusal(error))
    path, abstract = (raw if isinstance(raw, bytes) else b"" for raw in listed(raws, 2))
    stage.expect("抽象名字的那段内存", unix(hidden).hex(" "), abstract.hex(" "))
    stage.expect("路径的那段内存的末尾：文件名，然后一个 NUL", name.encode() + b"\0", path[-len(name.encode()) - 1:])


# ---------------------------------------------------------------- 解

WHO = LIBC + """
def main(listener):
    memory, size = ctypes.create_string_buffer(128), ctypes.c_uint(128)
    held.append(libc.accept(listener.fileno(), memory, ctypes.byref(size)))
    return decode(memory.raw[:size.value])
"""


@lab.check("来的是谁", points=2, cells=["decode"], student="server",
           tries="C 的 accept() 把来客的地址写进一段内存，decode() 读出他是谁；IPv4、IPv6 各来一位，次序随机")
def who_called(stage: Stage) -> None:
    for family in stage.rng.sample([socket.AF_INET, socket.AF_INET6], 2):
        old = family == socket.AF_INET
        home, away = stage.student, stage.net.client
        here = (home.address, 7007) if old else (home.address6, 7007)
        asked = stage.call("main", listening(here, family=family), driver=WHO)
        near = away.socket(family)
        near.bind((away.address if old else away.address6, stage.rng.randint(10_000, 30_000)))
        near.connect(here)
        stage.expect("来客的地址", near.getsockname(), stage.result(asked, "decode() 读来客的地址"))


@lab.check("倒着读", points=1, cells=["decode"],
           tries="各种各样的字节：写满的 IPv6，没有名字的、带 NUL 的、写满 108 个字节的 Unix 地址")
def read_back(stage: Stage) -> None:
    rng = stage.rng
    text, hidden = six(stage), b"\0" + rng.randbytes(4) + b"\0"
    port, flow, scope = rng.randint(1, 65535), rng.randrange(1, 1 << 20), rng.randrange(1, 1 << 31)
    long = "/" + "x" * 105 + f"{rng.randrange(10, 99)}"
    packed = tuple(socket.inet_pton(socket.AF_INET6, text))
    cases = [(bytes(sockaddr_in6(socket.AF_INET6, port, flow, packed, scope)), (text, port, flow, scope)),
             (unix(b""), ""), (unix(hidden), hidden), (unix(long.encode()), long),
             (unix("/run/钟.sock".encode() + b"\0"), "/run/钟.sock"), (unix(b"/tmp/a\0" + rng.randbytes(5)), "/tmp/a")]
    rng.shuffle(cases)
    driver = "def main(raws): return [decode(raw) for raw in raws]"
    answers = stage.result(stage.call("main", [raw for raw, _ in cases], driver=driver), "把六段内存交给 decode()")
    for (raw, wanted), seen in zip(cases, listed(answers, len(cases)), strict=True):
        stage.expect(f"decode({raw[:24].hex(' ')}{'…' if len(raw) > 24 else ''})，共 {len(raw)} 个字节", wanted, seen)


def unix(name: bytes) -> bytes:
    """以 ``name`` 为名字的 ``sockaddr_un``，只到用了的地方为止。"""
    return bytes(sockaddr_un(socket.AF_UNIX, tuple(name)))[:2 + len(name)]


# ---------------------------------------------------------------- 端口 0

ANYWHERE = """
held = []
def main(host, count):
    held.extend(listen_anywhere(host) for _ in range(count))
    return [port for _, port in held]
"""


@lab.check("随便哪个端口", points=2, cells=["listen_anywhere"], hosts=ROW, student="router",
           tries="连着要几个端口，每一个都连得上；只在说好的那个地址上听，别的地址连不上")
def free_port(stage: Stage) -> None:
    host, other = stage.rng.sample([stage.student.addresses[0], stage.student.addresses[2]], 2)
    count = stage.rng.randint(3, 6)
    asked = stage.call("main", host, count, driver=ANYWHERE)
    ports = stage.result(asked, f"在 {host} 上，连着叫 {count} 次 listen_anywhere()")
    ports = [port for port in listed(ports, count) if type(port) is int and 0 < port < 65536]
    stage.expect("不同的、像样的端口有几个", count, len(set(ports)))
    for port in ports:
        stage.dial("client", (host, port))
    near = stage.net.client.socket()
    near.setblocking(False)
    near.connect_ex((other, ports[0]))
    stage.until(lambda: poll(near, select.POLLOUT), f"连同一台主机的另一个地址 {other}", "有回音")
    code = near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    stage.expect(f"你听的是 {host}；连它的另一个地址 {other}", "ECONNREFUSED", errno.errorcode.get(code, "连上了"))


# ---------------------------------------------------------------- 绑不上

TRIED = """
held = []
def main(cases):
    answers = []
    for family, first, address in cases:
        sock = socket.socket(family)
        if first:
            sock.bind(first)
        try:
            answers.append(diagnose(sock, address))
        except OSError as error:
            answers.append(f"抛出了 {type(error).__name__}（{errno.errorcode.get(error.errno)}）")
        if answers[-1] == BOUND:
            sock.listen()
        held.append(sock)
    return answers
"""


@lab.check("五种绑不上", points=3, cells=["diagnose"], student="server",
           tries="五种失败和一种成功，次序随机；绑上了的那个，考官真的去连")
def five_binds(stage: Stage) -> None:
    here, four, local = stage.student.address, int(socket.AF_INET), int(socket.AF_UNIX)
    mine, taken, spare = stage.rng.sample(range(7000, 9000), 3)
    stage.listen("server", taken)
    File(stage.net.folder, "old.sock").touch()
    cases = [("没有人用的端口", four, None, (here, mine), BOUND),
             ("已经有人听的端口", four, None, (here, taken), IN_USE),
             ("已经存在的文件", local, None, Path("old.sock"), IN_USE),
             ("另一台主机的地址", four, None, (stage.net.client.address, mine), NOT_MINE),
             ("1024 以下的端口", four, None, (here, stage.rng.randint(1, 1023)), NO_RIGHT),
             ("绑过一次的套接字", four, (here, 0), (here, spare), TWICE),
             ("不存在的文件夹里的路径", local, None, Path("nowhere/new.sock"), NO_FOLDER)]
    stage.rng.shuffle(cases)
    asked = stage.call("main", [case[1:4] for case in cases], driver=TRIED)
    answers = listed(stage.result(asked, "diagnose() 逐个来绑", "逐个说出结果"), len(cases))
    for (title, _, _, address, wanted), seen in zip(cases, answers, strict=True):
        stage.expect(f"{title} {address}", wanted, seen)
    stage.dial("client", (here, mine))
