"""真程序：一个名字怎样变成地址。"""

from __future__ import annotations

import sys

from sockscope.experiments import GALLERY, Choice, experiment
from sockscope.experiments.programs import find_program
from sockscope.live import Network

ASK = "import socket; socket.getaddrinfo('{}', 80, type=socket.SOCK_STREAM)"
SERVE = ("--no-daemon", "-C", "/dev/null", "-u", "root", "-h", "-R", "-x", "", "--bind-interfaces",
         "--local=/example.org/", "--host-record=www.example.org,192.0.2.80")


@experiment(
    chapter=GALLERY, title="问 DNS", question="getaddrinfo() 一次，网线上问了几句？", hosts=("client", "dns"), lossless=True,
    programs=("strace", "dnsmasq", "getent"), compares="packets",
    who=Choice("谁来问", {"getent": "C 程序：getent ahosts", "python": "Python：socket.getaddrinfo()"}),
    asked=Choice("问哪个名字", {"www.example.org": "www.example.org", "nobody.example.org": "nobody.example.org：没有"}))
def dns_lookup(net: Network, who: str, asked: str) -> None:
    dns = net.hosts["dns"]
    dns.program(find_program("dnsmasq"), *SERVE, "--listen-address", dns.address, calls=True)
    net.settle()
    command = ["getent", "ahosts", asked] if who == "getent" else [sys.executable, "-IS", "-c", ASK.format(asked)]
    net.client.program(*command, calls=True).communicate()
    net.settle()
