"""考官的一头：连上的是不是考场里的进程，问内核。"""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from sockscope.grading.course.source import model, samples
from sockscope.grading.exam.arguments import PORT, Path
from sockscope.grading.exam.ends import Ends
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.stage import Stage, examine
from sockscope.grading.exam.student import Plain
from sockscope.grading.exam.waiting import Failed
from sockscope.grading.labs import lab06, lab08

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


@pytest.mark.parametrize(("lab", "voice", "word", "check", "wrong"), [
    (lab06, lab06.Ward, "answer", "replayed_answer", "anything-is-life"),
    (lab08, lab08.Correspondent, "confirm", "deaf_to_noise", "clock-restarts")], ids=["lab06", "lab08"])
def test_an_examiner_that_was_held_up_asks_again(monkeypatch, lab, voice, word, check, wrong):
    """第一次一句话也没有说出来：学生听到的是寂静，错的也像对的。"""
    say, answers = getattr(voice, word), next(s.answers for s in samples(lab.lab) if s.name == wrong)
    monkeypatch.setattr(voice, word, lambda self, what: len(self.stage.students) > 1 and say(self, what))
    assert examine(lab.lab.checks[check], answers, Plain(), 1).status == "failed"


def test_what_was_sent_is_taken_only_when_it_was_read():
    lab = find_lab("lab08")
    stage = Stage(lab.checks["just_once"], 1, model(lab), Plain())
    try:
        mailbox = stage.net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        mailbox.bind((stage.net.server.address, PORT))
        stage.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", mailbox.getsockname())
        assert stage.net.wires.settle(5)
        assert not stage.taken()
        assert mailbox.recv(1) == b"x"
        assert stage.taken()
    finally:
        stage.close()
