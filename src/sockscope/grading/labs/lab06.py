"""练习 06：一个分得清死与慢的心跳：时延、丢失、乱序、旧答复，都不能骗它。"""

from __future__ import annotations

import itertools
import select
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sockscope.grading.exam.arguments import PORT, Path, connected, datagram
from sockscope.grading.exam.lab import Lab
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.waiting import poll, show

lab = Lab(
    "lab06", "死了，还是慢",
    prelude="import select\nimport socket\nimport struct\nimport time\n",
    cells={"answer": ["answer_beats"], "limit": ["limit"], "fresh": ["fresh_answer"], "watch": ["watch"]})

WATCH = ["fresh", "watch"]
NEVER = 60.0  # 这么长的时限：整场考试里不该到
OFTEN = 0.03  # 心跳的间隔，秒
GLANCE = 0.15
MANY, LONG = 1000, 100_000  # 一次最多收几个心跳；值班报告最长，字节


def unreturned(ward: Ward) -> str:
    return f"没有返回；{ward.story()}"


class Ward:
    """学生的 ``watch`` 在值班；考官是被看护的对端，也拿着值班报告的另一头。"""

    def __init__(self, stage: Stage, interval: float, slow: float, dead: float) -> None:
        self.stage, name = stage, f"report-{len(stage.students)}"
        self.sock = stage.net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((stage.net.server.address, PORT + len(stage.students)))
        desk = socket.socket(socket.AF_UNIX)
        stage.own.append(desk)
        desk.bind(stage.net.folder + name)
        stage.share(name)
        desk.listen()
        self.watching = stage.call("watch", datagram(connect=self.sock.getsockname()),
                                   connected(Path(name), family=socket.AF_UNIX), interval, slow, dead)
        stage.until(lambda: poll(desk, select.POLLIN), "等你带着报告的套接字来", "一个连接", lambda: "没有连来", desk)
        self.report = desk.accept()[0]
        stage.own.append(self.report)
        self.peer: Any = None
        self.text = b""
        self.beats: list[bytes] = []

    def beat(self, tried: str = "等下一次心跳") -> bytes:
        """收一次心跳：四个字节，编号比以前的都大。"""
        self.stage.until(lambda: poll(self.sock, select.POLLIN), tried, "四个字节的编号", lambda: "什么也没有等到", self.sock)
        data, self.peer = self.sock.recvfrom(4096)
        if len(data) != 4 or (self.beats and data <= self.beats[-1]):
            last = f"，上一次是 {self.beats[-1]!r}" if self.beats else ""
            self.stage.fail(tried, "四个字节的编号，比以前的都大", show(data) + last)
        self.beats.append(data)
        return data

    def drain(self) -> None:
        """把已经来的心跳都收下，一个也不回。"""
        for _ in range(MANY):  # 没完没了地发的，这一次也只收这么多
            if not poll(self.sock, select.POLLIN):
                return
            self.beat()

    def answer(self, beat: bytes) -> None:
        self.sock.sendto(beat, self.peer)

    def lines(self) -> list[str]:
        """到此刻为止的值班报告。"""
        while poll(self.report, select.POLLIN) and (data := self.report.recv(4096, socket.MSG_DONTWAIT)):
            self.text += data
            if len(self.text) > LONG:
                self.stage.fail("看值班报告", "几行字", f"没完没了，已经有 {len(self.text)} 个字节")
        return self.text.decode("utf-8", "replace").split("\n")[:-1]

    def expect_lines(self, expected: list[str], tried: str) -> None:
        """等报告以这些行开头；之后又写了什么，留给下一次看。"""
        def written() -> bool:
            self.drain()
            return len(self.lines()) >= len(expected)
        self.stage.until(written, tried, f"报告：{'、'.join(expected)}", self.story)
        self.stage.expect(tried, expected, self.lines()[:len(expected)])

    def until_over(self, tried: str, meanwhile: Callable[[], None]) -> list[str]:
        """等 ``watch`` 返回；返回全部报告，最后两行应当是 slow、dead。"""
        def finished() -> bool:
            meanwhile()
            return self.watching.over
        self.stage.until(finished, f"{tried}，watch()", "返回", lambda: f"没有返回；{self.story()}")
        self.stage.result(self.watching)
        self.stage.expect(f"{tried}，最后两行报告", ["slow", "dead"], self.lines()[-2:])
        return self.lines()

    def story(self) -> str:
        return f"报告：{'、'.join(self.lines()) or '一行也没有'}"

    def expect_quiet(self, tried: str) -> None:
        """还在值班，而且没有报告过什么。"""
        self.stage.expect(f"{tried}，报告", [], self.lines())
        self.on_duty(f"{tried}，watch()")

    def on_duty(self, tried: str = "watch()") -> None:
        over = self.watching.over
        self.stage.require(not over, tried, "还在值班", "不在值班了" if over else "还在值班")


