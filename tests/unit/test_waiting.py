"""等待与比较：考试钟、节奏、一行一行的判断，等不到时说出学生的程序怎样了。网络与学生是假的，不要内核。"""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import pytest

from sockscope.grading.exam import waiting
from sockscope.grading.exam.student import Answers
from sockscope.grading.exam.verdict import Row
from sockscope.grading.exam.waiting import GONE, SLICE, Clock, Failed, Pace, Waiting, describe, poll, refusal, show

ENDINGS = {
    "returned": (("returned", 7), "；你的函数已经返回了"),
    "raised": (("raised", {"type": "ValueError", "text": "坏了"}), "；你的函数抛出了 ValueError：坏了"),
    "left": (("left", None), f"；{GONE}"),
}


class Student:
    """一个假的学生：``outcome`` 是结局（没有就还在运行），``stands`` 是它停在哪里。"""

    text = "f(1)"

    def __init__(self, outcome=None, stands=()):
        self.outcome, self.over, self.stands = outcome or ("left", None), outcome is not None, list(stands)

    def where(self, patience):
        assert patience(0.5) == 0.5
        return self.stands


@pytest.fixture
def clock(monkeypatch):
    """假的表：``clock.now`` 是此刻，等一下就走一格。"""
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


@pytest.fixture
def room(clock):
    """一项检查的考场，里面坐着谁由测试来定；网线上没有包。"""
    made = Waiting.__new__(Waiting)  # 不要网络，只要比较与等待
    made.check = SimpleNamespace(patience=3.0, student="client")
    made.answers = Answers({"ask": "def f():\n    stop()\n"})
    made.rows, made.students, made.heard, made.where = [], [], [], []
    made.whole, made.paper = Clock(3.0 * waiting.LONGEST), waiting.Allowance()

    class Changed(threading.Condition):
        def wait(self, timeout=None):
            clock.now += timeout
            return False

    made.net = SimpleNamespace(journal=SimpleNamespace(changed=Changed()),
                               wires=SimpleNamespace(settle=lambda seconds: True))
    return made


def last(room) -> Row:
    return room.rows[-1]


# ---------------------------------------------------------------- 钟与节奏

def test_a_clock_walks_slowly_when_nobody_looks_at_it(clock):
    mine = Clock(5 * SLICE)
    clock.now += 1000
    assert not mine.over(), "一次看表之间最多走两格"
    for _ in range(2):
        clock.now += SLICE
        assert not mine.over()
    clock.now += 1.01 * SLICE
    assert mine.over()


def test_looking_is_eager_at_first_and_slows_down():
    pace = Pace()
    seen = [pace.next() for _ in range(8)]
    assert seen[:3] == pytest.approx([SLICE / 10, SLICE / 5, SLICE / 2.5])
    assert seen[-1] == SLICE


def test_a_descriptor_is_asked_without_waiting():
    one, other = socket.socketpair()
    with one, other:
        assert not poll(one, waiting.select.POLLIN)
        other.send(b"x")
        assert poll(one, waiting.select.POLLIN)


# ---------------------------------------------------------------- 文字

@pytest.mark.parametrize(("value", "text"), [
    (b"x" * 40, repr(b"x" * 40)), (b"x" * 41, repr(b"x" * 24) + "…（41 字节）"), ("a", "'a'"), (None, "None"),
    ("y" * 300, "'" + "y" * 198 + "…")])
def test_a_value_is_shown_short(value, text):
    assert show(value) == text


@pytest.mark.parametrize(("trouble", "text"), [
    ({"type": "NotImplementedError", "text": "x"}, "NotImplementedError：这一格还没有写"),
    ({"type": "ValueError", "text": "坏\x1b了"}, "ValueError：坏·了"), ({"type": "KeyError"}, "KeyError"), ({}, "异常")])
def test_an_exception_is_one_sentence(trouble, text):
    assert describe(trouble) == text


def test_the_examiner_s_own_error_is_named():
    assert refusal(ConnectionRefusedError(111, "x")) == "ECONNREFUSED"


# ---------------------------------------------------------------- 一行一行地比

def test_what_agrees_is_noted_and_what_does_not_ends_the_check(room):
    room.expect("说", b"a", b"a")
    with pytest.raises(Failed):
        room.expect("再说", 1, True)
    assert room.rows == [Row("说", "b'a'", "b'a'", True), Row("再说", "1", "True", False)]


@pytest.mark.parametrize(("outcome", "seen", "told"), [
    (("left", None), "空", f"空（{GONE}）"), (("left", None), GONE, GONE), (("returned", 1), "空", "空"), (None, "空", "空")])
