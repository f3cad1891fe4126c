"""代理的两头：少一个字节、错一个字节、把重置当作结尾，都看得出；停住的进程，内核还替它接客。"""

from __future__ import annotations

import socket

import pytest

from sockscope.grading.course.source import model
from sockscope.grading.exam.ends import linger_reset
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.pairs import Chorus, Pair, Stream, flow, hear_reset, knock
from sockscope.grading.exam.stage import Stage
from sockscope.grading.exam.student import Plain
from sockscope.grading.exam.waiting import Failed
from sockscope.grading.labs import lab14


@pytest.fixture
def stage():
    lab = find_lab("lab14")
    made = Stage(lab.checks["both_ways"], 1, model(lab), Plain())
    yield made
    made.close()


@pytest.fixture
def ends(stage):
    """没有代理，两头直接连着。"""
    listener = stage.listen("server")
    near = stage.dial("client", listener.getsockname())
    return near, stage.accept(listener)


def test_several_streams_flow_at_once_both_ways(stage, ends):
    near, far = ends
    flow(stage, "试", Stream(near, far, bytes(70_000)), Stream(far, near, b"x" * 70_000))
    assert [row.ok for row in stage.rows] == [True, True]


def test_a_changed_byte_is_seen(stage, ends):
    stream = Stream(*ends, b"ab")
    ends[0].sendall(b"ax")
    stream.sent = 2
    with pytest.raises(Failed):
        flow(stage, "试", stream)
    assert (stage.rows[-1].expected, stage.rows[-1].seen) == ("b'ab'", "b'ax'")


def test_an_early_end_is_seen(stage, ends):
    near, far = ends
    stream = Stream(near, far, b"ab")
    near.sendall(b"a")
    near.shutdown(socket.SHUT_WR)
    stream.sent = 2
    with pytest.raises(Failed):
        flow(stage, "试", stream)
    assert stage.rows[-1].seen == "没有收齐就到了结尾"


def test_a_reset_is_heard_and_an_end_is_not_one(stage, ends):
    near, far = ends
    linger_reset(near)
    hear_reset(stage, far, "试")
    assert stage.rows[-1].ok
    listener = stage.listen("server", 7300)
    near = stage.dial("client", listener.getsockname())
    far = stage.accept(listener)
    near.sendall(b"x")
    near.close()
    with pytest.raises(Failed):
        hear_reset(stage, far, "试")
    assert stage.rows[-1].seen.startswith("结尾")


@pytest.mark.parametrize(("since", "fair"), [(0, True), (-1, False)], ids=["in time", "the examiner was late"])
def test_a_stream_that_breaks_is_blamed_on_the_student_only_if_the_examiner_was_in_time(stage, ends, since, fair):
    """idle 是 100 秒。上一个字节刚出发就断了，怪代理；已经是 100 秒以前的事，怪考官。"""
    near, far = ends
    listener = stage.listen("server", 7300)
    other = stage.dial("client", listener.getsockname())
    chorus = Chorus(stage, 100, other)
    chorus.ways["一股", near, stage.accept(listener)] = stage.now() + since * 10**11
    linger_reset(far)
    stage.quiet()
    if fair:
        with pytest.raises(Failed):
            chorus.sing()
        assert stage.rows[-1].seen == "ECONNRESET"
    else:
        chorus.sing()
        assert not chorus.ways
        assert stage.rows == []


def test_a_byte_has_arrived_when_it_came_not_when_somebody_looks(stage, ends):
    """字节早就到了，一直没有转出去，后来断了：不是考官耽搁的。"""
    near, far = ends
    place, since = near.getsockname(), stage.now()
    assert stage.arrival(place, since) > since  # 还没有出发，就是此刻
    near.sendall(b"x")
    assert far.recv(1) == b"x"
    came = stage.now()
    assert since < stage.arrival(place, since) < came < stage.arrival(place, came)


def test_a_byte_is_timed_from_when_it_leaves(stage, ends):
    """后一股走得慢，不能算在前一股的头上：前一股的钟，从它自己的字节出发时走起。"""
    near, far = ends
    began = stage.now()
    chorus = Chorus(stage, 100, near)
    chorus.ways |= {("一股", near, far): began, ("另一股", far, near): began}
    chorus.sing()
    first, second = chorus.ways.values()
    assert began < first < second < chorus.last
    assert stage.rows == []


def test_the_kernel_takes_callers_for_a_frozen_process(stage):
    door = stage.listen("server", lab14.BACK)
    _, server = lab14.open_proxy(stage, [door.getsockname()])
    with server.frozen():
        near = knock(stage, "A")
        assert stage.quiet()
        assert not stage.sent("SYN", host="proxy")[1:]  # 只有 SYN/ACK：没有人去连后端
    Pair(stage, "A", near, stage.accept(door)).talk()
    assert all(row.ok for row in stage.rows)
