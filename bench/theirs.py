"""别的办法的一次实验：同样的对话，tcpdump 抓包，tshark 解析。由系统的 Python 运行，那里才有 Mininet。

``python3 theirs.py mininet|netns 次数``：每行一次的秒数。``mininet`` 用两台直接相连的 Mininet 主机（不经交换机），
``netns`` 用 ip netns 与 veth：Mininet 在这个内核上起不来时，它是最接近的。
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXCHANGE = str(Path(__file__).with_name("exchange.py"))
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"


@contextlib.contextmanager
def mininet():
    """两台 Mininet 主机，各给一个“在这台主机上运行”的函数，和抓包的网口名。"""
    from mininet.net import Mininet
    net = Mininet(controller=None)
    client, server = net.addHost("client", ip=f"{CLIENT}/24"), net.addHost("server", ip=f"{SERVER}/24")
    net.addLink(client, server)
    net.start()
    try:
        yield client.popen, server.popen, "client-eth0"
    finally:
        net.stop()


@contextlib.contextmanager
def netns():
    """两个 ip netns 和一对 veth。"""
    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    def within(name: str):
        return lambda command, **options: subprocess.Popen(["ip", "netns", "exec", name, *command], **options)

    names = {"bench-client": CLIENT, "bench-server": SERVER}
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "eth0", "netns", "bench-client", "type", "veth", "peer", "eth0", "netns", "bench-server")
        for name, address in names.items():
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        yield within("bench-client"), within("bench-server"), "eth0"
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def once(world) -> float:
    """一次实验，从开始到抓包解析成 JSON、网络收走，秒。"""
    start = time.perf_counter()
    with world() as (on_client, on_server, port), tempfile.NamedTemporaryFile(suffix=".pcap") as capture:
        dump = on_client(["tcpdump", "-i", port, "-U", "--immediate-mode", "-Z", "root", "-w", capture.name, "tcp"],
                         stderr=subprocess.PIPE, text=True)
        while "listening on" not in dump.stderr.readline():
            pass
        server = on_server([sys.executable, "-u", EXCHANGE, "serve", SERVER], stdout=subprocess.PIPE, text=True)
        server.stdout.readline()
        on_client([sys.executable, EXCHANGE, "ask", SERVER]).wait()
        server.wait()
        dump.terminate()
        dump.communicate()
        decoded = subprocess.run(["tshark", "-r", capture.name, "-T", "json"], capture_output=True, check=True)
    took = time.perf_counter() - start
    flags = [int(p["_source"]["layers"]["tcp"]["tcp.flags"], 16) for p in json.loads(decoded.stdout)]
    assert sum(f & 1 for f in flags) == 2, "两个 FIN 都在抓包里，才算完整"
    return took


if __name__ == "__main__":
    worlds = {"mininet": mininet, "netns": netns}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", choices=worlds)
    parser.add_argument("times", type=int)
    wanted = parser.parse_args()
    for _ in range(wanted.times):
        print(once(worlds[wanted.world]), flush=True)
