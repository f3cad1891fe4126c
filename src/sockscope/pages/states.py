"""状态机的图（附录 B）：全书走过的边点得开；一条轨迹走过的边画得醒目。"""

from __future__ import annotations

from sockscope.cells.made import made
from sockscope.pages.ledger import walked
from sockscope.pages.prose import Html
from sockscope.render import machine
from sockscope.tcp import walk
from sockscope.trace import Trace

__all__ = ["path", "state_machine"]


@made()
def state_machine() -> Html:
    """整张图；有录制走过的边，点开是书里摆着那个实验的一节。"""
    return Html(machine.render(links=walked()), "TCP 状态图")


@made()
def path(trace: Trace) -> Html:
    """同一张图，一条轨迹走过的边画得醒目。"""
    return Html(machine.render(edge for step in walk(trace) for edge in step.edges), f"“{trace.title}”在状态图上走过的边")
