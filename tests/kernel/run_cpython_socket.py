"""CPython 自己的 test_socket：照原样做一遍（``plain``），或者在一台主机上做（``ours``）。通过的，一行一个写在标准输出。

另起进程来做：它关掉、留下许多别的东西。
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unittest

from test import test_socket

from sockscope import Network

LEFT_OUT = (
    "VSOCKSocketStream",  # 要虚拟机外面有人应答；没有就永远等下去
    "NetworkConnectionAttributesTest",  # 自己与自己赛跑：主线程收拾时关掉另一个线程还在问的套接字
)


class Passed(unittest.TextTestResult):
    """记下通过了哪些。"""

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        print(test.id(), flush=True)


def flat(suite: unittest.TestSuite):
    for item in suite:
        yield from flat(item) if isinstance(item, unittest.TestSuite) else [item]


def main(kind: str) -> None:
    test_socket.SendrecvmsgBase.fail_timeout = 60.0  # 塞满缓冲区要几千次发送：不看这台机器快不快
    net = Network("client", "server", capture="loopback") if kind == "ours" else None
    suite = unittest.defaultTestLoader.loadTestsFromModule(test_socket)
    chosen = unittest.TestSuite(test for test in flat(suite) if not any(name in test.id() for name in LEFT_OUT))
    with net.server if net else contextlib.nullcontext():
        result = unittest.TextTestRunner(stream=io.StringIO(), resultclass=Passed).run(chosen)
    for test, trouble in result.failures + result.errors:
        print(test.id(), trouble, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # 有的测试留下线程


main(sys.argv[1])
