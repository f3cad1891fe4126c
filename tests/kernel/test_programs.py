"""别人写的程序，一字不改，在 ``with net.client:`` 与 ``with net.server:`` 里跑：每一个都看它的调用和它的包。"""

from __future__ import annotations

import asyncio
import ctypes
import http.client
import http.server
import os
import select
import smtplib
import socket
import socketserver
import ssl
import threading
import urllib.request
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

import pytest

from sockscope import Network
from sockscope.live import asleep, quiet
from sockscope.live.asleep import at_rest
from sockscope.render.causes import causes
from sockscope.trace import Call

from .census import wait_until

QUIET = ("setsockopt", "getsockopt", "settimeout", "setblocking", "getsockname", "getpeername", "poll", "epoll_wait", "select")
REAL_WRITE = os.write
CERTIFICATE = str(Path(__file__).parent / "tls" / "server.pem")


@pytest.fixture
def net():
    with Network("client", "server", delayed_ack=False, names={"example.org": "server"}) as net:
        yield net


def told(call: Call) -> str:
    return f"{call.name}({call.args}) → {call.errno or call.result}"


def said(net: Network, host: str, *names: str) -> list[str]:
    """一台主机上叫这些名字的调用，全部；不给名字，就是除了设置与询问以外的。"""
    calls = [c for c in net.trace.calls if c.host == host]
    return [told(c) for c in calls if (c.name in names if names else c.name not in QUIET)]


def carried(net: Network) -> list[int]:
    """从客户端出去的 TCP 数据，一个包一个数：多少字节。"""
    return [p.length for p in net.trace.packets if p.protocol == "tcp" and p.src == "client" and p.length]


@contextmanager
def running(net: Network, server: socketserver.BaseServer):
    """服务器在它自己的线程里，直到用完。"""
    with net.server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def web(net):
    with net.server:
        server = http.server.ThreadingHTTPServer(("", 80), Page)
        server.daemon_threads = False  # 关的时候等处理完
    with running(net, server):
        yield server


# ---------------------------------------------------------------- HTTP

def test_urllib_and_http_server(net, web):
    with net.client, urllib.request.urlopen("http://example.org/hello") as page:
        assert page.read() == b"/hello"
    names = [c.split("(")[0] for c in said(net, "client")]  # 首部与正文可能一起到
    assert list(dict.fromkeys(names)) == ["socket", "connect", "sendall", "recv", "close"]
    assert said(net, "client", "connect") == ["connect(('10.0.0.2', 80)) → None"]
    assert len(carried(net)) == 1
    assert web.server_name == "example.org"


def test_http_client_keeps_its_connection(net, web):
    with net.client:
        connection = http.client.HTTPConnection("server")
        for path in ("/1", "/2", "/3"):
            connection.request("GET", path)
            assert connection.getresponse().read() == path.encode()
        connection.close()
    assert len(said(net, "client", "connect")) == 1
    assert len(carried(net)) == len(said(net, "client", "sendall")) == 3


def test_requests(net, web):
    import requests

    with net.client, requests.Session() as session:
        assert [session.get(f"http://{name}/x").text for name in ("example.org", "server", "server")] == ["/x"] * 3
    assert len(said(net, "client", "connect")) == 2  # 一个名字一条连接
    assert len(carried(net)) == 3


def test_httpx_in_both_ways(net, web):
    import httpx

    async def ask():
        async with httpx.AsyncClient() as client:
            return (await client.get("http://example.org/async")).text

    with net.client:
        assert httpx.get("http://example.org/sync").text == "/sync"
        assert asyncio.run(ask()) == "/async"
    assert len(carried(net)) == 2
    assert {c.thread for c in net.trace.calls if c.host == "client"} == {"main"}


def test_the_threads_of_a_server_have_names_that_do_not_count_the_process(net, web):
    with net.client:
        for _ in range(2):
            urllib.request.urlopen("http://server/").close()
    web.shutdown()
    names = {c.thread for c in net.trace.calls if c.host == "server"}
    assert names - {"main"} == {"serve_forever", "process_request_thread", "process_request_thread2"}


def test_settling_waits_for_the_threads_of_a_server(net, web):
    """处理请求的线程是服务器自己启动的：它想完、说完再见，才算静下来。"""
    thought = threading.Event()

    class Thinking(Page):
        def finish(self):
            while not thought.is_set():
                pass
            super().finish()

    web.RequestHandlerClass = Thinking
    with net.client:
        urllib.request.urlopen("http://server/").close()
    wait_until(lambda: [c for c in net.trace.calls if c.host == "server" and c.name == "sendall"])
    assert not quiet._idle_threads(net)
    thought.set()
    assert net.settle()
    assert [c.socket for c in net.trace.calls if c.host == "server" and c.name == "close"] == ["s2"]


