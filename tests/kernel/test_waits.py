"""等待也是调用：select、poll、epoll，和用它们的 selectors、asyncio、socketserver、http.server。"""

from __future__ import annotations

import asyncio
import http.server
import select
import selectors
import socket
import socketserver
import sys
import threading
import time
from functools import partial
from select import select as taken_before  # 网络还没有开，就已经取走了

import pytest

from sockscope import Network
from sockscope.live import asleep, waits
from sockscope.render.waits import Waits
from sockscope.trace import Call

from .census import Census, wait_until


@pytest.fixture(autouse=True)
def census():
    """前后各数一遍：描述符与线程。"""
    with Network("client", "server"):
        pass
    before = Census.take()
    yield before
    before.wait_to_return()


@pytest.fixture(autouse=True)
def no_clock(monkeypatch):
    """谁也不睡觉；spawn() 与 with 的时限一到就是失败，不是慢。"""
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"睡了 {seconds} 秒"))
    monkeypatch.setattr("sockscope.live.network.START", 1000.0)


def listening(net: Network):
    listener = net.server.socket()
    listener.bind((net.server.address, 7))
    listener.listen()
    return listener


def called(net: Network, *names: str) -> list[Call]:
    return [c for c in net.trace.calls if c.name in (names or ("select", "poll", "epoll_wait"))]


def told(call: Call) -> str:
    return f"{call.host} {call.name}({call.args}) → {call.errno or call.result}"


# ---------------------------------------------------------------- 记下来的

def test_select_tells_whom_it_watched_and_who_was_ready(net, connection):
    near, far = connection
    far.send(b"x")
    assert far in select.select([near.fileno(), far], [far], [], 5)[1]
    net.settle()
    assert select.select([near], [], [], 0)[0] == [near]
    assert told(called(net)[-1]) == "client select([s1], [], [], 0) → [s1], [], []"
    assert told(called(net)[0]).startswith("client select([s1, 服务器的 s2], [服务器的 s2], [], 5) → ")


def test_poll_names_the_flags(net, connection):
    near, far = connection
    far.close()
    net.settle()
    asked = select.poll()
    asked.register(near, select.POLLIN | select.POLLRDHUP)
    assert asked.poll(0) == [(near.fileno(), select.POLLIN | select.POLLRDHUP)]
    asked.modify(near, select.POLLPRI)
    assert asked.poll(10) == []
    assert list(map(told, called(net))) == [
        "client poll([s1 POLLIN|POLLRDHUP], 0) → [s1 POLLIN|POLLRDHUP]", "client poll([s1 POLLPRI], 10) → []"]


def test_epoll_forgets_what_was_closed_or_unregistered(net, connection):
    near, far = connection
    other = net.client.socket()
    with select.epoll() as asked:
        for sock in (near, other, far):
            asked.register(sock, select.EPOLLOUT | select.EPOLLET)
        asked.unregister(far)
        other.close()
        assert asked.poll(0) == [(near.fileno(), select.EPOLLOUT)]
    assert asked.closed
    assert told(called(net)[0]) == "client epoll_wait([s1 EPOLLOUT|EPOLLET], 0) → [s1 EPOLLOUT]"


def test_flags_without_a_name_are_numbers():
    assert waits.flags(0, "POLL") == "0"
    assert waits.flags(1 | 1 << 27, "EPOLL") == "EPOLLIN|0x8000000"


def test_a_crowd_is_counted_not_listed(net):
    crowd = [net.client.socket() for _ in range(12)]
    select.select(crowd, [], [], 0)
    assert called(net)[0].args == "[s1, s2, s3, s4, s5, s6, s7, s8, …… 共 12 个], [], [], 0"


def test_a_wait_for_none_of_ours_is_not_written_down(net):
    reader, writer = socket.socketpair()
    with reader, writer:
        select.select([reader], [writer], [], 0)
        asked = select.poll()
        asked.register(reader)
        asked.poll(0)
    assert called(net) == []


def test_what_is_not_ours_is_left_out(net, connection):
    near, _ = connection
    reader, writer = socket.socketpair()
    with reader, writer:
        assert select.select([reader, near], [writer], [], 0) == ([], [writer], [])
    assert told(called(net)[0]) == "client select([s1], [], [], 0) → [], [], []"


def test_the_trace_draws_it_as_blocked(net, connection):
    near, far = connection
    net.server.spawn(lambda: (select.select([far], [], []), far.recv(1)))
    near.send(b"x")
    net.settle()
    assert Waits(net.trace).waited(called(net, "select")[0])


def test_errors_are_those_of_the_real_functions(net):
    sock = net.client.socket()
    for wrong in (lambda: select.select([object()], [], []), lambda: select.select(5, [], []),
                  lambda: select.select([sock], [], [], "x"), lambda: select.epoll(-5)):
        with pytest.raises(Exception) as ours:
            wrong()
        assert type(ours.value) in (TypeError, ValueError, OSError)
    asked = select.poll()
    with pytest.raises(OSError, match="No such file"):
        asked.modify(sock, 1)
    with pytest.raises(KeyError):
        asked.unregister(sock)
    with pytest.raises(ValueError, match=r"negative|-1"):
        select.select([-1], [], [], 0)


def test_a_network_may_keep_them_out():
    with Network("client", "server", waits=False) as net:
        select.select([net.client.socket()], [], [], 0)
    assert called(net) == []


# ---------------------------------------------------------------- 换上，放回

def test_everything_is_put_back_and_nothing_is_replaced_without_a_network():
    places = [(select, "select"), (select, "poll"), (select, "epoll"), (selectors.SelectSelector, "_select"),
              (selectors.PollSelector, "_selector_cls"), (selectors.EpollSelector, "_selector_cls")]
    before = [vars(place)[name] for place, name in places]
    with Network("client", "server"), Network("client", "server"):
        assert all(vars(place)[name] is not real for (place, name), real in zip(places, before, strict=True))
    assert [vars(place)[name] for place, name in places] == before == [waits.REAL[n] for n in (
        "select", "poll", "epoll", "select", "poll", "epoll")]


