"""第 13 章：resolv.conf 里的第一台 DNS 服务器不答，每个名字都慢五秒。"""

from __future__ import annotations

import os
from socket import AF_INET, SOCK_DGRAM, inet_aton
from typing import TYPE_CHECKING

from sockscope.experiments import Choice, attempt, experiment
from sockscope.live import Network

if TYPE_CHECKING:
    from sockscope.live.socket import TracedSocket

OPTIONS = {"none": "不写（缺省等 5 秒）", "short": "timeout:1"}


@experiment(
    chapter="13", title="第一台 DNS 不答", hosts=("dns1", "client", "dns2"), lossless=True,
    programs=("strace", "getent"), compares="packets", cuttable=False,
    question="resolv.conf 里写着两台 DNS 服务器，第一台坏了。查一个名字要多久？",
    first=Choice("第一台", {"silent": "断了线", "refusing": "主机在，没有人听 53 端口"}),
    options=Choice("resolv.conf 里的", OPTIONS))
def slow_names(net: Network, first: str, options: str) -> None:
    server = net.hosts["dns2"].socket(AF_INET, SOCK_DGRAM)
    server.bind((net.hosts["dns2"].address, 53))
    net.hosts["dns2"].spawn(answer, server)
    if first == "silent":
        net.cables[0].cut()
    asked = "getent", "ahostsv4", "www.example.org"
    written = {"RES_OPTIONS": "" if options == "none" else OPTIONS[options]}  # 同 resolv.conf 里的 options
    net.client.program(*asked, calls=True, env={**os.environ, **written}).communicate()
    net.settle()


def answer(server: TracedSocket) -> None:
    """答每一个问题：RFC 1035 §4.1，一条 A 记录，名字指回问题里的那一个。"""
    record = b"\xc0\x0c" + bytes([0, 1, 0, 1, 0, 0, 0, 60, 0, 4]) + inet_aton("192.0.2.80")
    while question := attempt(server.recvfrom, 512):
        query, peer = question
        server.sendto(query[:2] + b"\x81\x80" + b"\0\1\0\1\0\0\0\0" + query[12:] + record, peer)
