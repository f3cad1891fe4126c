"""练习 14：综合练习，一个四层代理：背压、半关闭、重置、时限、带抖动的重试、把监听套接字交给下一代。"""

from __future__ import annotations

import itertools
import math
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, connected, listening
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.pairs import Chorus, Pair, Stream, fill, flow, hear_reset, knock, narrow, pour
from sockscope.grading.exam.resident import CLOCK, Resident, listeners, resident
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Student
from sockscope.grading.exam.waiting import poll
from sockscope.grading.labs.proxy import BASE, CAP, CONNECT, HOLD, IN_C, ROUNDS
from sockscope.trace import Packet

lab = Lab(
    "lab14", "综合练习：一个四层代理", in_c=IN_C,
    prelude="import array\nimport asyncio\nimport os\nimport random\nimport select\nimport selectors\nimport signal\n"
            "import socket\nimport struct\nimport threading\nimport time\n\n"
            f"CONNECT = {CONNECT}\nROUNDS = {ROUNDS}\nBASE = {BASE}\nCAP = {CAP}\nHOLD = {HOLD}\n",
    cells={"proxy": ["proxy"], "take_over": ["take_over"]})

THREE: dict[str, Any] = {"hosts": ("client", "proxy", "server"), "student": "proxy", "patience": 5.0}
FOUR: dict[str, Any] = {"hosts": ("client", "proxy", "router", "server"), "student": "proxy", "patience": 5.0}
CAPPED = math.ceil(math.log2(CAP / BASE))  # 从这一轮（从 0 数）起，上限就是 CAP
BACK = 7100  # 后端的端口从这里数起
LONG = 60.0  # 不考时限的检查里，一对连接至多安静这么久，秒：比整项检查还长
SHORT = 2.0  # 考时限的检查里
BUFFER = 32_768  # 路上各个 TCP 缓冲区，字节：内核自己存得下的因此有数
KERNEL = 2 * 4 * BUFFER  # 一个方向上有四个缓冲区；内核会多收一个包，放宽一倍
GULP = 2_000_000  # 对方不读的时候，至多试着发这么多


def open_proxy(stage: Stage, backends: list[tuple[str, int]], idle: float = LONG) -> tuple[Student, Resident]:
    """叫 ``proxy``，等它听着。"""
    running = stage.call("proxy", listening((stage.student.address, PORT), backlog=64), backends,
                         listening(Path("desk1"), family=socket.AF_UNIX), idle)
    return running, resident(stage)


def backend(stage: Stage, host: str = "server", port: int = BACK) -> Any:
    return stage.listen(host, port, backlog=32)


def words(stage: Stage, least: int, most: int) -> bytes:
    return stage.rng.randbytes(stage.rng.randint(least, most))


# ---------------------------------------------------------------- 两个方向

@lab.check("两个方向，一字不差", points=2, cells=["proxy"], **THREE,
           tries="几个客户端同时各发几万字节，后端同时也各发几万；有的客户端先说，有的后端先说；都走了，描述符一个不剩")
def both_ways(stage: Stage) -> None:
    door = backend(stage)
    _, server = open_proxy(stage, [door.getsockname()])
    first = Pair.meet(stage, "A", door)
    flow(stage, "后端先说：A 的后端说的", Stream(first.far, first.near, words(stage, 1, 40)))
    before = server.descriptors_at_rest()
    pairs = [first, *(Pair.meet(stage, name, door) for name in "BCDE"[:stage.rng.randint(3, 4)])]
    for pair in stage.rng.sample(pairs, len(pairs)):
        pair.talk()
    flow(stage, f"{len(pairs)} 个客户端，两个方向同时", *(
        Stream(source, target, words(stage, 20_000, 60_000)) for pair in pairs
        for source, target in ((pair.near, pair.far), (pair.far, pair.near))))
    for pair in pairs[1:]:
        pair.near.close()
        stage.expect(f"{pair.name} 走了，它的后端读到", b"", stage.receive(pair.far, 1, f"{pair.name} 走了，它的后端", "结尾"))
        pair.far.close()
        pair.require_gone("走了")
    server.require_descriptors(before, "只剩 A")
    first.talk("别的都走了，")


