"""练习 12：一个线程的聊天室：一千个闲着的客户端，半行，不读的人，用完的描述符。"""

from __future__ import annotations

import select
import socket
import sys
from contextlib import suppress
from functools import partial

from sockscope.grading.exam.arguments import PORT, listening
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.resident import Resident, resident
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.waiting import poll, refusal, show

WELCOME, LINE, BACKLOG = b"welcome\n", 4096, 65_536

lab = Lab(
    "lab12", "一个线程，一千个客户端",
    prelude="import asyncio\nimport errno\nimport select\nimport selectors\nimport socket\n\n"
            f"WELCOME = {WELCOME!r}\nLINE = {LINE}\nBACKLOG = {BACKLOG}\n",
    cells={"chat": ["chat"]})

SERVER = {"hosts": ("client", "server"), "student": "server"}
MANY = 1000  # 闲着的客户端
STEP = 100
FEW = 40  # 描述符不够的那一次，一共这么多个
BUFFER = "4096 8192 16384"  # 服务器的 tcp_wmem：积压因此早早落到程序手里
MOST = 1_000_000  # 对着不读的人说话，至多这么多字节

# 一千个客户端在一个普通的进程里，与服务器在同一台主机上：走 lo，不占网线。照标准输入的吩咐做，做完答一行。
CROWD = """
import resource, socket, sys
address, size = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
socks = []
def heard(wanted, besides=-1):
    return sum(number != besides and sock.recv(len(wanted), socket.MSG_WAITALL) == wanted
               for number, sock in enumerate(socks))
for order, *words in map(str.split, sys.stdin):
    if order == "join":
        socks += [socket.create_connection(address) for _ in range(int(words[0]))]
        answer = len(socks)
    elif order == "hear":
        answer = heard(bytes.fromhex(words[0]), *map(int, words[1:]))
    elif order == "say":
        answer = socks[int(words[0])].send(bytes.fromhex(words[1]))
    elif order == "leave":
        for sock in socks:
            sock.close()
        answer = len(socks)
    print(answer, flush=True)
"""


class Crowd:
    """许多闲着的客户端，由考官的一个进程拿着。"""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.program = stage.student.program(sys.executable, "-I", "-S", "-c", CROWD, stage.student.address, str(PORT), str(MANY))

    def ask(self, tried: str, expected: int, *order: object) -> None:
        """吩咐一件事，等它做完；答的数应当是 ``expected``。"""
        self.program.stdin.write(" ".join(map(str, order)).encode() + b"\n")
        told = self.program.stdout
        self.stage.until(lambda: poll(told, select.POLLIN), tried, f"{expected} 个", lambda: "不是全部", told)
        self.stage.expect(tried, expected, int(told.readline() or 0))


# ---------------------------------------------------------------- 聊天室的客人

class Guest:
    """考官的一个客户端：已经听到了欢迎。"""

    def __init__(self, stage: Stage, name: str, buffer: int = 0) -> None:
        self.stage, self.name = stage, name
        self.sock = stage.net.client.socket()
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.settimeout(stage.check.patience)
        try:
            self.sock.connect((stage.student.address, PORT))
        except OSError as error:
            stage.fail(f"{name} 连上来", "连上", refusal(error))
        self.sock.settimeout(None)
        self.ends = self.sock.getpeername()[:2], self.sock.getsockname()[:2]

    def join(self) -> Guest:
        self.hear(WELCOME, "欢迎")
        return self

    def say(self, words: bytes) -> None:
        self.stage.send(self.sock, words, f"{self.name} 说话")

    def hear(self, words: bytes, what: str = "别人说的") -> None:
        tried = f"{self.name} 听到{what}"
        seen = self.stage.receive_exactly(self.sock, len(words), tried, show(words))
        if seen != words:
            self.stage.fail(tried, show(words), show(seen))

    def hear_end(self) -> None:
        seen = self.stage.receive(self.sock, 4096, f"{self.name} 等结尾", "结尾（FIN）")
        self.stage.expect(f"{self.name} 接着读，读到", b"", seen)

    @property
    def held(self) -> bool:
        """服务器还拿着这条连接。"""
        return self.stage.held(*self.ends)


def open_room(stage: Stage, descriptors: int = MANY + 24) -> Resident:
    """叫 ``chat``；它一共有 ``descriptors`` 个描述符。"""
    stage.call("chat", listening((stage.student.address, PORT), backlog=1024), RLIMIT_NOFILE=descriptors)
    return resident(stage)


def joined(stage: Stage, names: str) -> list[Guest]:
    return [Guest(stage, name).join() for name in names]


def line(stage: Stage, most: int = 60) -> bytes:
    """随机的一行，也许是空行。"""
    return stage.rng.randbytes(stage.rng.randint(0, most - 1)).replace(b"\n", b"!") + b"\n"


def told(speaker: Guest, guests: list[Guest], words: bytes) -> None:
    """一个人说，别人都听到。"""
    speaker.say(words)
    for guest in guests:
        if guest is not speaker:
            guest.hear(words, f"{speaker.name} 说的")