def test_a_module_that_took_the_name_is_seen_and_gets_it_back(net, monkeypatch):
    other = type(sys)("other")
    other.select = waits.REAL["select"]
    monkeypatch.setitem(sys.modules, "other", other)
    net.close()
    with Network("client", "server") as second:
        other.select([second.client.socket()], [], [], 0)
    assert len(called(second)) == 1
    assert other.select is waits.REAL["select"]


# ---------------------------------------------------------------- 等着的线程：spawn()、settle()、收工

def by_select(listener):
    select.select([listener], [], [])


def by_select_for_a_minute(listener):
    select.select([listener], [], [], 60)


def by_a_name_taken_before(listener):
    waits.REAL["select"]([listener], [], [])


def by_poll_for_ever(listener):
    asked = select.poll()
    asked.register(listener, select.POLLIN)
    while True:
        asked.poll()


def by_real_poll(listener):
    asked = waits.REAL["poll"]()
    asked.register(listener, select.POLLIN)
    asked.poll()


def by_real_epoll(listener):
    with waits.REAL["epoll"]() as asked:
        asked.register(listener, select.EPOLLIN)
        asked.poll()


def by_selectors(listener):
    with selectors.DefaultSelector() as asked:
        asked.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in asked.select():
                try:
                    asked.register(key.fileobj.accept()[0], selectors.EVENT_READ)
                except OSError:  # 会捉住一切错误再来一遍的循环
                    continue


def by_ticks(listener):
    while True:
        select.select([listener], [], [], 0.01)


def by_asyncio(listener):
    async def answer(reader, writer):
        try:
            while data := await reader.read(64):
                writer.write(data)
        finally:  # 被叫停的任务从这里出去，像按下 Ctrl+C 的时候
            writer.close()

    async def serve():
        async with await asyncio.start_server(answer, sock=listener) as server:
            await server.serve_forever()

    listener.setblocking(False)
    asyncio.run(serve())


class OurServer(socketserver.TCPServer):
    """标准库的服务器，用现成的监听套接字。"""

    server_name, server_port = "server", 7

    def __init__(self, listener, handler) -> None:
        socketserver.BaseServer.__init__(self, listener.getsockname(), handler)
        self.socket = listener


class Line(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(self.rfile.readline())


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args) -> None:
        pass


def by_socketserver(listener):
    OurServer(listener, Line).serve_forever()


def by_http_server(listener):
    OurServer(listener, Page).serve_forever()


WAYS = [by_select, by_select_for_a_minute, by_a_name_taken_before, by_poll_for_ever, by_real_poll, by_real_epoll,
        by_selectors, by_ticks, by_asyncio, by_socketserver, by_http_server]


@pytest.mark.parametrize("serve", WAYS)
def test_a_waiting_thread_costs_nothing_and_goes_quietly(serve, capfd, caplog):
    """spawn() 等到它睡着，settle() 知道它在等，收工时叫醒它：没有一处靠时限。"""
    with Network("client", "server") as net:
        worker = net.server.spawn(serve, listening(net))
        assert asleep.wait_of(worker.native_id) is not None or serve is by_ticks
        assert net.settle()
    assert not worker.is_alive()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.parametrize(("serve", "said", "answer"), [
    (by_asyncio, b"hi", b"hi"), (by_socketserver, b"hi\n", b"hi\n"),
    (by_http_server, b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200")])
def test_servers_written_by_others_serve(serve, said, answer, capfd, caplog):
    with Network("client", "server") as net:
        worker = net.server.spawn(serve, listening(net))
        near = net.client.socket()
        near.connect((net.server.address, 7))
        near.send(said)
        assert near.recv(64).startswith(answer)
        assert net.settle()
    assert not worker.is_alive()
    assert (capfd.readouterr(), caplog.records) == (("", ""), [])
    first, *_, last = called(net)
    assert "[s1 " in (first.result or "")
    assert last.end is None  # 它最后还在等


def test_a_name_taken_before_is_understood_though_not_written_down():
    with Network("client", "server") as net:
        worker = net.server.spawn(lambda: taken_before([listening(net)], [], []))
        wait_until(lambda: asleep.wait_of(worker.native_id) is not None)
    assert not worker.is_alive()


def test_a_partial_and_an_object_may_be_spawned(net, connection):
    near, _ = connection

    class Caller:
        def __call__(self) -> None:
            near.send(b"x")

    net.client.spawn(partial(near.send, b"y")).join()
    net.client.spawn(Caller()).join()
    assert [c.thread for c in called(net, "send")] == ["send", "Caller"]


def test_a_thread_that_still_has_something_to_do_is_waited_for():
    """有时限的等待落空以后还要做事：不算停着。"""
    def late(far) -> None:
        select.select([far], [], [], 0.05)
        far.send(b"at last")

    with Network("client", "server") as net:
        listener = listening(net)
        near = net.client.socket()
        near.connect(listener.getsockname())
        net.server.spawn(late, listener.accept()[0])
    assert [c.result for c in called(net, "send")] == ["7"]


def test_an_error_elsewhere_ends_the_waiting_ones():
    def broken() -> None:
        raise ZeroDivisionError("别处的错")

    def run() -> None:
        with Network("client", "server") as net:
            listener = listening(net)
            net.server.spawn(by_selectors, listener)
            net.server.spawn(broken)
            select.select([listener], [], [])  # 主线程也被叫醒
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="别处的错"):
        run()
    wait_until(lambda: threading.active_count() == threads)
