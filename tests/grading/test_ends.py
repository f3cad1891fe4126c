"""考官的一头：连上的是不是考场里的进程，问内核。"""

from __future__ import annotations

import subprocess
import sys

import pytest

from sockscope.grading.arguments import Path
from sockscope.grading.ends import Ends
from sockscope.grading.lab import find_lab
from sockscope.grading.source import model
from sockscope.grading.stage import Stage
from sockscope.grading.student import Plain
from sockscope.grading.waiting import Failed

STRANGER = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def stage():
    lab = find_lab("lab07")
    made = Stage(lab.checks["stale_file"], 1, model(lab), Plain())
    yield made
    made.close()


def test_a_process_outside_the_exam_is_no_answer(stage: Ends):
    """就算它的套接字放进了考场文件夹：它住在这台机器上，不在考场的网络里。"""
    outside = [sys.executable, "-c", STRANGER, stage.net.folder + "door"]
    with subprocess.Popen(outside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stranger:
        assert stranger.stdout.readline() == "listening\n"
        with pytest.raises(Failed):
            stage.unix_connect("door")
        stranger.stdin.close()
    assert stage.rows[-1].seen == "听着的不是考场里的进程"


def test_the_student_s_own_process_is(stage: Stage):
    stage.result(stage.call("open_door", Path("door"), 0o600))
    stage.unix_connect("door")
    assert stage.rows == []


def test_a_machine_that_stalls_does_not_make_the_kernel_send_twice(stage: Ends):
    """停顿三百毫秒，内核缺省（RTO 不少于 200 毫秒）就会重传；关好了的连接收到重复的确认，会回一个 RST。"""
    listener = stage.listen()
    near = stage.dial("client", listener.getsockname())
    far = stage.accept(listener)
    stage.net.cable.delay = 0.3
    near.sendall(b"x")
    assert stage.receive(far) == b"x"
    assert stage.net.wires.settle(5)
    assert len([p for p in stage.net.trace.packets if p.length]) == 1