def converse(stage: Stage, guests: list[Guest], what: str) -> None:
    """每人说一行，别人都听到；谁也没有听到自己的。"""
    for speaker in stage.rng.sample(guests, len(guests)):
        told(speaker, guests, line(stage))
    stage.require(True, what, "每个人听到别人说的每一行", "都听到了")


@lab.check("说给所有的人听", points=2, cells=["chat"], **SERVER,
           tries="五六个客户端轮流说，一次说一行到三行；别人都听到，一个字节不差，自己不听到自己的")
def everyone_hears(stage: Stage) -> None:
    open_room(stage)
    guests = joined(stage, "ABCDEF"[:stage.rng.randint(5, 6)])
    told(guests[0], guests, b"\n  spaces \t\r\n\xff\xfe\n")
    for speaker in stage.rng.choices(guests, k=8):
        told(speaker, guests, b"".join(line(stage) for _ in range(stage.rng.randint(1, 3))))
    converse(stage, guests, f"{len(guests)} 个客户端轮流说")


def pieces(stage: Stage, text: bytes, count: int) -> list[bytes]:
    """切成随机的几段。"""
    cuts = sorted(stage.rng.sample(range(1, len(text)), count - 1))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@lab.check("一行是一行", points=2, cells=["chat"], **SERVER,
           tries="三个人的话都切成随机的小段，交错着到；别人听到的是一行一行完整的话。中途还有人进来")
def whole_lines(stage: Stage) -> None:
    open_room(stage)
    guests, halves = joined(stage, "ABCD"), dict.fromkeys("ABC", b"")
    waiting = {guest: pieces(stage, b"".join(line(stage, 20) for _ in range(4)) + b".\n", 6) for guest in guests[:3]}
    turns = stage.rng.sample(list(waiting) * 6, 18)
    for number, speaker in enumerate(turns):
        if number == 9:
            guests += joined(stage, "E")
        piece = waiting[speaker].pop(0)
        whole, newline, halves[speaker.name] = (halves[speaker.name] + piece).rpartition(b"\n")
        speaker.say(piece)
        stage.pause(partial(all_read, stage, speaker))
        for guest in guests:
            if guest is not speaker:
                guest.hear(whole + newline, f" {speaker.name} 说完的行")
    stage.require(True, f"三个人的话切成 {len(turns)} 段，交错着到", "别人听到的都是整行", "都是整行")


def all_read(stage: Stage, guest: Guest) -> bool:
    return stage.quiet() and not stage.unread(guest.sock)


@lab.check("一千个闲着的", points=3, cells=["chat"], **SERVER, sockets=2 * MANY + 100,
           tries="一千个客户端连着不说话；一行话人人听到，只用一个线程，没有事就睡着；他们走了，描述符一个不剩")
def thousand(stage: Stage) -> None:
    chat = open_room(stage)
    first, crowd = Guest(stage, "A").join(), Crowd(stage)
    before = chat.descriptors
    for size in range(STEP, MANY + 1, STEP):
        crowd.ask("连上来的", size, "join", STEP)
    crowd.ask("听到欢迎的", MANY, "hear", WELCOME.hex())
    last = Guest(stage, "B").join()
    for words, speaker in ((line(stage), first), (line(stage), last)):
        told(speaker, [first, last], words)
        crowd.ask(f"{speaker.name} 说一行，听到的", MANY, "hear", words.hex())
    one, words = stage.rng.randrange(MANY), line(stage)
    crowd.ask("其中一个说了的字节", len(words), "say", one, words.hex())
    for guest in (first, last):
        guest.hear(words, "那一千个里的一个说的")
    crowd.ask("其中一个说一行，听到的", MANY - 1, "hear", words.hex(), one)
    chat.require_single()
    chat.require_rest("大家都不说话")
    crowd.ask("一起离开的", MANY, "leave")
    chat.require_descriptors(before + 1, "一千个都走了")
    converse(stage, [first, last], "剩下的两个接着说")


# ---------------------------------------------------------------- 不读的人，不换行的人

def long_lines(stage: Stage, size: int) -> bytes:
    """许多行，一共不多于 ``size`` 字节，也差不了多少。"""
    text = b""
    while len(text) + 1500 <= size:
        text += line(stage, 1500)
    return text


@lab.check("读得慢，不该丢", points=2, cells=["chat"], **SERVER,
           tries=f"一个客户端好一会儿不读，积压没有到 {BACKLOG} 字节；他再读的时候一行也不少，先后不乱")