# ---------------------------------------------------------------- 半关闭

def asks_then_ends(stage: Stage, pair: Pair, near: Any, far: Any, one: str, other: str) -> None:
    """一边说完，另一边才开口；开口之前，说完的那一边还在听。"""
    flow(stage, f"{pair.name}：{one}说", Stream(near, far, words(stage, 30_000, 70_000)))
    near.shutdown(socket.SHUT_WR)
    ended(stage, far, f"{pair.name}：{one}说完了（FIN），{other}读到")
    stage.pause(lambda: stage.quiet() and not any(stage.held(*leg) for leg in pair.legs))  # 急着关的，让它先关
    say_and_end(stage, far, near, words(stage, 90_000, 120_000), f"{pair.name}：{one}说完以后，{other}")
    ended(stage, near, f"{pair.name}：{other}也说完了，{one}读到")


def all_at_once(stage: Stage, pair: Pair, near: Any, far: Any, one: str, other: str) -> None:
    """说得多，路上放不下；对方还一个字节没有读，就说完了。"""
    say_and_end(stage, near, far, words(stage, 90_000, 120_000), f"{pair.name}：{one}")
    ended(stage, far, f"{pair.name}：{one}说完了（FIN），{other}读完之后读到")
    far.shutdown(socket.SHUT_WR)
    ended(stage, near, f"{pair.name}：{other}也说完了，{one}读到")


def say_and_end(stage: Stage, source: Any, target: Any, data: bytes, who: str) -> None:
    """说完就关（FIN 已经排在数据后面）；另一边过了一会儿才读。"""
    stream = Stream(source, target, data)
    stage.send(source, data, f"{who}说，交给自己的内核")
    stream.sent = len(data)
    source.shutdown(socket.SHUT_WR)
    stage.quiet()
    flow(stage, f"{who}说完就关，另一边过了一会儿才读", stream)


def ended(stage: Stage, sock: Any, tried: str) -> None:
    stage.expect(tried, b"", stage.receive(sock, 1 << 16, tried, "结尾（FIN）"))


@lab.check("只说完了一半", points=2, cells=["proxy"], **THREE,
           tries="一边说完（FIN），另一边才开始说，要收得全；哪一边先说完，次序随机。两边都说完了，两条连接都关掉")
def half_close(stage: Stage) -> None:
    narrow(BUFFER, 400_000, stage.net.client, stage.net.server)
    door = backend(stage)
    _, server = open_proxy(stage, [door.getsockname()])
    stayed = Pair.meet(stage, "A", door)
    stayed.talk()
    before = server.descriptors_at_rest()
    turns = [(way, flipped) for way in (asks_then_ends, all_at_once) for flipped in (False, True)]
    for name, (way, flipped) in zip("BCDE", stage.rng.sample(turns, len(turns)), strict=True):
        pair = Pair.meet(stage, name, door)
        if flipped:
            way(stage, pair, pair.far, pair.near, "后端", "客户端")
        else:
            way(stage, pair, pair.near, pair.far, "客户端", "后端")
        server.require_descriptors(before, f"{name} 的两边都说完了")
    stayed.talk("别的都说完了，")
    stage.require(not stage.sent("RST"), "网线上你发的 RST", "没有", f"{len(stage.sent('RST'))} 个")


# ---------------------------------------------------------------- 背压

@lab.check("背压", points=3, cells=["proxy"], **THREE,
           tries="一对连接里，一边一直发，另一边不读：内核放满了，代理至多替它存 HOLD 字节，睡着等；别的连接照常")
