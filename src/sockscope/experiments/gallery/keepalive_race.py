"""真程序：http 的长连接空闲久了，服务器关掉它，客户端正要用。"""

from __future__ import annotations

import http.client
import threading
from contextlib import suppress

from sockscope.experiments import GALLERY, Choice, experiment
from sockscope.experiments.gallery.web import ask, serving
from sockscope.live import Network
from sockscope.trace import Packet

IDLE = {"crossing": 2.0, "after": 2.0, "in_time": 60.0}  # 服务器等多久没有下一个请求就挂断，秒


@experiment(
    chapter=GALLERY, title="长连接的赛跑", question="服务器关掉空闲的连接，客户端的请求正在路上：客户端看到什么？",
    delay=0.2, lossless=True, compares="packets",
    when=Choice("客户端什么时候发第二个请求", {
        "crossing": "服务器的 FIN 还在路上", "after": "服务器的 FIN 已经到了", "in_time": "服务器还没有挂断"}))
def keepalive_race(net: Network, when: str) -> None:
    left = threading.Event()
    net.cable.drop(match=lambda packet: goodbye(packet, left))
    with serving(net, 80, IDLE[when]), net.client:
        client = http.client.HTTPConnection("server", timeout=10)
        with suppress(OSError):  # 剪掉哪一个包，都只是早一点结束
            ask(client, "/1")
            if when != "in_time":
                left.wait(10)
            if when == "after":
                net.settle()
            ask(client, "/2")
        client.close()
        net.settle()


def goodbye(packet: Packet, left: threading.Event) -> bool:
    """记下服务器的 FIN 上了网线；什么也不丢。"""
    if packet.src == "server" and "FIN" in packet.flags:
        left.set()
    return False