def test_a_process_that_left_is_named_once(room, outcome, seen, told):
    room.students = [Student(outcome)]
    with pytest.raises(Failed):
        room.fail("说", "听见", seen)
    assert last(room).seen == told


# ---------------------------------------------------------------- 等

def test_what_is_true_needs_no_waiting(room, clock):
    assert room.until(lambda: "事", "说", "听见") == "事"
    assert (clock.now, room.rows) == (100.0, [])


def test_what_comes_later_is_waited_for(room, clock):
    assert room.until(lambda: clock.now > 101, "说", "听见")
    assert clock.now == pytest.approx(101, abs=2 * SLICE)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nobody_waits_for_a_student_who_is_done(room, clock, ending):
    outcome, told = ENDINGS[ending]
    room.students = [Student(outcome)]
    with pytest.raises(Failed):
        room.until(lambda: None, "说", "听见", lambda: "没有")
    assert last(room).seen == "没有" + told
    assert clock.now == 100.0


def test_the_last_packet_may_still_arrive_after_the_student_is_done(room):
    room.students, answers = [Student(("returned", 1))], iter([None, "到了"])
    assert room.until(lambda: next(answers), "说", "听见") == "到了"


def test_an_ending_already_asked_for_is_no_excuse(room):
    done = Student(("raised", {"type": "ValueError"}))
    room.students = [done, Student()]
    assert room.outcome(done) == ("raised", {"type": "ValueError"})
    with pytest.raises(Failed):
        room.until(lambda: None, "说", "听见")
    assert last(room).seen == "一直没有发生"


def test_a_packet_still_on_the_wire_is_waited_for(room, clock):
    room.students = [Student(("returned", 1))]
    room.net.wires.settle = lambda seconds: False
    assert room.until(lambda: clock.now > 100.5, "说", "听见")


@pytest.mark.parametrize(("stands", "told"), [
    ([{"cell": "ask", "line": 2}], "停在答题格 ask 第 2 行：stop()"),
    ([{"cell": "ask", "line": "?"}], "停在答题格 ask 第 ? 行："),
    ([], "没有停在答题格里：也许已经返回到了考官的程序，也许困在一段不让出解释器的代码里。")])
def test_in_the_end_the_student_is_asked_where_it_stands(room, clock, stands, told):
    room.students = [Student(stands=stands), Student(("returned", 1))]
    with pytest.raises(Failed):
        room.until(lambda: None, "说", "听见")
    assert room.where == [told]
    assert clock.now == pytest.approx(103, abs=2 * SLICE)


def test_all_the_waiting_of_a_check_has_an_end(room, clock):
    room.whole = Clock(1.0)
    with pytest.raises(Failed):
        room.until(lambda: None, "说", "听见")
    assert clock.now == pytest.approx(101, abs=2 * SLICE)


def test_a_socket_is_waited_for_itself(room, clock, monkeypatch):
    asked = []
    monkeypatch.setattr(waiting, "poll", lambda *question: asked.append(question))
    assert room.until(lambda: asked, "说", "听见", sock="s") == [("s", waiting.select.POLLIN, SLICE)]


def test_a_pause_is_no_failure(room, clock):
    assert room.pause(lambda: clock.now > 100.1) is True
    assert room.pause(lambda: None, 0.2) is False
    room.students = [Student(("returned", 1))]
    before = clock.now
    assert room.pause(lambda: None, 60) is False
    assert (clock.now, room.rows) == (before, [])


# ---------------------------------------------------------------- 学生的函数说了什么

def test_what_the_function_returned(room):
    assert room.result(Student(("returned", 7))) == 7
    assert room.rows == []


@pytest.mark.parametrize(("outcome", "row", "where"), [
    (("raised", {"type": "ValueError", "cell": "ask", "line": 2}), Row("f(1)", "返回", "你的函数抛出了 ValueError", False),
     ["出错在答题格 ask 第 2 行：stop()"]),
    (("raised", {"type": "ValueError"}), Row("f(1)", "返回", "你的函数抛出了 ValueError", False), []),
    (("left", None), Row("f(1)", "返回", GONE, False), [])])
def test_a_function_that_did_not_return_is_a_row(room, outcome, row, where):
    room.students = [student := Student(outcome)]
    with pytest.raises(Failed):
        room.result(student)
    assert (room.rows, room.where) == ([row], where)


def test_what_is_on_the_wire_is_over_when_the_cable_says_so(room):
    assert room.quiet()
    room.net.wires = None
    assert not room.quiet()


def test_the_student_sits_at_the_host_the_check_names(room):
    room.net = {"client": "主机"}
    assert room.student == "主机"