def back_pressure(stage: Stage) -> None:
    narrow(BUFFER, BUFFER, *stage.net.hosts.values())
    door = backend(stage)
    _, server = open_proxy(stage, [door.getsockname()])
    other, most = Pair.meet(stage, "A", door), KERNEL + 2 * HOLD
    for name, flipped in stage.rng.sample([("B", False), ("C", True)], 2):
        pair = Pair.meet(stage, name, door)
        pair.talk()
        source, target = (pair.far, pair.near) if flipped else (pair.near, pair.far)
        one, two = ("后端", "客户端") if flipped else ("客户端", "后端")
        held = fill(stage, server, source, GULP)
        stage.require(len(held) <= most, f"{name} 的{one}一直发，{two}不读：放得下", f"不多于 {most} 字节", f"{len(held)} 字节")
        server.require_rest(f"{name} 的{two}不读", CLOCK)
        other.talk(f"{name} 堵着，")
        flow(stage, f"{name} 堵着，反方向还走", Stream(target, source, words(stage, 100, 900)))
        Pair.meet(stage, f"{name} 堵着时新来的", door).talk()
        stream = Stream(source, target, held + words(stage, 20_000, 40_000))
        stream.sent = len(held)
        flow(stage, f"{name} 的{two}又读了", stream)
        server.require_rest(f"{name} 的{two}读完了", CLOCK)
    other.talk("都通了，")


# ---------------------------------------------------------------- 重置

def resets_after_half(stage: Stage, pair: Pair) -> tuple[Any, Any]:
    """客户端说完了，在等回答；后端没有答，重置了。"""
    pair.near.shutdown(socket.SHUT_WR)
    ended(stage, pair.far, f"{pair.name} 说完了，后端读到")
    return pair.far, pair.near


def resets_half_closed(stage: Stage, pair: Pair) -> tuple[Any, Any]:
    """后端说完了；客户端还在说，重置了。"""
    pair.far.shutdown(socket.SHUT_WR)
    ended(stage, pair.near, f"{pair.name} 的后端说完了，客户端读到")
    flow(stage, f"{pair.name} 还在说", Stream(pair.near, pair.far, words(stage, 1, 900)))
    return pair.near, pair.far


RESETS: dict[str, Callable[[Stage, Pair], tuple[Any, Any]]] = {
    "客户端重置": lambda _, pair: (pair.near, pair.far), "后端重置": lambda _, pair: (pair.far, pair.near),
    "客户端说完了，后端重置": resets_after_half, "后端说完了，客户端重置": resets_half_closed}


@lab.check("重置要传过去", points=2, cells=["proxy"], **THREE,
           tries="一边重置（RST），另一边也要看到重置，不是结尾；次序随机，有的先半关闭过。别的连接照常，描述符都还了")
def resets(stage: Stage) -> None:
    door = backend(stage)
    _, server = open_proxy(stage, [door.getsockname()])
    stayed = [Pair.meet(stage, name, door) for name in "AB"]
    for pair in stayed:
        pair.talk()
    before = server.descriptors_at_rest()
    for what in stage.rng.sample(sorted(RESETS), len(RESETS)):
        pair = Pair.meet(stage, "C", door)
        pair.talk()
        leaving, other = RESETS[what](stage, pair)
        linger_reset(leaving)
        hear_reset(stage, other, f"{what}，另一边看到")
        pair.require_gone(what)
        server.require_descriptors(before, what)
        for one in stayed:
            one.talk(f"{what}之后，")


# ---------------------------------------------------------------- 连到后端

def attempts(stage: Stage, *ports: int) -> list[Packet]:
    """代理朝这些端口发的 SYN，一次尝试一个；重传的不算。"""
    asked = stage.sent("SYN")
    return [p for p in asked if "ACK" not in p.flags and p.note != "retransmission" and int(p.target.rpartition(":")[2]) in ports]


@lab.check("这一个不行，换下一个", points=3, cells=["proxy"], **THREE,
           tries=f"四个后端：一个慢（{CONNECT * 0.3:g} 秒才答），一个没有回音，两个好的。慢的要等；没有回音的至多等 CONNECT 秒，"
                 "几个客户端一起等，等的时候别的连接照常")
