"""停住的进程：程序不动，内核照样替它收发。"""

from __future__ import annotations

from sockscope.experiments import connected
from sockscope.live import Network


def test_a_stopped_process_holds_its_connection_and_the_kernel_answers_for_it():
    with Network("client", "server", delayed_ack=False) as net:
        near, far = connected(net)
        process = net.server.process(far)
        assert process.state() != "T"
        process.stop()
        assert process.state() == "T"
        near.send(b"hello")
        net.settle()
    assert net.trace.packets[-1].ack == 1 + len(b"hello")
    assert not net.trace.sent_by("server", "FIN") + net.trace.sent_by("server", "RST")


def test_the_end_of_the_network_is_no_part_of_the_story(monkeypatch):
    """收工时才杀死的进程，内核会替它发 FIN 或 RST：那时笔已经停了。"""
    with Network("client", "server") as net:
        _near, far = connected(net)
        process = net.server.process(far)
        stopped_writing, close = [], process.close
        monkeypatch.setattr(process, "close", lambda: (stopped_writing.append(net.journal.frozen), close()))
    assert stopped_writing == [True]


def test_a_stopped_process_can_still_be_killed():
    with Network("client", "server") as net:
        near, far = connected(net)
        process = net.server.process(far)
        process.stop()
        process.kill()
        assert near.recv(64) == b""
