"""``python -m sockscope.guest 请求 回答``：在页内内核里应答。两个参数是文件（串口与 virtio 控制台）。"""

from __future__ import annotations

import os

from sockscope.guest.agent import Agent
from sockscope.guest.warm import settle, warm_up
from sockscope.terminal import Parser

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """先热身，写一行 ``ready``，然后一直应答。"""
    parser = Parser(prog="python -m sockscope.guest", description="在页内内核里应答书页的请求。")
    parser.add_argument("questions", metavar="请求", help="从这个文件读请求，一行一个")
    parser.add_argument("answers", metavar="回答", help="往这个文件写回答")
    asked = parser.parse_args(arguments)
    with open(asked.questions, encoding="utf-8") as questions, open(asked.answers, "w", encoding="utf-8") as replies:
        agent = Agent(questions, replies)
        warm_up(agent.shells)
        if os.getpid() == 1:
            settle()
        agent.tell(0, ready=True)
        agent.serve()


if __name__ == "__main__":
    main()