def patient_reader(stage: Stage) -> None:
    stage.net.server.sysctl("tcp_wmem", BUFFER)
    chat = open_room(stage)
    speaker, listener = joined(stage, "AB")
    slow, text = Guest(stage, "慢的 C", 4096).join(), b""
    for _ in range(8):
        words = long_lines(stage, BACKLOG // 8)
        told(speaker, [listener], words)
        text += words
    stage.require(slow.held, f"说了 {len(text)} 字节，慢的 C 一个也没有读，他的连接", "还在", "已经断开了")
    slow.hear(text)
    chat.require_rest("C 都读完了，大家不说话")
    converse(stage, [speaker, listener, slow], "慢的 C 读完以后，三个人接着说")


@lab.check("一直不读，就断开", points=2, cells=["chat"], **SERVER,
           tries=f"一个客户端从来不读；别人照常说、照常听；他的积压超过 {BACKLOG} 字节，服务器就断开他")
def never_reads(stage: Stage) -> None:
    stage.net.server.sysctl("tcp_wmem", BUFFER)
    open_room(stage)
    speaker, listener = joined(stage, "AB")
    deaf, said = Guest(stage, "不读的 C", 4096).join(), 0
    while deaf.held and said < MOST:
        words = long_lines(stage, 20_000)
        told(speaker, [listener], words)
        said += len(words)
        stage.pause(partial(all_read, stage, speaker))
    stage.require(said < MOST, f"说了 {said} 字节，不读的 C", "已经断开", "还连着，积压不停地涨")
    stage.require(said > BACKLOG, f"说到 {said} 字节，不读的 C", f"还连着：积压不会到 {BACKLOG}", "断开了")
    converse(stage, [speaker, listener], "断开以后，剩下的两个接着说")


@lab.check("一直不换行，也断开", points=1, cells=["chat"], **SERVER,
           tries=f"先有一行正好 {LINE} 字节，要传到；又有一个客户端说了许多字节，一直不换行，服务器要断开他")
def endless_line(stage: Stage) -> None:
    open_room(stage)
    guests = joined(stage, "AB")
    longest = stage.rng.randbytes(LINE - 1).replace(b"\n", b"!")
    for piece in [*pieces(stage, longest, 3), b"\n"]:
        guests[0].say(piece)
        stage.pause(partial(all_read, stage, guests[0]))
    guests[1].hear(longest + b"\n", f"正好 {LINE} 字节的一行")
    babbler = Guest(stage, "不换行的 C").join()
    with suppress(OSError):  # 说到一半就断开了，正是该做的
        for _ in range(8):
            babbler.sock.send(b"." * LINE, socket.MSG_DONTWAIT)
    stage.until(lambda: not babbler.held, f"C 说了 {8 * LINE} 字节，没有换行", "断开", lambda: "还连着，半行不停地涨")
    converse(stage, guests, "断开以后，剩下的两个接着说；C 的半行谁也没有听到")


# ---------------------------------------------------------------- 描述符用完了，客人走了

@lab.check("描述符用完了", points=3, cells=["chat"], **SERVER,
           tries=f"只有 {FEW} 个描述符，来的客户端更多：不能空转，里面的照常说话；走了几个之后，新来的进得去")
def full_table(stage: Stage) -> None:
    chat = open_room(stage, FEW)
    guests = joined(stage, "ABC")
    converse(stage, guests, "描述符还够的时候")
    room = FEW - chat.descriptors
    crowd = [Guest(stage, f"第 {number} 个") for number in range(4, room + 7)]  # 再来这么多，多出三个
    inside = [guest.join() for guest in crowd[:room // 2]]  # 早早限制人数、留着备用描述符的，也放得进这么多
    stage.quiet()
    chat.require_rest("描述符用完了，门外还有人等着")
    converse(stage, guests, "里面的三个接着说")
    for guest in inside:
        guest.sock.close()
    latest = Guest(stage, "后来的").join()
    converse(stage, [*guests, latest], "走了许多，后来的也进去了")


def half_close(stage: Stage, stayed: list[Guest]) -> None:
    guest, words = Guest(stage, "半关闭的 C").join(), line(stage) + line(stage)
    guest.say(words + b"not a whole line")
    guest.sock.shutdown(socket.SHUT_WR)
    for other in stayed:
        other.hear(words, "C 半关闭之前说完的两行")
    guest.hear_end()


def close(stage: Stage, stayed: list[Guest]) -> None:
    Guest(stage, "C").join().sock.close()


def reset(stage: Stage, stayed: list[Guest]) -> None:
    linger_reset(Guest(stage, "C").join().sock)


def close_unread(stage: Stage, stayed: list[Guest]) -> None:
    guest = Guest(stage, "C").join()
    told(stayed[0], stayed, line(stage))
    stage.quiet()
    guest.sock.close()  # 有没有读的，内核发的就是 RST


def reset_at_once(stage: Stage, stayed: list[Guest]) -> None:
    linger_reset(Guest(stage, "C").sock)


WAYS = {"C 说完两行半，半关闭": half_close, "C 关了就走": close, "C 重置连接": reset,
        "C 没有读完就关": close_unread, "C 一连上就重置": reset_at_once}


@lab.check("走的走，留的留", points=2, cells=["chat"], **SERVER,
           tries="有的说完就半关闭，有的关了就走，有的重置连接，次序随机；留下的照常说话，走了的描述符都还了")
def leaving(stage: Stage) -> None:
    chat = open_room(stage)
    stayed = joined(stage, "AB")
    before = chat.descriptors
    for what in stage.rng.sample(sorted(WAYS), len(WAYS)):
        WAYS[what](stage, stayed)
        chat.require_descriptors(before, what)
        converse(stage, stayed, f"{what}，留下的两个接着说")
