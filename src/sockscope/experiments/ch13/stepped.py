"""第 13 章：对时把墙上时钟拨了，用它算期限的程序就等错了。"""

import time

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network

BUDGET = 1.0  # 程序打算一共等多久，秒


@experiment(
    chapter="13", title="被拨动的钟", lossless=True,
    question="程序打算一共等 1 秒。回答先来了一半，钟就被拨了。它再等多久？",
    clock=Choice("期限用哪个钟算", {
        "wall": "墙上时钟 time.time()", "monotonic": "单调时钟 time.monotonic()"}),
    step=Choice("对时把墙上时钟", {-2: "拨回 2 秒", 2: "拨快 2 秒"}))
def stepped(net: Network, clock: str, step: int) -> None:
    near, far = connected(net)
    moved = 0

    def now() -> float:  # 不许真的拨这台机器的钟：拨的是程序看到的那一个
        return time.time() + moved if clock == "wall" else time.monotonic()

    deadline = now() + BUDGET
    far.send(b"first half, ")
    near.settimeout(BUDGET)
    near.recv(64)
    moved = step
    if (left := round(deadline - now())) > 0:  # 取整秒：轨迹不随机器快慢而变
        near.settimeout(left)
        attempt(near.recv, 64)