# ---------------------------------------------------------------- asyncio

async def shout(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


def test_asyncio_streams(net):
    async def main():
        with net.server:
            server = await asyncio.start_server(shout, "server", 7)
        with net.client:
            reader, writer = await asyncio.open_connection("example.org", 7)
        async with server:
            writer.write(b"hi\n")
            assert await reader.read() == b"HI\n"
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
    assert "connect(('10.0.0.2', 7)) → EINPROGRESS" in said(net, "client")
    assert "send(b'hi\\n') → 3" in said(net, "client")
    assert "send(b'HI\\n') → 3" in said(net, "server")
    assert not said(net, "client", "socketpair")  # 事件循环叫醒自己用的，不是程序的
    assert carried(net) == [3]


def test_asyncio_datagrams(net):
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            self.transport.sendto(data.upper(), address)

    class Asking(asyncio.DatagramProtocol):
        def __init__(self):
            self.answer = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, address):
            self.answer.set_result(data)

    async def main():
        loop = asyncio.get_running_loop()
        with net.server:
            far, _ = await loop.create_datagram_endpoint(Echo, local_addr=("server", 53))
        with net.client:
            near, asking = await loop.create_datagram_endpoint(Asking, remote_addr=("server", 53))
        near.sendto(b"who?")
        assert await asking.answer == b"WHO?"
        near.close()
        far.close()

    asyncio.run(main())
    assert said(net, "client", "send", "recvfrom") == ["send(b'who?') → 4", "recvfrom(262144) → b'WHO?', ('10.0.0.2', 53)"]
    assert [p.protocol for p in net.trace.packets] == ["udp", "udp"]


# ---------------------------------------------------------------- TLS

def contexts():
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=CERTIFICATE)
    serving.load_cert_chain(CERTIFICATE)
    return serving, asking


def serve_tls(context, listener):
    with context.wrap_socket(listener, server_side=True) as secure:
        conn, _ = secure.accept()
        with conn:
            conn.sendall(conn.recv(100).upper())
            conn.unwrap().close()


def test_plain_text_beside_the_packets_of_tls(net):
    serving, asking = contexts()
    net.server.spawn(lambda: serve_tls(serving, socket.create_server(("server", 443))))
    with net.client, socket.create_connection(("example.org", 443)) as sock:
        secure = asking.wrap_socket(sock, server_hostname="example.org")
        assert type(secure) is ssl.SSLSocket
        secure.sendall(b"in plain words")
        assert secure.recv(100) == b"IN PLAIN WORDS"
        secure.unwrap().close()
    spoken = [c for c in net.trace.calls if c.name.startswith("SSL_")]
    for host in ("client", "server"):
        assert [c.name for c in spoken if c.host == host and c.name != "SSL_read"] == [
            "SSL_do_handshake", "SSL_write", "SSL_shutdown"]
    assert {c.socket for c in spoken if c.host == "client"} == {"s1"}  # wrap_socket() 之后还是它
    assert said(net, "client", "SSL_write", "SSL_read") == [
        "SSL_write(b'in plain words') → 14", "SSL_read(100) → b'IN PLAIN WORDS'"]
    assert said(net, "client", "SSL_do_handshake")[0].startswith("SSL_do_handshake() → TLSv1.")
    assert said(net, "client", "send", "recv") == []
    events, cause = net.trace.events, causes(net.trace)
    sent = [events[cause[i]].name for i, e in enumerate(events) if e.kind == "packet" and e.length]  # 密文由谁引出
    assert sent[0] == "SSL_do_handshake"
    assert {"SSL_write"} <= set(sent) <= {"SSL_do_handshake", "SSL_write", "SSL_shutdown"}
    assert not any(b"plain words" in bytes.fromhex(p.raw) for p in net.trace.packets)


def test_the_reader_s_own_socket_goes_on_speaking(net, connection):
    """wrap_socket() 把描述符搬到另一个对象上：在 ``with net.client:`` 之外也一样。"""
    near, far = connection
    serving, asking = contexts()

    def answer():
        with serving.wrap_socket(far, server_side=True) as secure:
            secure.sendall(secure.recv(100))

    net.spawn(answer)
    with asking.wrap_socket(near, server_hostname="server") as secure:
        secure.sendall(b"mine")
        assert secure.recv(100) == b"mine"
    assert said(net, "client", "SSL_write", "SSL_read") == ["SSL_write(b'mine') → 4", "SSL_read(100) → b'mine'"]


def test_a_certificate_refused_is_named(net):
    serving, _ = contexts()

    def serve():
        with pytest.raises(ssl.SSLError), socket.create_server(("", 443)) as listener:
            serve_tls(serving, listener)

    net.server.spawn(serve)
    with net.client, socket.create_connection(("server", 443)) as sock, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(sock, server_hostname="server")
    assert said(net, "client", "SSL_do_handshake") == ["SSL_do_handshake() → CERTIFICATE_VERIFY_FAILED"]


