"""别人的程序的系统调用：strace 看见的，写成与我们自己的同样的话，在同一条时间轴上。"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from pathlib import Path

import pytest
from tests.kernel.census import children, wait_until

from sockscope import Network, Unavailable, compiled, compiler
from sockscope.live import syscalls, tracer, watching
from sockscope.render import svg, text
from sockscope.trace import Action, Trace, dumps, loads

FLAGS = ("-I", "-S")


def needs(*programs: str) -> list[str]:
    """这几个程序的路径；CI 上没有就是失败，别处说一声跳过。"""
    found = [shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin") for name in programs]
    if None in found:
        lacking = "、".join(name for name, path in zip(programs, found, strict=True) if path is None)
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"缺少 {lacking}；make browser 会装上它们。")
    return [path for path in found if path]


@pytest.fixture(autouse=True)
def engine() -> None:
    needs("strace")


def said(trace: Trace, host: str, thread: str = "") -> list[str]:
    """一台主机上的调用，一行一个。"""
    return [f"{c.socket}.{c.name}({c.args}) → {c.errno or c.result or ('' if c.end is not None else '阻塞')}".lstrip(".")
            for c in trace.calls if c.host == host and thread in ("", c.thread)]


def python(host, code: str, *args: str, **options):
    return host.program(sys.executable, *FLAGS, "-c", code, *args, calls=True, **options)


# ---------------------------------------------------------------- 与我们自己的一样

def test_a_c_client_is_told_like_our_own_sockets():
    """同一件事，C 做一遍，TracedSocket 做一遍：调用、参数、结果、搬动的字节都一样写。"""
    try:
        compiler()
    except Unavailable as lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(lacking))
    found = []
    for ours in (False, True):
        with Network("client", "server", births=True) as net:
            def serve(net=net) -> None:
                listener = net.server.socket()
                listener.bind((net.server.address, 7007))
                listener.listen()
                conn, _ = listener.accept()
                conn.sendall(conn.recv(512))
                conn.recv(512)
                conn.close()

            net.server.spawn(serve)
            if ours:
                sock = net.client.socket()
                sock.connect((net.server.address, 7007))
                sock.send(b"hello", 0x4000)  # MSG_NOSIGNAL
                sock.recv(512, 0)
                sock.close()
            else:
                program = net.client.program(compiled("echo_client"), net.server.address, "7007", "hello", calls=True)
                assert program.communicate() == (b"hello", b"")
        found.append(([(c.socket, c.name, c.args, c.result, c.errno, c.size, c.data) for c in net.trace.calls
                       if c.host == "client"], [s.state for s in net.trace.states if s.host == "client"], net.trace))
    (in_c, states_c, trace), (in_python, states_python, _) = found
    assert in_c == in_python
    assert states_c == states_python
    assert {c.thread for c in trace.calls if c.host == "client"} == {"echo_client"}
    assert [s.socket for s in trace.states if s.host == "client"] == ["s1"] * len(states_c)


def test_calls_and_packets_share_one_axis():
    with Network("client", "server", delay=0.01) as net:
        server = python(net.server, """if 1:
            import socket, sys
            a = socket.socket(); a.bind((sys.argv[1], 7)); a.listen()
            c, _ = a.accept(); c.recv(10); c.send(b"answer"); c.recv(10)""", net.server.address)
        assert net.settle()
        client = python(net.client, """if 1:
            import socket, sys
            s = socket.socket(); s.connect((sys.argv[1], 7)); s.send(b"ask"); s.recv(10)""", net.server.address)
        assert client.wait() == server.wait() == 0
    trace = net.trace
    call = {(c.host, c.name): c for c in trace.calls}
    syn, syn_ack, *_ = trace.packets
    ask, answer = (next(p for p in trace.packets if p.payload == data) for data in (b"ask", b"answer"))
    assert call["client", "connect"].t < syn.t < syn_ack.end < call["client", "connect"].end
    assert call["client", "send"].t < ask.t
    assert call["server", "accept"].t < syn.t
    assert call["server", "send"].t < answer.t < answer.end < call["client", "recv"].end
    assert [e.t for e in trace.events] == sorted(e.t for e in trace.events)


# ---------------------------------------------------------------- 读懂每一种

EVERYTHING = """
import os, select, socket, sys
here = sys.argv[1], 7
a = socket.socket(); a.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); a.bind(here); a.listen(2)
n = socket.socket(); n.setblocking(False)
try: n.connect(here)
except BlockingIOError: pass
select.select([a], [n], [], 5)
c, _ = a.accept()
n.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
n.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 5, 0, 0, 0]))
n.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
p = select.poll(); p.register(c, select.POLLIN); p.poll(0)
n.send(b"x" * 30, socket.MSG_DONTWAIT)
e = select.epoll(); e.register(c, select.EPOLLIN | select.EPOLLET); e.poll(0.5); e.close()
c.recv(100, socket.MSG_PEEK)
c.recvmsg(100, 100)
n.sendmsg([b"a", b"b"]); os.write(n.fileno(), b"cd"); os.writev(n.fileno(), [b"e", b"f"])
c.recv_into(bytearray(100)); os.read(n.fileno(), 5) if 0 else None
try: n.recv(5)
except BlockingIOError: pass
c.send(b"y"); os.read(n.fileno(), 5)
u = socket.socket(type=socket.SOCK_DGRAM); u.bind(here); u.sendto(b"udp", here); u.recvfrom(9); u.close()
six = socket.socket(socket.AF_INET6)
try: six.connect(("fd00::99", 7, 0, 0))
except OSError: pass
six.close()
with open("/etc/passwd", "rb") as f: os.sendfile(n.fileno(), f.fileno(), 0, 10)
n.shutdown(socket.SHUT_WR); n.close(); c.close(); a.close()
"""
TOLD = """\
socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC) → s1
s1.setsockopt(SO_REUSEADDR, 1) →
s1.bind(('10.0.0.2', 7)) →
s1.listen(2) →
socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC) → s2
s2.ioctl(FIONBIO, 1) →
s2.connect(('10.0.0.2', 7)) → EINPROGRESS
select([s1], [s2], [], 5) → [s1], [s2], []
s1.accept(SOCK_CLOEXEC) → s3, ('10.0.0.2', 40000)
s3.getsockname() → ('10.0.0.2', 7)
s2.getsockopt(SO_ERROR) → 0
s2.setsockopt(SO_LINGER, {l_onoff=1, l_linger=5}) →
s2.setsockopt(TCP_CONGESTION, b'reno') →
poll([s3 POLLIN], 0) → []
s2.send(b'xxxxxxxxxxxx'…（30 字节）, MSG_DONTWAIT) → 30
epoll_wait([s3 EPOLLIN|EPOLLET], 0.5) → [s3 EPOLLIN]
s3.recv(100, MSG_PEEK) → b'xxxxxxxxxxxx'…（30 字节）
s3.recvmsg(100) → b'xxxxxxxxxxxx'…（30 字节）, [], 0, None
s2.sendmsg([b'a', b'b']) → 2
s2.write(b'cd') → 2
s2.writev([b'e', b'f']) → 2
s3.recv(100) → b'abcdef'
s2.recv(5) → EAGAIN
s3.send(b'y') → 1
s2.read(5) → b'y'
socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC) → s4
s4.bind(('10.0.0.2', 7)) →
s4.sendto(b'udp', ('10.0.0.2', 7)) → 3
s4.recvfrom(9) → b'udp', ('10.0.0.2', 7)
s4.close() →
socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC) → s5
s5.connect(('fd00::99', 7, 0, 0)) → ENETUNREACH
s5.close() →
s2.sendfile('/etc/passwd', 0, 10) → 10
s2.shutdown(SHUT_WR) →
s2.close() →
s3.close() →
s1.close() →"""


def test_every_kind_of_call_is_read(net):
    net.server.sysctl("ip_local_port_range", "40000 40000")
    net.server.route("fd00::99/128", "unreachable")
    program = python(net.server, EVERYTHING, net.server.address)
    assert program.communicate() == (b"", b"")
    told = [row.replace("EHOSTUNREACH", "ENETUNREACH").rstrip() for row in said(net.trace, "server")]
    assert told == TOLD.splitlines()
    sizes = [(c.name, c.size, c.data) for c in net.trace.calls if c.size is not None]
    assert sizes[:3] == [("send", 30, "78" * 30), ("recv", 30, "78" * 30), ("recvmsg", 30, "78" * 30)]
    assert sizes[3:7] == [("sendmsg", 2, b"ab".hex()), ("write", 2, b"cd".hex()), ("writev", 2, b"ef".hex()),
                          ("recv", 6, b"abcdef".hex())]
    assert sizes[-1] == ("sendfile", 10, "")


def test_the_random_header_of_a_raw_socket_is_not_told(net):
    code = "import socket as s; r = s.socket(s.AF_INET, s.SOCK_RAW, 1); r.sendto(b'x' * 8, ('127.0.0.1', 0)); r.recv(99)"
    assert python(net.client, code).wait() == 0
    got, = [c for c in net.trace.calls if c.name == "recv"]
    assert got.result == "IP 首部 + b'xxxxxxxx'"
    assert (got.size, len(got.data)) == (28, 56)


def test_long_data_keeps_its_length_and_its_head(net):
    program = python(net.server, "import socket; a, b = [socket.socket(type=socket.SOCK_DGRAM) for _ in 'ab']\n"
                     "a.bind(('127.0.0.1', 7)); b.sendto(bytes(range(256)) * 4, ('127.0.0.1', 7)); a.recv(2000)")
    assert program.wait() == 0
    sent, got = (c for c in net.trace.calls if c.size)
    assert (sent.size, got.size, sent.data, got.data) == (1024, 1024, bytes(range(256)).hex(), bytes(range(256)).hex())
    assert sent.args.startswith(repr(bytes(range(12))) + "…（1024 字节）")


# ---------------------------------------------------------------- 等待、打断、死亡

WAITS = "import socket, sys; a = socket.socket(); a.bind((sys.argv[1], 7)); a.listen(); c, _ = a.accept(); c.recv(9)"


def test_a_call_that_waits_has_no_end_until_it_returns(net):
    program = python(net.server, WAITS, net.server.address)
    assert net.settle()
    assert said(net.trace, "server")[-1] == "s1.accept() → 阻塞"  # 其余的参数返回时才知道
    sock = net.client.socket()
    sock.connect((net.server.address, 7))
    assert net.settle()
    accepted, waiting = (c for c in net.trace.calls if c.name in ("accept", "recv"))
    assert (accepted.result.partition(",")[0], accepted.end is None, waiting.end) == ("s2", False, None)
    sock.close()
    assert program.wait() == 0
    net.settle()
    assert "s2.recv(9) → b''" in said(net.trace, "server")


def test_settling_waits_for_the_program_to_start(net):
    """不必猜服务器起来没有：settle() 之后它已经停在 accept 里。"""
    python(net.server, WAITS, net.server.address)
    assert net.settle()
    assert net.client.socket().connect_ex((net.server.address, 7)) == 0


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM])
def test_a_call_cut_short_by_death_says_by_what(net, way):
    program = python(net.server, WAITS, net.server.address)
    assert net.settle()
    program.send_signal(way)
    assert program.wait() == -way
    net.settle()
    call = [c for c in net.trace.calls if c.host == "server"][-1]
    assert (call.name, call.result, call.errno) == ("accept", way.name, None)
    assert call.end is not None
    died = next(e for e in net.trace.events if isinstance(e, Action) and e.name == "ended")
    assert died.detail.endswith(way.name)


def test_a_signal_in_the_middle_of_a_call(net):
    """处理完信号接着等的，是一次调用；不接着等的（SA_RESTART 没有设），报 EINTR。"""
    found = []
    for restart in ("True", "False"):
        code = f"""if 1:
            import ctypes, os, signal, socket
            a = socket.socket(type=socket.SOCK_DGRAM); a.bind(("127.0.0.1", 7))
            signal.signal(signal.SIGALRM, lambda *_: None); signal.siginterrupt(signal.SIGALRM, not {restart})
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            libc = ctypes.CDLL(None)
            if os.fork() == 0:
                b = socket.socket(type=socket.SOCK_DGRAM)
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); __import__("time").sleep(0.1)
                b.sendto(b"late", ("127.0.0.1", 7)); os._exit(0)
            libc.recv(a.fileno(), ctypes.create_string_buffer(9), 9, 0)
        """
        assert python(net.client, code).wait() == 0
        net.settle()
        found.append([c for c in net.trace.calls if c.name == "recv"][-1])
    assert [(c.result, c.errno) for c in found] == [("b'late'", None), (None, "EINTR")]
    assert found[0].end - found[0].t > 90_000_000


# ---------------------------------------------------------------- 进程、线程、描述符

def test_children_and_threads_have_their_own_names(net):
    code = """if 1:
        import os, socket, threading
        a = socket.socket(type=socket.SOCK_DGRAM); a.bind(("127.0.0.1", 7))
        thread = threading.Thread(target=lambda: a.sendto(b"thread", ("127.0.0.1", 7))); thread.start(); thread.join()
        if os.fork() == 0:
            a.sendto(b"child", ("127.0.0.1", 7)); os._exit(0)
        os.wait()
    """
    assert python(net.client, code).wait() == 0
    name = Path(sys.executable).name
    assert [(c.thread, c.socket) for c in net.trace.calls if c.name == "sendto"] == [(f"{name} #2", "s1"), (f"{name} #3", "s1")]


def test_a_shell_gives_its_children_their_names(net):
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    net.client.program("sh", "-c", f'{sys.executable} -IS -c "{code}"; true', calls=True).wait()
    assert {c.thread for c in net.trace.calls} == {Path(sys.executable).name}


def test_it_holds_no_descriptor_of_the_engine(net):
    told = python(net.client, "import os; print(os.listdir('/proc/self/fd'))").communicate()[0]
    assert eval(told) == ["0", "1", "2", "3"]


def test_a_socket_keeps_its_label_wherever_it_goes(net):
    """我们的套接字寄给一个程序：在它那里仍是同一个编号。"""
    near = net.client.socket()
    door = net.client.socket(1)  # AF_UNIX
    door.bind(net.folder + "door")
    door.listen()
    code = """if 1:
        import socket, sys
        desk = socket.socket(socket.AF_UNIX); desk.connect(sys.argv[1])
        fd = socket.recv_fds(desk, 9, 1)[1][0]
        sock = socket.socket(fileno=fd); sock.connect_ex((sys.argv[2], 9))
    """
    program = python(net.client, code, net.folder + "door", net.server.address)
    desk, _ = door.accept()
    import socket
    socket.send_fds(desk, [b"x"], [near.fileno()])
    assert program.wait() == 0
    mine = said(net.trace, "client", Path(sys.executable).name)
    assert mine[0] == "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC) → s4"
    assert mine[1] == "s4.connect('door') → "
    assert mine[2].startswith("s4.recvmsg(9) → b'x', [SCM_RIGHTS s1], ")
    assert any(row.startswith("s1.connect(('10.0.0.2', 9)) → ECONNREFUSED") for row in mine)


def test_what_libc_asks_for_itself_is_not_told(net):
    """netlink、没有连成的 nscd、只在自己家里用的 socketpair。"""
    code = "import socket; socket.getaddrinfo('server', 80); a, b = socket.socketpair(); a.send(b'x'); b.recv(1)"
    assert python(net.client, code).wait() == 0
    assert not [c for c in net.trace.calls if "NETLINK" in c.args or "UNIX" in c.args or c.name == "socketpair"]


# ---------------------------------------------------------------- strace 不在、不肯、死了

def test_without_strace_one_sentence(net, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match=r"^看别的程序的系统调用要用 strace，这台机器没有装。补救：sudo apt install strace。$"):
        net.client.program("/bin/true", calls=True)


def test_refused_by_the_kernel_one_sentence(net, monkeypatch, tmp_path):
    fake = tmp_path / "strace"
    fake.write_text("#!/bin/sh\necho 'strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted' >&2; exit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Unavailable, match=r"不肯看着别的程序.*PTRACE_TRACEME.*放行 ptrace"):
        net.client.program("true", calls=True)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_engine_is_killed_and_nothing_stays():
    with Network("client", "server") as net:
        program = python(net.server, WAITS, net.server.address)
        assert net.settle()
        status = Path(f"/proc/{program.pid}/status").read_text()
        tracer = int(status.partition("TracerPid:")[2].split()[0])
        family = children(net.server.namespace.pid)
        assert {tracer, program.pid} <= set(family)
        os.kill(tracer, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{tracer}"))
        assert net.trace.calls[-1].name == "accept"
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family))


def test_the_program_keeps_its_own_pid_and_exit_code(net):
    program = python(net.client, "import os, sys; print(os.getpid()); sys.exit(7)")
    assert int(program.communicate()[0]) == program.pid
    assert program.returncode == 7


def test_after_the_end_the_trace_stands_still():
    with Network("client", "server") as net:
        python(net.server, WAITS, net.server.address)
        net.settle()
        before = net.trace.calls
    assert [c for c in net.trace.calls if c.end is None] == [c for c in before if c.end is None]
    assert net.trace == net.trace
    assert loads(dumps(net.trace)) == net.trace


# ---------------------------------------------------------------- 真的程序

def served_by_python(net):
    return net.server.program(sys.executable, "-m", "http.server", "80", "-d", "/etc", calls=True)


def test_curl_and_a_python_server():
    curl, = needs("curl")
    with Network("client", "server", delay=0.002) as net:
        served_by_python(net)
        assert net.settle()
        got = net.client.program(curl, "-sS", "http://server/passwd", calls=True)
        assert got.communicate() == (Path("/etc/passwd").read_bytes(), b"")
    trace = net.trace
    mine = said(trace, "client", "curl")
    assert any("connect(('10.0.0.2', 80)) → EINPROGRESS" in row for row in mine)
    connected = next(c.socket for c in trace.calls if c.name == "connect" and c.errno == "EINPROGRESS")
    assert {s.socket for s in trace.states if s.host == "client"} == {connected}
    accepted = next(c for c in trace.calls if c.name == "accept")
    assert {s.socket for s in trace.states if s.host == "server"} == {accepted.socket, accepted.result.partition(",")[0]}
    assert [s.state for s in trace.states if s.host == "server"][:3] == ["LISTEN", "SYN_RECV", "ESTABLISHED"]
    assert any(isinstance(e, Action) and e.detail == "curl" for e in trace.events)
    assert "curl 结束" in text.render(trace)
    assert "curl 结束" in svg.render(trace)
    assert loads(dumps(trace)) == trace


NGINX = """daemon off; pid {0}/pid; error_log {0}/log; worker_processes 2; user root; {1}
events {{}} http {{ access_log off; client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c;
uwsgi_temp_path {0}/d; scgi_temp_path {0}/e; server {{ listen 80; location / {{ return 200 "hello\\n"; }} }} }}
"""


def test_nginx_and_curl(tmp_path):
    nginx, curl = needs("nginx", "curl")
    config = tmp_path / "nginx.conf"
    workers = os.geteuid() == 0  # 只有一个用户的命名空间里，nginx 换不了工人的用户组
    config.write_text(NGINX.format(tmp_path, "" if workers else "master_process off;"))
    with Network("client", "server") as net:
        net.server.program(nginx, "-e", str(tmp_path / "log"), "-c", str(config), calls=True)
        assert net.settle()
        got = net.client.program(curl, "-sS", "http://server/", calls=True)
        assert got.communicate() == (b"hello\n", b"")
        family = children(net.server.namespace.pid)
        assert len(family) == 2 + 2 * workers  # strace、nginx（主进程、两个工人）
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family))
    calls = [c for c in net.trace.calls if c.host == "server"]
    accepted = next(c for c in calls if c.name == "accept")
    assert accepted.thread.startswith("nginx #" if workers else "nginx")
    before = [c for c in calls if c.thread == accepted.thread and c.t < accepted.t][-1]
    assert (before.name, before.result) == ("epoll_wait", f"[{accepted.socket} EPOLLIN]")
    assert [c.name for c in calls if c.socket == accepted.result.partition(",")[0]][:2] == ["recv", "writev"]


def test_redis():
    server, client = needs("redis-server", "redis-cli")
    with Network("client", "server") as net:
        net.server.program(server, "--bind", "0.0.0.0", "--save", "", "--protected-mode", "no", calls=True)
        assert net.settle()
        asked = net.client.program(client, "-h", "server", "SET", "a", "1", calls=True)
        assert asked.communicate() == (b"OK\n", b"")
    asked, answered = (next(c for c in net.trace.calls if c.host == host and c.data == data.hex()) for host, data in (
        ("server", b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"), ("server", b"+OK\r\n")))
    assert (asked.name, answered.name) == ("read", "write")


def test_netcat_says_its_half_close():
    nc, = needs("nc")
    with Network("client", "server") as net:
        net.server.program(nc, "-l", "-p", "7", calls=True)
        assert net.settle()
        program = net.client.program(nc, "-N", "server", "7", calls=True)
        program.stdin.write(b"hello\n")
        program.stdin.close()
        program.wait()
    mine, theirs = said(net.trace, "client"), said(net.trace, "server")
    assert mine.index("s1.write(b'hello\\n') → 6") < mine.index("s1.shutdown(SHUT_WR) → ")
    assert "s2.read(16384) → b'hello\\n'" in theirs


def test_iperf3_through_the_cable():
    iperf3, = needs("iperf3")
    with Network("client", "server") as net:
        net.server.program(iperf3, "-s", "-1", calls=True)
        assert net.settle()
        assert net.client.program(iperf3, "-c", "server", "-n", "1M", calls=True).wait() == 0
    sent = [c for c in net.trace.calls if c.host == "client" and c.name == "write" and c.size]
    assert sum(c.size for c in sent) >= 1 << 20


@pytest.mark.parametrize("family", [4, 6])
def test_states_belong_to_the_sockets_of_a_server_that_says_nothing(family):
    """它一收下就关上，内核的表里来不及看见是谁的：凭 accept 给的地址也认得出。"""
    with Network("client", "server") as net:
        where = net.server.address if family == 4 else net.server.address6
        python(net.server, """if 1:
            import socket, sys
            a = socket.create_server((sys.argv[1], 7), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
            a.accept()[0].close(); a.accept()""", where)
        assert net.settle()
        python(net.client, "import socket, sys; socket.create_connection((sys.argv[1], 7)).recv(9)", where).wait()
        net.settle()
        states = net.trace.states
    assert {s.socket for s in states} == {"s1", "s2"}
    assert "s2" in {s.socket for s in states if s.host == "server" and s.state == "SYN_RECV"}


def test_every_call_it_asks_strace_for_is_one_that_is_read():
    assert set(tracer.WATCHED) >= set(syscalls.CALLS) | set(watching.WAITS)
