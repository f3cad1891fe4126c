"""``python -m bench``（即 ``make bench``）：一行一个数，都是这一次运行的中位数和比值。

什么也不安装：缺哪个软件包，用一句话说出来，那一行写“未测”。
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import Untested, ours, quarantine
from sockscope.live import Network, capability, stock
from sockscope.live.plan import Plan
from sockscope.terminal import Parser, speak_chinese

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"
ROUNDS = 3000
GLANCE = 0.3  # 读者看一眼图的工夫，秒
PACKAGES = {"tcpdump": "tcpdump", "tshark": "tshark", "ip": "iproute2", "mn": "mininet"}


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    Parser(prog="python -m bench", description="一次实验、一个来回、一次切换各要多久：一行一个数。").parse_args(arguments)
    if capability().level != "cable":
        print(f"未测：{capability().sentence}", file=sys.stderr)
        return 1
    for title, measure in figures():
        try:
            print(f"{title}：{measure()}", flush=True)
        except Untested as reason:
            print(f"{title}：未测。{reason}", flush=True)
    return 0


def figures() -> Iterator[tuple[str, Callable[[], str]]]:
    yield "一次实验（连接、问答、半关闭、关闭，到完整的轨迹）", experiment
    yield "其中第一次（解释器刚刚启动）", cold
    yield "一个来回", round_trip
    yield "大的传输", bulk
    yield "一万个包：轨迹、图、文字", size
    yield "收工（net.close()，一个线程还阻塞着）", closing
    if importlib.util.find_spec("bench.browser"):
        yield from importlib.import_module("bench.browser").figures()


# ---------------------------------------------------------------- 一次实验

def experiment() -> str:
    ours.once()
    fresh = statistics.median(ours.once() for _ in range(20))
    mine = statistics.median(ours.once() for _ in range(20) if prepare() is None)
    name, theirs = other_way()
    return (f"{mine * 1000:.0f} ms（主机先造好，如交互实验里那样；连造主机 {fresh * 1000:.0f} ms）；"
            f"{name} + tcpdump + tshark {theirs * 1000:.0f} ms；快 {theirs / mine:.0f} 倍"
            f"（目标 50；连造主机 {theirs / fresh:.0f} 倍）")


def prepare() -> None:
    """像交互实验那样备好下一次的主机，并给它读者看一眼图的工夫。"""
    stock.prepare(Plan.row(2, quickack=False, rto_min=0))
    time.sleep(GLANCE)


def other_way() -> tuple[str, float]:
    """Mininet 的一次要多久；这个内核上起不来就用 ip netns。"""
    need("tcpdump", "tshark", "ip", "mn")
    for way, name in (("mininet", "Mininet"), ("netns", "ip netns（Mininet 在这里起不来）")):
        done = quarantine.run(SYSTEM_PYTHON, str(HERE / "theirs.py"), way, "5")
        if done.returncode == 0:
            return name, statistics.median(map(float, done.stdout.split()))
    raise Untested(f"Mininet 和 ip netns 都起不来：{(done.stderr.strip() or '没有说明').splitlines()[-1]}")


def need(*programs: str) -> None:
    missing = [PACKAGES[p] for p in programs if shutil.which(p) is None]
    if missing:
        raise Untested(f"缺 {'、'.join(missing)}；sudo apt-get install {' '.join(missing)} 之后再测。")


def cold() -> str:
    took = [float(run(sys.executable, str(HERE / "ours.py"))) for _ in range(5)]
    return f"{statistics.median(took) * 1000:.0f} ms（目标 800）"


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------- 一个来回

def round_trip() -> str:
    """同样的两台主机、同样的程序，只换中间那段路：网线，或一对 veth。"""
    need("ip")
    with Network("client", "server") as net:
        lay_veth(net)
        cable, veth = ping(net, net.server.address), ping(net, "10.1.0.2")
    return f"网线 {cable * 1e6:.0f} µs，veth {veth * 1e6:.0f} µs，{cable / veth:.1f} 倍（目标 3 以内）"


def lay_veth(net: Network) -> None:
    """两台主机之间再拉一对 veth：10.1.0.1 与 10.1.0.2。"""
    inside(net.client, "ip", "link", "add", "veth0", "type", "veth", "peer", "veth0", "netns", str(net.server.namespace.pid))
    for host, address in ((net.client, "10.1.0.1/24"), (net.server, "10.1.0.2/24")):
        inside(host, "ip", "address", "add", address, "dev", "veth0")
        inside(host, "ip", "link", "set", "veth0", "up")


def inside(host, *command: str) -> str:
    program = host.program(*command)
    out, wrong = program.stdout.read(), program.stderr.read()
    if program.wait():
        raise Untested(f"{' '.join(command)}：{wrong.decode().strip()}")
    return out.decode()


def ping(net: Network, address: str) -> float:
    """到 ``address`` 的来回的中位数，秒。"""
    code = str(HERE / "pingpong.py")
    server = net.server.program(sys.executable, code, "pong", address)
    server.stdout.readline()
    return float(inside(net.client, sys.executable, code, "ping", address, str(ROUNDS)))


# ---------------------------------------------------------------- 大的传输

def bulk() -> str:
    """同样的两个程序，只换中间那段路。"""
    need("ip")
    with Network("client", "server") as net:
        lay_veth(net)
        veth = transfer(net.client, net.server, "10.1.0.2", 512)
        loopback = transfer(net.server, net.server, "127.0.0.1", 512)
        cable = transfer(net.client, net.server, net.server.address, 64)
    with Network("client", "server", offload=True) as net:
        offload = transfer(net.client, net.server, net.server.address, 512)
    return (f"网线 {cable:.0f} MB/s，替内核切段的网线（offload）{offload:.0f} MB/s（目标 400），veth {veth:.0f} MB/s，"
            f"环回 {loopback:.0f} MB/s")


def transfer(sender, receiver, address: str, megabytes: int) -> float:
    """每秒多少 MB，三次的中位数。"""
    rates = []
    for _ in range(3):
        code = str(HERE / "bulk.py")
        far = receiver.program(sys.executable, code, "recv", address)
        far.stdout.readline()
        inside(sender, sys.executable, code, "send", address, str(megabytes))
        rates.append(float(far.stdout.readline()))
        far.wait()
    return statistics.median(rates)


# ---------------------------------------------------------------- 许多个包

def size() -> str:
    """一万个数据报，和一次一百兆字节的传输（约十万个包）。"""
    from sockscope.render import svg, text

    with Network("client", "server") as net:
        near, far = (host.socket(socket.AF_INET, socket.SOCK_DGRAM) for host in (net.client, net.server))
        far.bind((net.server.address, 7))
        for _ in range(100):
            for _ in range(100):
                near.sendto(b"x", far.getsockname())
            net.settle()
    steps = [timed(lambda: net.trace)]
    trace = net.trace
    steps += [timed(lambda: svg.render(trace)), timed(lambda: text.render(trace)), timed(trace.canonical)]
    with Network("client", "server", offload=True) as net:
        transfer(net.client, net.server, net.server.address, 32)
    many = timed(lambda: net.trace)
    trace = net.trace
    return (f"轨迹 {steps[0]:.2f} s，图 {steps[1]:.2f} s（目标 1），文字 {steps[2]:.2f} s，规范形式 {steps[3]:.2f} s；"
            f"{len(trace.packets)} 个包：轨迹 {many:.1f} s（目标 5），图 {timed(lambda: svg.render(trace)):.1f} s（目标 3）")


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ---------------------------------------------------------------- 收工

def closing() -> str:
    import time
    took = []
    for _ in range(20):
        net = Network("client", "server")
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()
        net.server.spawn(listener.accept)
        start = time.perf_counter()
        net.close()
        took.append(time.perf_counter() - start)
    return f"{statistics.median(took) * 1000:.1f} ms（目标 5 以内）"


if __name__ == "__main__":
    sys.exit(main())
