"""回声程序长大的六步：每一步先看前一步怎样坏，再看这一步。程序是 ``chapters/programs/`` 里完整的文件，由 strace 看着。"""

from __future__ import annotations

import socket
import struct
import sys

from sockscope import places
from sockscope.experiments import GROWING, PORT, Choice, attempt, experiment
from sockscope.live import Network, Program
from sockscope.live.host import Host
from sockscope.live.socket import TracedSocket

FOLDER = places.ROOT / "chapters" / "programs"
STEPS = {
    "talks": "第 1 步：说一行，答一行",
    "v6_before": "第 1 步的程序，IPv6 的客户端来了", "v6": "第 2 步：两种地址都收",
    "reset_before": "第 2 步的程序，一位客户被复位", "reset": "第 3 步：下一位不受影响",
    "lines": "第 4 步：半行和两行，都一行一答",
    "close_before": "第 4 步的程序，客户说完就 close()", "half_close": "第 5 步：客户说完，还听着",
    "silent_before": "第 4 步的程序，一位客户一直不作声", "silent": "第 6 步：一位一个线程，不作声的问一声",
}
QUIET = 1.0  # 第 6 步的服务器：多久没有听到什么就问一声，秒


@experiment(
    chapter=GROWING, title="回声程序", question="同一个服务器，遇到六件事：每一件怎样坏，怎样改？", lossless=True, limit=40,
    programs=("strace",), compares="kinds", cuttable=False, what=Choice("发生了什么", STEPS))
def growing(net: Network, what: str) -> None:
    happenings = {"talks": talks, "v6": v6, "reset": reset, "lines": lines, "close": close, "half_close": half_close,
                  "silent": silent}
    happenings[what.removesuffix("_before")](net, before=what.endswith("_before"))
    net.settle()


def talks(net: Network, before: bool) -> None:
    serving(net, 1)
    program(net.client, "echo_client_1", "server", PORT, "hello", "goodbye").communicate()


def v6(net: Network, before: bool) -> None:
    serving(net, 1 if before else 2)
    near = net.client.socket(socket.AF_INET6)
    if attempt(near.connect, (net.server.address6, PORT)) is None and not before:
        say(near, b"hello\n")


def reset(net: Network, before: bool) -> None:
    server = serving(net, 2 if before else 3)
    rude = newcomer(net)
    say(rude, b"hello\n")
    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rude.close()  # 复位
    server.wait() if before else server.stdout.readline()
    polite = net.client.socket()
    if attempt(polite.connect, (net.server.address, PORT)) is None and not before:
        say(polite, b"hello\n")


def lines(net: Network, before: bool) -> None:
    serving(net, 4)
    near = newcomer(net)
    near.sendall(b"he")
    net.settle()
    say(near, b"llo\n")
    near.sendall(b"one\ntwo\n")
    net.settle()
    attempt(near.recv, 64)


def close(net: Network, before: bool) -> None:
    serving(net, 4)
    near = newcomer(net)
    near.sendall(b"one\ntwo\nthree\n")
    near.close()


def half_close(net: Network, before: bool) -> None:
    serving(net, 4)
    program(net.client, "echo_client_5", "server", PORT, "one", "two", "three").communicate()


def silent(net: Network, before: bool) -> None:
    serving(net, *[4] if before else [6, QUIET])
    quiet, other = newcomer(net), newcomer(net)
    other.settimeout(QUIET / 2)
    other.sendall(b"hello\n")
    attempt(other.recv, 64)
    other.close()
    if not before:
        while attempt(quiet.recv, 64):  # 先是一声“?”，然后是结尾
            pass


# ---------------------------------------------------------------- 两个动作

def serving(net: Network, step: int, *arguments: object) -> Program:
    """服务器上运行第 ``step`` 步的程序，等到它在听了。"""
    server = program(net.server, f"echo_server_{step}", PORT, *arguments)
    server.stdout.readline()
    return server


def program(host: Host, name: str, *arguments: object) -> Program:
    return host.program(sys.executable, str(FOLDER / f"{name}.py"), *map(str, arguments), calls=True)


def newcomer(net: Network) -> TracedSocket:
    """一位连好了的客户。"""
    near = net.client.socket()
    near.connect((net.server.address, PORT))
    return near


def say(near: TracedSocket, line: bytes) -> None:
    """说一句，等回答。"""
    near.sendall(line)
    attempt(near.recv, 64)