def next_backend(stage: Stage) -> None:
    ports = stage.rng.sample(range(BACK, BACK + 400), 4)
    host = stage.net.server.address
    slow, good, spare = (backend(stage, port=ports[place]) for place in (0, 2, 3))
    cable = stage.net.between("proxy", "server")
    cable.detain(0.3 * CONNECT, match=lambda p: p.flags == ["SYN", "ACK"] and p.source.endswith(f":{ports[0]}"))
    cable.drop(match=lambda p: p.target.endswith(f":{ports[1]}"), times=99)
    open_proxy(stage, [(host, port) for port in ports])
    first = Pair.meet(stage, "A", slow)
    first.talk()
    slow.close()  # 从此被拒绝
    names = "BCDE"[:stage.rng.randint(3, 4)]
    begun = time.monotonic()
    waiting = [knock(stage, name) for name in names]
    prompt = time.monotonic() - begun < CONNECT / 2  # 考官自己敲门敲得慢，就看不出谁等谁
    for name, near in zip(names, waiting, strict=True):
        stage.send(near, name.encode())
    stage.until(lambda: len(attempts(stage, ports[1])) >= len(names), f"{len(names)} 个客户端一起等没有回音的后端，网线上",
                f"{len(names)} 个 SYN", lambda: f"{len(attempts(stage, ports[1]))} 个 SYN：一个等完了才轮到下一个")
    early = len(attempts(stage, *ports[2:]))
    stage.require(not early or not prompt, "这时候", "都还在等，没有换下一个", f"{early} 个已经换了")
    first.talk(f"{len(names)} 个客户端等着，")
    heard = set()
    for _ in names:
        far = stage.accept(good, "没有回音的等过了，等代理去连下一个", "一个连接")
        heard.add(stage.receive_exactly(far, 1).decode())
        far.sendall(b"!")
    stage.expect("接通的客户端", set(names), heard)
    for name, near in zip(names, waiting, strict=True):
        stage.expect(f"{name} 听到后端的回答", b"!", stage.receive_exactly(near, 1))
    stage.require(not poll(spare, select.POLLIN), "最后一个后端", "没有人来：前一个是好的", "有人来了")
    first.talk("大家都接通了，")


def pauses(stage: Stage, ports: list[int], name: str) -> list[float]:
    """来一个客户端，后端都拒绝，直到代理重置他：轮与轮之间各停了多少秒。次序与轮数不对，就是一行不符。"""
    since = len(attempts(stage, *ports))
    near = knock(stage, name)
    stage.until(lambda: len(attempts(stage, *ports)) >= since + 2 * ROUNDS, f"{name} 来了，后端都拒绝：尝试",
                f"{ROUNDS} 轮，每轮 2 次", lambda: f"{len(attempts(stage, *ports)) - since} 次就没有下文了")
    hear_reset(stage, near, f"{name} 来了，试过 {ROUNDS} 轮都不行，客户端看到")
    stage.quiet()
    asked = attempts(stage, *ports)[since:]
    stage.require([int(p.target.rpartition(":")[2]) for p in asked] == ports * ROUNDS, f"{name} 来了，尝试的次序",
                  f"{ROUNDS} 轮，每一轮按你拿到的次序", f"{len(asked)} 次，不是这个次序")
    return [(after.t - before.t) / 1e9 for before, after in itertools.pairwise(asked)][1::2]


@lab.check("再试几轮，停得参差", points=3, cells=["proxy"], **THREE,
           tries=f"后端都拒绝：一共 {ROUNDS} 轮，轮与轮之间停 0 到 min(CAP, BASE·2ᵏ) 秒里随机的一段，最后重置客户端；"
                 "后端中途起来了，客户端照样接通")