def test_a_thread_that_waits_in_a_handshake_rests(net):
    """没有人来说话：spawn() 看得出它停着，网络关闭时它安静地离开。"""
    serving, _ = contexts()
    net.server.spawn(lambda: serve_tls(serving, socket.create_server(("", 443))))
    with net.client:
        silent = socket.create_connection(("server", 443))
    assert net.settle()
    waiting = [c for c in net.trace.calls if c.end is None]
    assert [c.name for c in waiting] == ["SSL_do_handshake"]
    net.close()
    silent.close()


def test_asyncio_over_tls(net):
    serving, asking = contexts()

    async def main():
        with net.server:
            server = await asyncio.start_server(shout, "server", 443, ssl=serving, family=socket.AF_INET)
        with net.client:
            reader, writer = await asyncio.open_connection("server", 443, ssl=asking)
        async with server:
            writer.write(b"hi\n")
            assert await reader.readline() == b"HI\n"
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
    assert said(net, "client", "send")  # 它自己加密，交给内核的已经是密文
    assert sum(carried(net)) == sum(c.size for c in net.trace.calls if c.host == "client" and c.name == "send" and not c.errno)


# ---------------------------------------------------------------- 别的

class Mailbox(socketserver.StreamRequestHandler):
    """收一封信。"""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line[:4].strip().upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


def test_smtplib_and_socketserver(net):
    with net.server:
        server = socketserver.TCPServer(("server", 25), Mailbox)
    server.letters = []
    with running(net, server), net.client, smtplib.SMTP("server", 25) as post:
        post.sendmail("a@client", "b@server", "Subject: hi\n\nhello")
    assert server.letters == [b"Subject: hi\r\n\r\nhello\r\n"]
    assert said(net, "client", "sendall")[0] == "sendall(b'ehlo [10.0.0.1]\\r\\n') → None"  # getfqdn() 也是主机的


def test_multiprocessing_writes_to_the_descriptor_itself(net):
    before = (REAL_WRITE,)

    def serve():
        with Listener(("server", 9)) as listener, listener.accept() as conn:
            conn.send(conn.recv() * 2)

    worker = net.server.spawn(serve)
    with net.client, Client(("server", 9)) as conn:
        conn.send(21)
        assert conn.recv() == 42
    worker.join()
    assert [c.split("(")[0] for c in said(net, "client")] == ["socket", "connect", "write", "read", "read", "close"]
    assert Connection._send.__defaults__ != before
    net.close()
    assert Connection._send.__defaults__ == before == (os.write,)


def test_a_server_that_forks(net):
    """子进程拿着套接字，像平常的 fork；它新建的不会生到机器上去。"""
    class Shout(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(self.request.recv(99).upper())
            try:
                socket.socket()
            except ValueError as error:
                self.request.sendall(str(error).encode())

    with net.server:
        server = socketserver.ForkingTCPServer(("", 7), Shout)
    with running(net, server), net.client, socket.create_connection(("server", 7)) as sock:
        sock.sendall(b"hi")
        answer = b"".join(iter(lambda: sock.recv(999), b"")).decode()
    assert answer == "HI这是 fork 出来的子进程：网络在父进程里，这里不能再新建套接字；请在 fork 之前建好。"


def test_a_select_that_only_waits_for_the_exceptional_ends_with_the_network():
    with Network("client", "server") as net:
        def wait():
            with socket.create_server(("", 7)) as listener:
                select.select([], [], [listener])
        worker = net.server.spawn(wait)
    worker.join(10)
    assert not worker.is_alive()


def test_waiting_for_the_interpreter_is_not_rest(tmp_path):
    """等解释器锁的线程马上要动；等程序自己的锁、睡着的，要有人叫。"""
    lock, stop, told = threading.Lock(), threading.Event(), tmp_path / "syscall"

    def spin():
        while not stop.is_set():
            pass

    spinning = threading.Thread(target=spin)
    locked, timed = threading.Thread(target=lock.acquire), threading.Thread(target=stop.wait, args=(60,))
    with lock:
        for thread in (spinning, locked, timed):
            thread.start()
        call = ["running"]
        while call[0] == "running":  # PyDLL 叫 C 的时候不放开解释器锁：它只能等
            ctypes.PyDLL(None).system(f"cat /proc/{os.getpid()}/task/{spinning.native_id}/syscall > {told}".encode())
            call = told.read_text().split()
        assert int(call[0]) in asleep.FUTEX
        assert int(call[1], 16) in asleep._interpreter()
        assert not at_rest(spinning.native_id)
        wait_until(lambda: at_rest(locked.native_id) and at_rest(timed.native_id))
        stop.set()
    for thread in (spinning, locked, timed):
        thread.join()
