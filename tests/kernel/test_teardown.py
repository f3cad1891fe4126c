"""收工：不留描述符、线程、进程、命名空间；又快，又可以重复；出了什么岔子都一样。"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from sockscope.live import Network, Unavailable

from .census import Census, children, wait_until


@pytest.fixture(autouse=True)
def census():
    """前后各数一遍：描述符、线程、子进程、命名空间。"""
    with Network("client", "server"):
        pass  # 工坊和各模块在第一次用到时才来，不算泄漏
    before = Census.take()
    yield before
    before.wait_to_return()


def blocked(net: Network, threads: int = 1) -> None:
    """几个后台线程，各自停在一个永远不会返回的调用上。"""
    for port in range(threads):
        listener = net.server.socket()
        listener.bind((net.server.address, 1 + port))
        listener.listen()
        net.server.spawn(listener.accept)


# ---------------------------------------------------------------- 快，可以重复

@pytest.mark.parametrize("threads", [0, 1, 8])
def test_closing_waits_for_no_clock(threads, monkeypatch):
    """停在调用上的线程是叫醒的，不是等到的；多快由 make bench 去量（收工）。"""
    net = Network("client", "server")
    blocked(net, threads)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"睡了 {seconds} 秒"))
    net.close()
    assert [worker.name for worker in net.threads if worker.is_alive()] == []


def test_closing_again_does_nothing():
    net = Network("client", "server")
    net.close()
    trace = net.trace
    net.close()
    assert net.trace == trace


def test_blocked_threads_end():
    with Network("client", "server") as net:
        blocked(net, 3)
    assert [w.name for w in net.threads if w.is_alive()] == []


def test_blocked_in_every_way():
    """recv、accept、connect、sendall、recvfrom：无论停在哪里，都叫得醒。"""
    with Network("client", "server") as net:
        listener = net.server.socket()
        listener.bind((net.server.address, 7))
        listener.listen()
        near = net.client.socket()
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        udp = net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((net.server.address, 7))
        net.cable.cut()
        lost = net.client.socket()
        net.server.spawn(far.recv, 1)
        net.server.spawn(listener.accept)
        net.server.spawn(udp.recvfrom, 1)
        net.client.spawn(lost.connect, ("10.0.0.2", 7))
        net.client.spawn(near.sendall, b"x" * 10_000_000)
    assert [w.name for w in net.threads if w.is_alive()] == []
    assert sorted(c.name for c in net.trace.calls if c.end is None) == ["accept", "connect", "recv", "recvfrom", "sendall"]


# ---------------------------------------------------------------- 岔子

def test_exception_in_the_body_comes_out_as_it_is():
    def run() -> None:
        with Network("client", "server") as net:
            blocked(net)
            raise ZeroDivisionError("自己的错")
    with pytest.raises(ZeroDivisionError, match="自己的错"):
        run()


def test_exception_in_a_spawned_thread_surfaces_in_the_main_one():
    def serve() -> None:
        raise ZeroDivisionError("服务器的错")

    def run() -> None:
        with Network("client", "server") as net:
            near = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
            near.bind((net.client.address, 7))
            net.server.spawn(serve)
            near.recv(1)  # 永远等不到，但会被叫醒
    with pytest.raises(ZeroDivisionError, match="服务器的错"):
        run()


def test_a_failed_assertion_in_a_thread_fails_the_cell():
    def serve(listener) -> None:
        conn, _ = listener.accept()
        assert conn.recv(64) == b"HELLO"

    def run() -> None:
        with Network("client", "server") as net:
            listener = net.server.socket()
            listener.bind((net.server.address, 7))
            listener.listen()
            net.server.spawn(serve, listener)
            near = net.client.socket()
            near.connect(listener.getsockname())
            near.sendall(b"hello")
    with pytest.raises(AssertionError):
        run()


@pytest.fixture
def interruptible():
    """后台启动的程序（sh 的 &）不理会 SIGINT，Python 也就不会抛出 KeyboardInterrupt：这里要它抛。"""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupting_a_blocked_recv_leaves_nothing_behind(interruptible):
    """读者按下“停止”：KeyboardInterrupt 从阻塞的 recv() 里出来，网络照样收拾干净。"""
    def run() -> None:
        with Network("client", "server") as net:
            blocked(net)
            near = net.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
            near.bind((net.client.address, 7))
            main = threading.get_native_id()

            def interrupt() -> None:
                wait_until(lambda: _sleeps_in(main, near.fileno()))
                os.kill(os.getpid(), signal.SIGINT)

            thread = threading.Thread(target=interrupt)
            thread.start()
            try:
                near.recv(1)
            finally:
                thread.join()
    with pytest.raises(KeyboardInterrupt):
        run()


def _sleeps_in(thread: int, fd: int) -> bool:
    with open(f"/proc/self/task/{thread}/syscall") as file:
        call = file.read().split()
    return len(call) > 1 and call[1] == hex(fd)


def test_construction_that_fails_leaves_nothing_behind(monkeypatch):
    """第二台主机造不出来：第一台也要收走。"""
    from sockscope.live.plan import Plan
    real, built = Plan.build, []

    def build(plan):
        built.append(plan)
        if len(built) == 2:
            plan.interfaces[0]["addresses"].append(("not an address", 24))
        return real(plan)

    monkeypatch.setattr(Plan, "build", build)
    with pytest.raises((OSError, Unavailable)):
        Network("client", "server")


def test_processes_and_programs_go_with_the_network():
    with Network("client", "server") as net:
        listener = net.server.socket()
        holder = net.server.process(listener)
        program = net.client.program("sleep", "1000")
        assert os.path.exists(f"/proc/{holder.pid}")
        assert program.returncode is None
    wait_until(lambda: not os.path.exists(f"/proc/{holder.pid}"))


# ---------------------------------------------------------------- fork

def test_a_forked_child_keeps_nothing_alive():
    """读者的代码 fork 了一个长命的子进程：父进程的网络照样收走，主机不因为子进程手里的副本而活着。"""
    reader, writer = os.pipe()
    net = Network("client", "server")
    hosts = [net.client.namespace.pid, net.server.namespace.pid]
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    try:
        net.close()
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in hosts))
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(child, 0)


def test_a_child_that_falls_out_of_the_with_block_breaks_nothing(net, connection):
    """子进程用了继承来的套接字，又走出 with：父进程的连接、网线和主机都好好的。"""
    near, far = connection
    child = os.fork()
    if child == 0:
        try:
            with net:
                near.send(b"from the child")
                near.close()
        finally:
            os._exit(0 if net.closed else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert far.recv(64) == b"from the child"
    near.send(b"from the parent")
    assert far.recv(64) == b"from the parent"


def build_and_connect(pipe) -> None:
    with Network("client", "server") as net:
        sock = net.client.socket()
        pipe.send(sock.connect_ex((net.server.address, 7)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # 这正是要试的
def test_a_child_process_may_build_its_own_network(net):
    """multiprocessing 的 fork：子进程有自己的工坊，父进程的不受影响。"""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=build_and_connect, args=(theirs,))
    child.start()
    assert ours.recv() == errno.ECONNREFUSED
    child.join()
    assert child.exitcode == 0
    child.close()
    ours.close()
    theirs.close()
    net.client.socket()


# ---------------------------------------------------------------- 多次，与 kill -9

@pytest.mark.slow
def test_many_networks_in_one_process():
    for _ in range(40):
        with Network("client", "server") as net:
            sock = net.client.socket()
            sock.connect_ex((net.server.address, 7))


VICTIM = textwrap.dedent("""
    import os, sys
    from sockscope.live import Network
    net = Network("client", "server")
    listener = net.server.socket()
    listener.bind((net.server.address, 7))
    listener.listen()
    near = net.client.socket()
    near.connect(listener.getsockname())
    holder = net.server.process(listener.accept()[0])
    program = net.client.program("sleep", "1000")
    print(net.client.namespace.pid, net.server.namespace.pid, holder.pid, flush=True)
    near.recv(1)
""")


def kill_in_the_middle(count: int) -> None:
    """同时跑几个实验，在半路上各来一个 kill -9；它们的主机、进程、命名空间都会消失。"""
    victims = [subprocess.Popen([sys.executable, "-c", VICTIM], stdout=subprocess.PIPE, text=True) for _ in range(count)]
    pids = []
    for victim in victims:
        pids += map(int, victim.stdout.readline().split())
        pids += children(victim.pid)
        victim.kill()
        victim.wait()
        victim.stdout.close()
    assert len(pids) >= 4 * count
    wait_until(lambda: not [pid for pid in pids if os.path.exists(f"/proc/{pid}")])


@pytest.mark.slow
def test_kill_9_leaves_nothing_behind():
    kill_in_the_middle(3)


@pytest.mark.soak
def test_two_hundred_networks_leave_nothing_behind():
    for _ in range(200):
        with Network("client", "server") as net:
            sock = net.client.socket()
            sock.connect_ex((net.server.address, 7))


@pytest.mark.soak
def test_fifty_kills_leave_nothing_behind():
    for _ in range(25):
        kill_in_the_middle(2)