def jitter(stage: Stage) -> None:
    host, ports = stage.net.server.address, stage.rng.sample(range(BACK, BACK + 400), 2)
    open_proxy(stage, [(host, port) for port in ports])
    gaps = [pauses(stage, ports, name) for name in "ABC"]
    longest = sorted(gap for row in gaps for gap in row)[-3]  # 一两段也许是机器忙
    stage.require(longest <= 5 * CAP, "轮与轮之间停的，除去两段，最长", f"至多 {1000 * CAP:g} 毫秒（考官放宽到 5 倍）",
                  f"{1000 * longest:.0f} 毫秒")
    late = [gap for row in gaps for gap in row[CAPPED:]]  # 前面几轮停得短，机器一忙就看不清
    text = "、".join(f"{1000 * gap:.0f}" for gap in late) + " 毫秒"
    stage.require(min(late) < 0.48 * CAP, f"第 {CAPPED + 1} 轮起停的", f"参差：有的不到 {480 * CAP:g} 毫秒", text)
    stage.require(sorted(late)[-3] > 0.4 * CAP, f"第 {CAPPED + 1} 轮起停的",  # 一两段也许是机器忙
                  f"上限长到了 {1000 * CAP:g} 毫秒：至少三段超过 {400 * CAP:g} 毫秒", text)
    since = len(attempts(stage, *ports))
    near = knock(stage, "D")
    stage.send(near, b"?")
    stage.until(lambda: len(attempts(stage, *ports)) >= since + 6, "D 来了，后端都拒绝", "试到第三轮")
    far = stage.accept(backend(stage, port=ports[1]), "试到第三轮，第二个后端起来了", "代理又来连它")
    stage.expect("D 的话，起来了的后端听到", b"?", stage.receive_exactly(far, 1))


# ---------------------------------------------------------------- 没有声音了

READER = """
import socket, sys
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listener:
    print("listening", flush=True)
    conn, _ = listener.accept()
while conn.recv(65536):
    pass
"""


@lab.check("没有声音了", points=3, cells=["proxy"], **FOUR,
           tries=f"几对连接安静下来：没有话说，大的包被黑洞吞了，后端被 SIGSTOP，网线断了。过了 {SHORT:g} 秒（idle）都要重置；"
                 "还有一个字节一个字节走着的，不能断")
def gone(stage: Stage) -> None:
    narrow(BUFFER, BUFFER, *stage.net.hosts.values())
    cable, router = stage.net.between("router", "server"), stage.net.router
    door, near_door = backend(stage), backend(stage, "router", BACK + 2)
    reader = router.program(sys.executable, "-I", "-S", "-c", READER, router.address, str(BACK + 1))
    reader.stdout.readline()
    later = (stage.net.server.address, BACK + 3)  # 后来才起来
    open_proxy(stage, [door.getsockname(), later, (router.address, BACK + 1), near_door.getsockname()], SHORT)
    hole, quiet = Pair.meet(stage, "黑洞", door), Pair.meet(stage, "安静", door)
    door.close()
    stopped = knock(stage, "冻住")
    stage.until(lambda: stage.state_of((router.address, BACK + 1), ("0.0.0.0", 0)) == "CLOSE", "等代理去连第二个后端", "连上")
    reader.send_signal(signal.SIGSTOP)
    cable.drop(match=lambda p: p.length > 500 and p.target.endswith(f":{BACK}"), times=10_000)
    if not poll(hole.near, select.POLLIN):  # 准备得慢，它已经因为安静断开了
        pour(hole.near, stage.rng.randbytes(20_000))
    chorus = Chorus(stage, SHORT, stopped)
    for name in ("客户端", "后端"):
        since, pair = stage.now(), chorus.meet(f"{name}在说的那一对", near_door)
        chorus.ways[(name, *((pair.near, pair.far) if name == "客户端" else (pair.far, pair.near)))] = since
    for what, sock in (("后端没有话说", quiet.near), ("大的包有去无回", hole.near), ("后端冻住了", stopped)):
        chorus.until_reset(sock, f"{what}，过了 {SHORT:g} 秒，客户端看到")
    hear_reset(stage, quiet.far, "安静的那一对，后端也看到")
    last = Pair.meet(stage, "断线", backend(stage, port=BACK + 3))
    cable.cut()
    if not poll(last.near, select.POLLIN):  # 同上
        pour(last.near, b"?")
    chorus.until_reset(last.near, f"网线断了，过了 {SHORT:g} 秒，客户端看到")
    chorus.sing()
    stage.require(True, "只走一个方向的两对，半秒一个字节", "一直走得到", "一直走得到" if chorus.ways else "考官被耽搁了，不算")


