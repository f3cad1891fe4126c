"""我们的一次实验：两台主机、一根网线、一段对话、一条完整的轨迹。直接运行就是冷启动的一次。"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def once() -> float:
    """一次实验，从开始到轨迹解析完毕、网络收走，秒。"""
    start = time.perf_counter()
    import exchange

    from sockscope.live import Network
    with contextlib.redirect_stdout(io.StringIO()), Network("client", "server") as net:
        net.server.spawn(exchange.serve, net.server.socket(), net.server.address)
        exchange.ask(net.client.socket(), net.server.address)
    trace = net.trace
    took = time.perf_counter() - start
    assert len(trace.sent_by("client", "FIN")) == len(trace.sent_by("server", "FIN")) == 1
    assert trace.states_of("client")[-1] == "TIME_WAIT"
    return took


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(once())
