"""应答：请求一行一个，按次序做；打断不排队。

请求是 ``{"id", "do", …}``，回答是同一个 ``id`` 的一行或几行，最后一行有 ``ok``，或者有一句 ``wrong``：

=============  =============================================  ==========================================
``do``         请求里还有                                       ``ok`` 里是
=============  =============================================  ==========================================
``hello``      ``now``（毫秒）、``seed``（十六进制）              ``kernel``、``python``、``pace``
``run``        ``experiment``、``parameters``、``drop``         报告（``widgets.report.payload``）
``compare``    同上                                            ``same``：与录制的第一处不同，没有则为空；``why``：来历
``cell``       ``notebook``、``cell``、``source``              ``error``、``same``；此前一份输出一行 ``output``
``interrupt``  ``of``：哪一个请求                              （没有回答）
=============  =============================================  ==========================================
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from typing import IO, Any

from sockscope import experiments
from sockscope.experiments.known import judge
from sockscope.guest.shell import Shells
from sockscope.live.pace import measure_again, pace
from sockscope.widgets.report import payload

__all__ = ["Agent"]

STOPPED = "叫停了。"


class Agent:
    """一个应答者：从 ``asked`` 读，往 ``answers`` 写。请求都在主线程里做：只有主线程打断得了。"""

    def __init__(self, asked: Iterable[str], answers: IO[str]) -> None:
        self.asked, self.answers = asked, answers
        self.lock = threading.Lock()
        self.waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.busy: int | None = None
        self.cancelled: set[int] = set()
        self.shells = Shells()

    def serve(self) -> None:
        """一直应答，直到请求那一头关了。"""
        signal.signal(signal.SIGINT, self._interrupted)
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        while (question := self.waiting.get()) is not None:
            self._answer(question)

    def tell(self, number: int, **told: Any) -> None:
        """写一行回答。"""
        line = json.dumps({"id": number, **told}, ensure_ascii=False, separators=(",", ":"))
        with self.lock:
            self.answers.write(f"{line}\n")
            self.answers.flush()

    # ------------------------------------------------------------ 读请求的线程

    def _listen(self) -> None:
        for question in _questions(self.asked):
            if question["do"] == "interrupt":
                self._interrupt(question["of"])
            else:
                self.waiting.put(question)
        self.waiting.put(None)

    def _interrupt(self, number: int) -> None:
        """正在做的打断；还在排队的到时候不做。"""
        self.cancelled.add(number)
        if self.busy == number:
            os.kill(os.getpid(), signal.SIGINT)

    # ------------------------------------------------------------ 主线程

    def _interrupted(self, *_: Any) -> None:
        """SIGINT：只打断要打断的那一个；它已经做完了，就没有东西可打断。"""
        if self.busy in self.cancelled:
            self.cancelled.discard(self.busy)
            raise KeyboardInterrupt

    def _answer(self, question: dict[str, Any]) -> None:
        number = question["id"]
        try:
            told = self._attempt(number, question)
        except KeyboardInterrupt:
            told = {"wrong": STOPPED}
        self.busy = None
        self.tell(number, **told)

    def _attempt(self, number: int, question: dict[str, Any]) -> dict[str, Any]:
        self.busy = number
        try:
            self._interrupted()
            told = {"ok": self._do(number, question)}
        except Exception as error:
            told = {"wrong": _sentence(error)}
        self.busy = None
        return told

    def _do(self, number: int, question: dict[str, Any]) -> Any:
        match question["do"]:
            case "hello":
                return _hello(question)
            case "run":
                name, drop = question["experiment"], question.get("drop", [])
                try:
                    return payload(name, question.get("parameters", {}), drop)
                finally:
                    experiments.get(name).prepare(drop=drop)
            case "compare":
                return _compared(question)
            case "cell":
                return self.shells.run(question["notebook"], question.get("cell", ""), question["source"],
                                       lambda output: self.tell(number, output=output))
        raise ValueError(f"不认识的请求：{question['do']!r}。")


def _questions(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """一行一个请求；不成样子的行略过。"""
    for line in lines:
        with contextlib.suppress(ValueError):
            question = json.loads(line)
            if isinstance(question, dict) and "do" in question and isinstance(question.get("id", question.get("of")), int):
                yield question


def _sentence(error: Exception) -> str:
    return str(error) if str(error) and not isinstance(error, KeyError) else f"实验没有做完：{error!r}。"


def _hello(question: dict[str, Any]) -> dict[str, Any]:
    """从快照里醒来：钟拨到现在；随机数重新播种，不然每位读者的序号都一样；机器有多快重新量，
    告诉书页，它照此拨慢这台机器的钟（worker.js 的 Clock）；拨过以后再量，就和普通的机器一样。

    只有一号进程才动钟和内核的随机数：那时整台机器都是这个程序的。
    """
    import platform

    seed = bytes.fromhex(question["seed"])
    if os.getpid() == 1:
        time.clock_settime(time.CLOCK_REALTIME, question["now"] / 1000)
        _reseed(seed)
    random.seed(seed)
    measure_again()
    found = {"kernel": platform.release(), "python": platform.python_version(), "pace": pace()}
    measure_again()
    return found


def _reseed(seed: bytes) -> None:
    """把 ``seed`` 交给内核的随机数发生器，并叫它马上用（RNDADDENTROPY、RNDRESEEDCRNG，见 random(4)）。"""
    import fcntl
    import struct

    with open("/dev/urandom", "wb", buffering=0) as pool:
        fcntl.ioctl(pool, 0x40085203, struct.pack("ii", 8 * len(seed), len(seed)) + seed)
        fcntl.ioctl(pool, 0x5207)


def _compared(question: dict[str, Any]) -> dict[str, str]:
    """做一遍，与录制比较。"""
    wanted, drop = experiments.get(question["experiment"]), question.get("drop", [])
    values = wanted.complete(question.get("parameters", {}))
    found = judge(wanted.recorded(drop=drop, **values), wanted.run(drop=drop, **values))
    return {"same": found.says, "why": found.why}
