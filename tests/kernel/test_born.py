"""``with net.client:``：里面的套接字不论谁新建，都生在这台主机上；外面一切如常。"""

from __future__ import annotations

import _socket
import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from weakref import ref

import pytest

from sockscope import Network
from sockscope.live import hooks, names
from sockscope.live.born import owner_of
from sockscope.trace import Call

from .census import Census


@pytest.fixture
def named():
    with Network("client", "server", delayed_ack=False,
                 names={"example.org": "server", "Far.Example": "192.0.2.7"}) as net:
        yield net


def told(call: Call) -> str:
    return f"{call.host} {call.socket}.{call.name}({call.args}) → {call.errno or call.result}"


def home() -> str:
    """此刻新建的套接字生在哪台主机上；不在主机上则为空串。"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        owner = owner_of(sock.fileno())
    return owner[0].name if owner else ""


# ---------------------------------------------------------------- 在哪台主机上

def test_a_socket_is_born_where_the_program_is(net):
    assert home() == ""
    with net.client as host:
        assert host is net.client
        assert home() == "client"
        with net.server:
            assert home() == "server"
            with net.client:
                assert home() == "client"
            assert home() == "server"
        assert home() == "client"
    assert home() == ""
    births = [told(c) for c in net.trace.calls if c.name == "socket"]
    assert births[0] == "client .socket(AF_INET, SOCK_DGRAM) → s1"


def test_an_exception_leaves_the_host_too(net):
    with pytest.raises(KeyError), net.client:
        raise KeyError
    assert home() == ""


def test_its_class_is_what_it_would_be(net):
    """别人会看 ``type(sock)``；方法、类、继承都不变。"""
    with net.client, socket.socket() as sock, socket.create_server(("", 7)) as listener:
        assert type(sock) is type(listener) is socket.socket
        assert repr(sock).startswith("<socket.socket fd=")


def test_threads_started_inside_are_there_too(net):
    seen = []
    with net.client:
        outer = threading.Thread(target=lambda: seen.append(home()))
        timer = threading.Timer(0, lambda: seen.append(home()))
    with net.server:
        outer.start()  # 在哪里启动，就在哪里
        timer.start()
    for thread in (outer, timer):
        thread.join()
    assert seen == ["server", "server"]


def test_a_pool_works_where_each_piece_of_work_came_from(net):
    with ThreadPoolExecutor(1) as pool:
        with net.client:
            first = pool.submit(home)
        with net.server:
            second = pool.submit(home)
        third = pool.submit(home)
    assert [f.result() for f in (first, second, third)] == ["client", "server", ""]


def test_tasks_of_one_loop_are_on_their_own_hosts(net):
    async def at(host, other):
        with host:
            other.set()
            await asyncio.sleep(0)
            return home(), await asyncio.to_thread(home), await asyncio.get_running_loop().run_in_executor(None, home)

    async def main():
        event = asyncio.Event()
        return await asyncio.gather(at(net.client, event), at(net.server, event), asyncio.to_thread(home))

    assert asyncio.run(main()) == [("client",) * 3, ("server",) * 3, ""]


def test_spawn_runs_on_its_host(net):
    seen = []
    net.server.spawn(lambda: seen.append(home())).join()
    with net.client:
        net.server.spawn(lambda: seen.append(home())).join()
        net.spawn(lambda: seen.append(home())).join()
    net.spawn(lambda: seen.append(home())).join()
    assert seen == ["server", "server", "client", ""]


def test_two_networks_at_once(net):
    with Network("left", "right") as other, net.client:
        assert home() == "client"
        with other.left, Network("a", "b") as third:  # 在主机上也建得了网络，建它的套接字不算主机的
            assert home() == "left"
            assert third.trace.calls == []
        assert {c.name for c in other.trace.calls} == {"socket", "close"}


# ---------------------------------------------------------------- 放回

PLACES = [(socket.socket, "__init__"), (socket.socket, "send"), (socket.socket, "__del__"), (socket.socket, "accept"),
          (_socket, "getaddrinfo"), (_socket, "socketpair"), (socket, "gethostbyname"), (socket, "gethostname"),
          (threading.Thread, "start"), (ThreadPoolExecutor, "submit"), (os, "read"), (os, "write"), (os, "close")]


def test_nothing_stays_replaced():
    before = [vars(owner).get(name) for owner, name in PLACES]
    taken = type(sys)("taken_while_open")
    with Network("client", "server") as net:
        with net.client:
            assert all(vars(owner)[name] is not real for (owner, name), real in zip(PLACES, before, strict=True))
            sys.modules["taken_while_open"] = taken
            taken.gethostname = socket.gethostname
        assert socket.gethostname() == names.REAL["gethostname"]()
    del sys.modules["taken_while_open"]
    assert [vars(owner).get(name) for owner, name in PLACES] == before
    assert taken.gethostname is socket.gethostname is names.REAL["gethostname"]
    with socket.socket() as sock:  # __del__ 也还是原来的
        assert "raddr" not in repr(sock)
    with pytest.warns(ResourceWarning, match=r"unclosed <socket\.socket fd="):
        socket.socket()


def test_a_program_s_own_replacement_is_left_alone(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", socket.gethostname)
    with Network("client", "server"):
        socket.gethostname = mine = lambda: "mine"
    assert socket.gethostname is mine


def test_after_the_network_no_socket_is_born_on_the_machine():
    """网络关了，人还在主机上：说一句，而不是连到外面去。"""
    with Network("client", "server") as net, net.client:
        net.close()
        with pytest.raises(ValueError, match="这个网络已经关闭"):
            socket.socket()
    with socket.socket():
        pass


# ---------------------------------------------------------------- 域名

def test_hosts_and_given_names_have_addresses(named):
    with named.client:
        assert socket.gethostbyname("server") == socket.gethostbyname("EXAMPLE.org.") == named.server.address
        assert socket.gethostbyname("far.example") == "192.0.2.7"
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        assert socket.gethostbyname_ex("example.org") == ("server", ["example.org"], [named.server.address])
        assert socket.gethostbyaddr(named.server.address) == ("server", ["example.org"], [named.server.address])
        assert socket.getnameinfo((named.server.address, 80), 0) == ("server", "http")
        assert socket.getnameinfo(("192.0.2.8", 80), socket.NI_NUMERICSERV) == ("192.0.2.8", "80")
        assert (socket.gethostname(), socket.getfqdn("server"), socket.getfqdn()) == ("client", "example.org", "client")
        found = socket.getaddrinfo("example.org", "http", type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        assert [row[4][:2] for row in found] == [(a, 80) for a in named.server.addresses]
        assert found[0][3] == "server"
        assert socket.getaddrinfo(None, 80, socket.AF_INET, socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)


@pytest.mark.parametrize("ask", [
    lambda: socket.getaddrinfo("nowhere.example", 80), lambda: socket.gethostbyname("nowhere.example"),
    lambda: socket.create_connection(("nowhere.example", 80)), lambda: socket.getaddrinfo("far.example", 80, socket.AF_INET6),
    lambda: socket.socket().connect(("nowhere.example", 80)), lambda: socket.getnameinfo(("192.0.2.9", 1), socket.NI_NAMEREQD),
])
def test_an_unknown_name_fails_as_everywhere_and_asks_nobody(named, monkeypatch, recwarn, ask):
    real, asked = names.REAL["getaddrinfo"], []
    monkeypatch.setitem(names.REAL, "getaddrinfo", lambda *args: asked.append(args) or real(*args))
    with named.client, pytest.raises(socket.gaierror):
        ask()
    assert all(args[5] & socket.AI_NUMERICHOST for args in asked)


def test_an_unknown_address_has_no_name(named):
    with named.client, pytest.raises(socket.herror):
        socket.gethostbyaddr("192.0.2.9")


def test_names_reach_the_calls_of_the_kernel(named):
    """``connect(("server", 80))``、``bind``、``sendto``：名字由 Python 的 C 去查，那里也不许问外面。"""
    with named.server:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("server", 53))
    with named.client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"1", ("example.org", 53))
        asking.sendmsg([b"2"], (), 0, ("server", 53))
        assert asking.connect_ex(("server", 53)) == 0
        asking.send(b"3")
    with udp:
        assert [udp.recv(9) for _ in range(3)] == [b"1", b"2", b"3"]
    assert "client s1.sendto(b'1', ('example.org', 53)) → 1" in map(told, named.trace.calls)


def test_the_machine_keeps_its_name(net):
    before = names.REAL["gethostname"]()
    with net.client:
        socket.sethostname("renamed")
        assert socket.gethostname() == "renamed"
    assert socket.gethostname() == names.REAL["gethostname"]() == before
    with net.server:
        assert socket.gethostname() == "server"


def test_a_name_must_lead_somewhere():
    with pytest.raises(ValueError, match=r"names 里 'example\.org' 要指向一台主机（client、server）或一个地址，不能是 'sever'。"):
        Network("client", "server", names={"example.org": "sever"})


# ---------------------------------------------------------------- 子类

def test_a_class_made_before_and_one_that_calls_its_base_by_name(net):
    class Polite(socket.socket):
        def __init__(self, port):
            socket.socket.__init__(self, socket.AF_INET, socket.SOCK_DGRAM)
            self.bind(("", port))

        def send(self, data, *rest):
            return super().send(data + b", please", *rest)

    with net.server, Polite(7) as far:
        with net.client, Polite(8) as near:
            near.connect(("server", 7))
            near.send(b"more")
        assert far.recv(99) == b"more, please"
    assert "client s1.send(b'more, please') → 12" in map(told, net.trace.calls)


def test_a_program_that_replaces_socket_socket_does_not_recurse(net, monkeypatch):
    real = socket.socket

    class Green(real):
        pass

    monkeypatch.setattr(socket, "socket", Green)
    with net.server:
        listener = socket.create_server(("", 7))
    with net.client:
        near = socket.create_connection(("server", 7))
    far, _ = listener.accept()
    assert type(near) is type(far) is type(listener) is Green
    for sock in (near, far, listener):
        sock.close()
    net.settle()
    assert net.trace.states_of("client")[-1] == "TIME_WAIT"


# ---------------------------------------------------------------- 描述符走到哪里，名字跟到哪里

@pytest.fixture
def pair(net):
    with net.server, socket.create_server(("", 7)) as listener:
        with net.client:
            near = socket.create_connection(("server", 7))
        far, _ = listener.accept()
    yield near, far
    for sock in (near, far):
        sock.close()


def calls_of(net, host: str) -> list[str]:
    calls = [told(c) for c in net.trace.calls if c.host == host]
    return calls[next(i for i, c in enumerate(calls) if ".connect(" in c) + 1:]


def test_a_descriptor_let_go_is_still_ours(net, pair, tmp_path):
    near, far = pair
    (tmp_path / "body").write_bytes(b"sent by the kernel")
    fd = near.detach()
    os.write(fd, b"raw")
    os.writev(fd, [b"a", bytearray(b"b")])
    with (tmp_path / "body").open("rb") as file:
        os.sendfile(fd, file.fileno(), 0, 4)
    far.send(b"abcd")
    net.settle()
    assert os.read(fd, 2) == b"ab"
    place = bytearray(4)
    assert os.readv(fd, [place]) == 2
    os.close(fd)
    assert far.recv(99, socket.MSG_WAITALL) == b"rawabsent"
    assert calls_of(net, "client") == [
        "client s1.write(b'raw') → 3", "client s1.writev([b'a', b'b']) → 2", "client s1.sendfile('body', 0, 4) → 4",
        "client s1.read(2) → b'ab'", "client s1.readv([4]) → 2, b'cd'", "client s1.close() → None"]


def test_other_descriptors_are_nobody_s_business(net, pair):
    reader, writer = os.pipe()
    before = len(net.trace.calls)
    os.write(writer, b"x")
    assert os.read(reader, 1) == b"x"
    os.close(reader)
    os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.read(writer, 1)
    with pytest.raises(TypeError):
        os.write()
    assert len(net.trace.calls) == before


def test_the_reader_s_own_sockets_are_not_watched_that_closely(net, connection):
    """书里有一格说的正是 ``os.write()`` 绕过了仪器。"""
    near, far = connection
    os.write(near.fileno(), b"x")
    assert os.read(far.fileno(), 1) == b"x"
    assert not [c for c in net.trace.calls if c.name in ("read", "write")]


def test_a_descriptor_made_a_socket_again_keeps_its_name(net, pair):
    near, far = pair
    again = socket.socket(fileno=near.detach())
    copy, from_number = again.dup(), socket.fromfd(again.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    again.send(b"1")
    for sock in (copy, from_number, again):
        sock.send(b"2")
        sock.close()
    assert far.recv(99, socket.MSG_WAITALL) == b"1222"
    assert [c.split(" →")[0] for c in calls_of(net, "client")] == [
        "client s1.dup()", "client s1.dup()", "client s1.send(b'1')", "client s1′.send(b'2')", "client s1′.close()",
        "client s1′.send(b'2')", "client s1′.close()", "client s1.send(b'2')", "client s1.close()"]


def test_a_pair_is_born_there_too(net):
    with net.client:
        left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        assert right.recv(1) == b"x"
    assert list(map(told, net.trace.calls)) == [
        "client .socketpair(AF_UNIX, SOCK_STREAM) → s1, s2", "client s1.send(b'x') → 1", "client s2.recv(1) → b'x'",
        "client s2.close() → None", "client s1.close() → None"]


def test_makefile_reads_and_writes_are_calls(net, pair):
    near, far = pair
    with near.makefile("rw", encoding="utf-8", newline="\n") as file:
        far.sendall("你好\n".encode())
        assert file.readline() == "你好\n"
        file.write("再见\n")
        file.flush()
    assert far.recv(99).decode() == "再见\n"
    assert [c.split("(")[0] for c in calls_of(net, "client")] == ["client s1.recv", "client s1.send"]


# ---------------------------------------------------------------- 没有人再用的

def test_a_socket_nobody_refers_to_is_closed_as_python_does(net):
    with net.server, socket.create_server(("", 7)) as listener:
        def forgetful():
            with net.client:
                sock = socket.create_connection(("server", 7))
                sock.send(b"x")

        with pytest.warns(ResourceWarning, match=r"unclosed <socket\.socket fd=.*raddr=\('10\.0\.0\.2', 7\)"):
            forgetful()
        far, _ = listener.accept()
        with far:
            assert (far.recv(9), far.recv(9)) == (b"x", b"")
    assert "client s1.close() → None" in map(told, net.trace.calls)


def test_a_network_nobody_refers_to_is_closed_with_a_warning():
    with Network("client", "server"):
        pass
    before = Census.take()

    def forgetful():
        net = Network("client", "server")
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()
        near = net.client.socket()
        near.connect((net.server.address, 7))
        listener.accept()
        with net.client:
            return ref(net), net.folder

    alive, folder = forgetful()
    with pytest.warns(ResourceWarning, match="没有关闭的网络（client、server）。请写 with"):
        gc.collect()
    assert alive() is None
    assert not os.path.exists(folder)
    before.wait_to_return()
    assert hooks.opened() == []


FORGETFUL = """
import resource, sys, warnings
from sockscope import Network
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
warnings.simplefilter("ignore")
for _ in range(150):
    net = Network("client", "server")
    net.client.socket()
net.close()
"""


@pytest.mark.slow
def test_forgetting_networks_does_not_run_out_of_descriptors():
    done = subprocess.run([sys.executable, "-c", FORGETFUL], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_host_or_a_socket_keeps_its_network():
    host = Network("client", "server").client
    gc.collect()
    sock = host.socket()
    network = host.network
    del host, network
    gc.collect()
    sock.bind(("", 7))
    sock.host.network.close()
