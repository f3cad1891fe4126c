"""主机上的程序：一个真的 Popen，它的一家子随网络一起消失。"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from tests.kernel.census import children, wait_until

from sockscope.live import Network

FORKS_TWICE = """
import os, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for number in (1, 2, 15): __import__("signal").signal(number, __import__("signal").SIG_IGN)
print(os.getpid(), flush=True)
os.close(1)
__import__("signal").pause()
"""


def alive(*pids: int) -> bool:
    return any(os.path.exists(f"/proc/{pid}") for pid in pids)


# ---------------------------------------------------------------- 同 subprocess.Popen

def test_it_is_a_popen(net):
    program = net.client.program("cat")
    assert isinstance(program, subprocess.Popen)
    assert program.pid in children(net.client.namespace.pid)
    assert program.poll() is None
    assert program.communicate(b"hello") == (b"hello", b"")
    assert (program.poll(), program.returncode, program.wait()) == (0, 0, 0)
    assert program.args == ("cat",)


def test_pipes_that_fill_do_not_stop_it(net):
    said, _ = net.client.program("seq", "1", "200000").communicate()
    assert said == b"".join(b"%d\n" % number for number in range(1, 200_001))


def test_waiting_has_a_limit(net):
    program = net.client.program("sleep", "1000")
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.01)
    with pytest.raises(subprocess.TimeoutExpired):
        program.communicate(timeout=0.01)
    program.kill()
    assert program.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("way", ["terminate", "kill", "send_signal"])
def test_a_signal_ends_it_and_is_in_the_trace(net, way):
    program = net.client.program("sleep", "1000")
    getattr(program, way)(*([signal.SIGUSR1] if way == "send_signal" else []))
    number = {"terminate": signal.SIGTERM, "kill": signal.SIGKILL, "send_signal": signal.SIGUSR1}[way]
    assert program.wait() == -number
    program.terminate()  # 已经结束了：什么也不做
    told, = [e for e in net.trace.events if e.kind == "action"]
    assert (told.where, told.name, told.detail) == ("client", "kill" if way == "kill" else "signal", number.name)


def test_text_environment_and_folder(net, tmp_path):
    program = net.client.program("sh", "-c", "read line; echo $line $WORD; pwd; env | wc -l", text=True, cwd=str(tmp_path),
                                 env={"WORD": "字", "PATH": os.environ["PATH"]})
    said, _ = program.communicate("一行\n")
    assert said.splitlines()[:2] == ["一行 字", str(tmp_path)]
    assert int(said.splitlines()[2]) <= 5


def test_it_sees_the_environment_of_now(net, monkeypatch):
    """主机工坊早就启动了；程序看到的仍是此刻的环境变量和当前目录。"""
    monkeypatch.setenv("SAID_LATER", "yes")
    assert net.client.program("sh", "-c", "echo $SAID_LATER").communicate()[0] == b"yes\n"


def test_where_its_output_goes(net, tmp_path):
    both = net.client.program("sh", "-c", "echo out; echo err >&2", stderr=subprocess.STDOUT)
    assert both.communicate() == (b"out\nerr\n", None)
    with open(tmp_path / "out", "wb") as file:
        assert net.client.program("echo", "x", stdout=file, stdin=subprocess.DEVNULL).wait() == 0
    assert (tmp_path / "out").read_bytes() == b"x\n"
    assert net.client.program("cat", stdin=subprocess.DEVNULL).communicate()[0] == b""


def test_a_with_block_waits_for_it(net):
    with net.client.program("sh", "-c", "read line; exit 3") as program:
        program.stdin.write(b"x\n")
    assert program.returncode == 3


def test_it_holds_three_descriptors_and_no_more(net):
    said = net.client.program(sys.executable, "-IS", "-c", "import os; print(os.listdir('/proc/self/fd'))").communicate()[0]
    assert eval(said) == ["0", "1", "2", "3"]  # 3 是它自己打开的文件夹


def test_signals_are_as_they_come_to_every_program(net):
    """与 subprocess 起的一样：Python 自己忽略 SIGPIPE，程序不该跟着忽略；nohup 与 sh 的 & 叫大家忽略的，照样忽略。"""
    ask = "grep", "^Sig[IB]", "/proc/self/status"
    said = net.client.program(*ask, text=True).communicate()[0]
    assert said == subprocess.run(ask, capture_output=True, text=True).stdout


# ---------------------------------------------------------------- 运行不了，一句话

@pytest.mark.parametrize(("program", "kind", "said"), [
    ("nosuchprogram", FileNotFoundError, "没有 nosuchprogram 这个程序。补救：装上它，或者写出它的路径。"),
    ("/no/such", FileNotFoundError, "没有 /no/such 这个程序。补救：装上它，或者写出它的路径。"),
    ("/etc", PermissionError, "/etc 不许运行。补救：chmod +x；文件系统挂载时带着 noexec 的，换一个地方放它。"),
    ("/etc/passwd", PermissionError, "/etc/passwd 不许运行。补救：chmod +x；文件系统挂载时带着 noexec 的，换一个地方放它。"),
])
@pytest.mark.parametrize("calls", [False, True])
def test_what_cannot_run_says_so_at_once(net, program, kind, said, calls):
    with pytest.raises(kind) as caught:
        net.client.program(program, calls=calls)
    assert str(caught.value) == said
    assert caught.value.errno in (errno.ENOENT, errno.EACCES)


def test_a_folder_that_is_not_there_and_a_file_that_is_no_program(net, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^进不了文件夹 /no/such（ENOENT）。$"):
        net.client.program("true", cwd="/no/such")
    script = tmp_path / "script"
    script.write_text("echo hello\n")
    script.chmod(0o755)
    with pytest.raises(OSError, match="不是内核认得的程序"):
        net.client.program(str(script))
    with pytest.raises(ValueError, match="要程序的名字"):
        net.client.program()


# ---------------------------------------------------------------- 名字

def test_hosts_have_names_inside(net):
    said = net.client.program("sh", "-c", "getent ahostsv4 server | head -1; hostname; grep ^hosts: /etc/nsswitch.conf || "
                              "echo hosts: files dns", text=True).communicate()[0].splitlines()
    assert [row.split() for row in said] == [["10.0.0.2", "STREAM", "server"], ["client"], ["hosts:", "files", "dns"]]


@pytest.mark.parametrize(("hosts", "asked"), [
    (("client", "server"), ["127.0.0.1"]), (("client", "dns"), ["10.0.0.2"]),
    (("dns1", "client", "dns2"), ["10.0.0.1", "10.0.1.2"])])
def test_the_hosts_called_dns_are_asked_in_order(hosts, asked):
    with Network(*hosts) as net:
        said = net.client.program("cat", "/etc/resolv.conf", text=True).communicate()[0]
    assert said.splitlines() == [f"nameserver {address}" for address in asked]


def test_names_the_reader_gave(net):
    net.names = {"example.org": "server", "elsewhere.test": "192.0.2.7"}
    said = net.client.program("sh", "-c", "getent hosts example.org elsewhere.test", text=True).communicate()[0]
    assert [row.split() for row in said.splitlines()] == [["10.0.0.2", "example.org"], ["192.0.2.7", "elsewhere.test"]]


def test_names_stay_inside(net):
    before = Path("/etc/hosts").read_text(), socket.gethostname()
    program = net.client.program("cat")
    assert (Path("/etc/hosts").read_text(), socket.gethostname()) == before
    program.stdin.close()
    program.wait()
    assert (Path("/etc/hosts").read_text(), socket.gethostname()) == before


def test_other_names_are_asked_nowhere(net):
    """别的名字：没有人可问，当场说没有；线上什么也没有。"""
    code = "import socket\ntry: socket.getaddrinfo('example.org', 80)\nexcept socket.gaierror: print('no')"
    assert net.client.program(sys.executable, "-c", code).communicate()[0] == b"no\n"
    assert not net.trace.packets


# ---------------------------------------------------------------- 一家子

def test_children_go_with_the_network():
    with Network("client", "server") as net:
        program = net.server.program("sh", "-c", "sleep 47 & echo $!; sleep 48 & echo $!; wait", text=True)
        pids = [program.pid, *(int(program.stdout.readline()) for _ in range(2))]
        assert alive(*pids)
    wait_until(lambda: not alive(*pids))
    assert program.returncode == -signal.SIGKILL


def test_a_daemon_goes_with_the_network():
    """两次 fork，一次 setsid，信号全忽略：照样走不出主机。"""
    with Network("client", "server") as net:
        program = net.server.program(sys.executable, "-IS", "-c", FORKS_TWICE, text=True)
        daemon = int(program.stdout.readline())
        assert program.wait() == 0
        assert alive(daemon)
        assert daemon in children(net.server.namespace.pid)
    wait_until(lambda: not alive(daemon))


def test_the_parent_is_killed_and_the_child_stays_until_the_end():
    """kill -9 只杀一个，同 Popen；孩子成了孤儿，到网络关闭时再走。"""
    with Network("client", "server") as net:
        program = net.server.program("sh", "-c", "sleep 47 & echo $!; wait", text=True)
        child = int(program.stdout.readline())
        program.kill()
        assert program.wait() == -signal.SIGKILL
        assert alive(child)
    wait_until(lambda: not alive(child))


def test_a_host_that_is_killed_leaves_nobody_behind():
    """程序杀死了造它的那个进程（主机自己）：它的子孙由工坊收走。"""
    with Network("client", "server") as net:
        program = net.server.program("sh", "-c", "setsid sleep 47 & echo $!; read line; kill -9 $PPID", text=True)
        child = int(program.stdout.readline())
        assert alive(child)
        program.stdin.write("\n")
        program.stdin.flush()
        wait_until(lambda: not alive(child))


def test_a_reboot_ends_the_programs(net):
    program = net.server.program("sh", "-c", "setsid sleep 47 & echo $!; wait", text=True)
    child = int(program.stdout.readline())
    net.server.reboot()
    assert program.wait() == -signal.SIGKILL
    wait_until(lambda: not alive(child))
    assert net.server.program("true").wait() == 0


READER = textwrap.dedent("""
    from sockscope.live import Network
    net = Network("client", "server")
    program = net.server.program("sh", "-c", "setsid sleep 47 & echo $!; wait", text=True)
    print(program.pid, program.stdout.readline(), net.server.namespace.pid, flush=True)
    net.client.program("cat").wait()
""")


def test_nothing_stays_when_the_readers_python_is_killed():
    with subprocess.Popen([sys.executable, "-c", READER], stdout=subprocess.PIPE, text=True) as reader:
        pids = [int(word) for row in (reader.stdout.readline(), reader.stdout.readline()) for word in row.split()]
        assert len(pids) == 3
        assert alive(*pids)
        reader.kill()
    wait_until(lambda: not alive(*pids))


def test_orphans_are_buried(net):
    """孤儿死了，由主机收尸，不留僵尸。"""
    program = net.server.program("sh", "-c", "for i in 1 2 3 4 5; do (true &) ; done; echo done", text=True)
    assert program.communicate()[0] == "done\n"
    wait_until(lambda: not children(net.server.namespace.pid))


def test_two_threads_may_wait(net):
    program, found = net.client.program("cat"), []
    waiting = [threading.Thread(target=lambda: found.append(program.wait())) for _ in range(2)]
    for thread in waiting:
        thread.start()
    program.stdin.close()
    for thread in waiting:
        thread.join()
    assert found == [0, 0]


def test_after_the_network_is_closed():
    with Network("client", "server") as net:
        program = net.client.program("sleep", "1000")
    assert (program.poll(), program.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
    program.kill()