@lab.check("有问必答", points=1, cells=["answer"], student="server",
           tries="两个人轮着来问，内容和长短随机；每个人都要原样收到自己的那一份")
def echo_beats(stage: Stage) -> None:
    door = (stage.student.address, PORT)
    stage.call("answer_beats", datagram(bind=door))
    asking = [stage.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in asking:
        sock.bind((stage.net.client.address, 0))
    for who in stage.rng.sample([0, 1] * 3, 6):
        beat = stage.rng.randbytes(stage.rng.randint(1, 12))
        asking[who].sendto(beat, door)
        stage.until(partial(poll, asking[who], select.POLLIN), f"第 {who + 1} 个人来问", show(beat),
                    lambda: "没有答复", asking[who])
        stage.expect(f"第 {who + 1} 个人来问，答复", beat, asking[who].recv(4096))


@lab.check("多慢才算慢", points=2, cells=["limit"],
           tries="三串随机的来回时间，一串平稳，一串忽快忽慢，一串只有一个；你算出的时限要和 RFC 6298 的公式一样")
def slow_limit(stage: Stage) -> None:
    base = stage.rng.uniform(0.02, 0.2)
    steady = [round(base * stage.rng.uniform(0.95, 1.05), 6) for _ in range(stage.rng.randint(5, 9))]
    shaky = [round(base * stage.rng.uniform(0.2, 4), 6) for _ in range(stage.rng.randint(5, 9))]
    cases = stage.rng.sample([("平稳的", steady), ("忽快忽慢的", shaky), ("只有一个的", shaky[:1])], 3)
    asked = stage.call("limits", [samples for _, samples in cases],
                       driver="def limits(cases):\n    return [limit(samples) for samples in cases]\n")
    answers = stage.result(asked, "limit(samples)，三串各一次")
    for place, (name, samples) in enumerate(cases):
        wanted, seen = reference(samples), answers[place] if type(answers) is list and place < len(answers) else None
        ok = type(seen) is float and abs(seen - wanted) < 1e-9
        stage.require(ok, f"{name}一串：{samples}", f"{wanted:.9f}", show(seen))


def reference(samples: list[float]) -> float:
    """RFC 6298 §2：平滑的来回时间，加上四倍的平均偏差。"""
    smooth, spread = samples[0], samples[0] / 2
    for sample in samples[1:]:
        spread = 0.75 * spread + 0.25 * abs(smooth - sample)
        smooth = 0.875 * smooth + 0.125 * sample
    return smooth + 4 * spread


@lab.check("不管有没有回音，都接着问", points=2, cells=WATCH,
           tries="两次，次序随机：一次间隔很短，谁也不答，心跳要一次接一次，编号越来越大；一次间隔很长，只该有一次")
def keep_asking(stage: Stage) -> None:
    for often in stage.rng.sample([True, False], 2):
        ward = Ward(stage, OFTEN if often else NEVER, NEVER, NEVER)
        count = stage.rng.randint(5, 7) if often else 1
        for number in range(count):
            ward.beat(f"间隔 {OFTEN if often else NEVER:g} 秒，没有人答，等第 {number + 1} 次心跳")
        if not often:
            early = stage.pause(partial(poll, ward.sock, select.POLLIN), GLANCE)
            stage.require(not early, f"间隔 {NEVER:g} 秒，第一次心跳之后马上看一眼", "没有第二次",
                          "又来了一次" if early else "没有第二次")
        ward.expect_quiet(f"收到 {count} 次心跳，时限远没有到")
        ward.watching.dismiss()


@lab.check("慢和丢，不是死", points=2, cells=WATCH, delay=0.02,
           tries="时限很长；答复有时不来，有时攒几个一起来，次序颠倒，还会来两份；你不该报告任何事")
def no_false_alarm(stage: Stage) -> None:
    ward, held = Ward(stage, OFTEN, NEVER, NEVER), []
    for _ in range(14):
        held.append(ward.beat())
        if stage.rng.random() < 0.3:
            stage.rng.shuffle(held)
            for beat in held[stage.rng.randint(0, 1):]:
                ward.answer(beat)
                ward.answer(beat)
            held.clear()
    ward.answer(ward.beats[-1])
    ward.answer(ward.beats[-1])
    stage.pause(stage.taken)
    ward.drain()
    for _ in range(3):
        ward.beat("答复都来过了，等以后的心跳")
    ward.expect_quiet("答复有的迟，有的丢，有的来两份")


@lab.check("慢了，又回来了", points=2, cells=WATCH,
           tries="答复扣着不发，等你报告 slow；再随机发出扣着的一个，等你报告 alive；一共两遍")
def slow_and_back(stage: Stage) -> None:
    ward, story = Ward(stage, OFTEN, 0.25, NEVER), []
    for _ in range(2):
        fresh = len(ward.beats)
        story.append("slow")
        ward.expect_lines(story, "答复都扣着，等报告")
        for _ in range(3):
            ward.beat("慢的时候，心跳照发")
        ward.drain()
        story.append("alive")
        ward.answer(stage.rng.choice(ward.beats[fresh:-1]))
        ward.expect_lines(story, "发出扣着的答复中的一个（不是最新的），等报告")
    ward.on_duty()


@lab.check("死了就是死了", points=2, cells=WATCH,
           tries="先答几次，然后永远沉默；先报告 slow，过了 dead 再报告 dead，然后返回，不再发心跳；早了不行")
def dead_for_good(stage: Stage) -> None:
    limit = stage.rng.uniform(1.0, 1.3)
    ward = Ward(stage, OFTEN, 0.2, limit)
    for _ in range(stage.rng.randint(2, 4)):
        beat = ward.beat()
        since = time.monotonic()
        ward.answer(beat)

    lines = ward.until_over("最后一次答复之后，永远沉默", ward.drain)
    waited = time.monotonic() - since
    repeated = [word for word, following in itertools.pairwise(lines) if word == following]
    stage.require(not repeated, "全部报告", "没有哪一行和上一行相同", "、".join(lines))
    stage.require(waited > 0.9 * limit, f"dead 是 {limit:.2f} 秒；从最后一次答复到宣布", f"不少于 {limit:.2f} 秒",
                  f"{waited:.2f} 秒")


@lab.check("旧答复骗不了你", points=2, cells=WATCH,
           tries="对端死了，可是网上有东西不停地重放一个旧答复，还有编号没有发过的、残缺的；该报告的还是要报告")
def replayed_answer(stage: Stage) -> None:
    stage.unhindered(lambda: haunted(stage, 0.5), 0.5)


def haunted(stage: Stage, dead: float) -> Any:
    """值一次班，其间不停地重放；返回考官收心跳的地址。"""
    ward = Ward(stage, OFTEN, dead / 2, dead)
    old = ward.beat()
    ward.answer(old)
    lies = [old, struct.pack("!I", 0xFFFF0000 + stage.rng.randrange(1000)), old[:3], b"", old + b"!"]

    def replay() -> None:
        ward.drain()
        if not ward.watching.over:
            for lie in lies:  # 每一种都来：漏掉一种，就漏掉一种错误
                ward.answer(lie)
    ward.until_over("旧答复不停地来", replay)
    return ward.sock.getsockname()


@lab.check("内核替它说：没有人了", points=2, cells=WATCH,
           tries="两次，次序随机，时限都很长：一次对端好好的；一次对端的进程没了，它的内核用 ICMP 回答，你应当马上知道")
def nobody_home(stage: Stage) -> None:
    for gone in stage.rng.sample([True, False], 2):
        ward = Ward(stage, OFTEN, NEVER, NEVER)
        for _ in range(3):
            ward.answer(ward.beat())
        if not gone:
            ward.answer(ward.beat())
            ward.expect_quiet("对端好好的，次次都答")
            ward.watching.dismiss()
            continue
        ward.sock.close()
        stage.until(partial(getattr, ward.watching, "over"), "对端的进程没了，watch()", "返回",
                    partial(unreturned, ward))
        stage.result(ward.watching)
        stage.expect("对端的进程没了，最后一行报告", ["dead"], ward.lines()[-1:])