# ---------------------------------------------------------------- 交给下一代

@lab.check("交给下一代，一个也不丢", points=4, cells=["proxy", "take_over"], **THREE,
           tries="代理有两对连接在走，又有几个客户端排在队列里，这时下一代来了：排着的都要接通，新来的归下一代；"
                 "上一代做完手里的才返回。交两次")
def hand_over(stage: Stage) -> None:
    door = backend(stage)
    running, server = open_proxy(stage, [door.getsockname()])
    for generation in (1, 2):
        flowing, asking = (Pair.meet(stage, f"第 {generation} 代的 {name}", door) for name in "AB")
        flowing.talk()
        question, answer = words(stage, 10, 900), words(stage, 10, 900)
        flow(stage, f"{asking.name} 问", Stream(asking.near, asking.far, question))
        asking.near.shutdown(socket.SHUT_WR)
        ended(stage, asking.far, f"{asking.name} 问完了（FIN），后端读到")
        names = "CDEFG"[:stage.rng.randint(4, 5)]
        with server.frozen():  # 它停着，来的都排在 accept 队列里
            waiting = [knock(stage, name) for name in names]
            for name, near in zip(names, waiting, strict=True):
                stage.send(near, name.encode())
            following = stage.call("take_over", connected(Path(f"desk{generation}"), family=socket.AF_UNIX),
                                   [door.getsockname()], listening(Path(f"desk{generation + 1}"), family=socket.AF_UNIX), LONG)
        fars = all_served(stage, door, names, waiting)
        heir = successor(stage, server)
        stage.require(not running.over, "手里的连接还在，上一代", "还没有返回", "已经返回了")
        flowing.talk("交出去以后，")
        flow(stage, f"交出去以后，{asking.name} 的后端答", Stream(asking.far, asking.near, answer))
        for sock in (asking.far, *waiting, *fars):
            sock.close()
        ended(stage, asking.near, f"{asking.name} 的后端答完了，客户端读到")
        fresh = Pair.meet(stage, "新来的", door)
        fresh.talk()
        flowing.near.close()
        flowing.far.close()
        stage.result(running, "手里的连接都完了，上一代", "返回")
        fresh.talk("上一代返回了，")
        fresh.near.close()
        fresh.far.close()
        running, server = following, heir


def all_served(stage: Stage, door: Any, names: str, waiting: list[Any]) -> list[Any]:
    """排着队的每一个都接通了后端，一句去，一句回。"""
    fars = {}
    for number in range(1, len(names) + 1):
        far = stage.accept(door, f"排着队的 {len(names)} 个客户端，等第 {number} 个接通后端", "一个连接")
        fars[stage.receive_exactly(far, 1, "排着队时说的话").decode()] = far
    stage.expect("接通后端的", set(names), set(fars))
    for name, near in zip(names, waiting, strict=True):
        flow(stage, f"排着队的 {name} 听回答", Stream(fars[name], near, words(stage, 1, 40)))
    return list(fars.values())


def successor(stage: Stage, before: Resident) -> Resident:
    """等上一代放下监听套接字，只有下一代拿着。"""
    def handed() -> set[int]:
        pids = listeners(stage, PORT)
        return set() if before.pid in pids else pids

    pids = stage.until(handed, "交出去以后，监听套接字", "只有下一代拿着",
                       lambda: "上一代还拿着" if listeners(stage, PORT) else "没有人拿着了")
    return Resident(stage, min(pids), PORT)
