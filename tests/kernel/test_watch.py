"""``sockscope watch``：别人的程序，一条命令，一张图。"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kernel.census import Census, children, wait_until
from tests.kernel.test_program_calls import needs

from sockscope import Network, load
from sockscope.__main__ import main
from sockscope.live import stock
from sockscope.live.namespace import _forge

PYTHON = sys.executable
ASKS = "import socket; s = socket.create_connection(('server', {port})); s.sendall({data!r}); print(s.recv(4096)); s.close()"


def watch(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """像读者那样在终端里运行。"""
    command = [PYTHON, "-m", "sockscope", "watch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def asking(port: int, data: bytes) -> list[str]:
    return [PYTHON, "-IS", "-c", ASKS.format(port=port, data=data)]


@pytest.fixture
def standard(capfd: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    needs("strace")
    return capfd


# ---------------------------------------------------------------- 给出来的

def test_the_figure_is_drawn_after_the_program_and_its_output_passes(standard):
    assert main(["watch", "--", *asking(80, b"GET /x HTTP/1.1\r\n\r\n")]) == 0
    out, err = standard.readouterr()
    assert out.startswith("b'HTTP/1.1 200 OK\\r\\n")
    assert "server 收到了 GET /x".encode() in eval(out)
    assert "connect(('10.0.0.2', 80))" in err
    for word in ("SYN", "[ESTABLISHED]", "客户端 10.0.0.1", "服务器 10.0.0.2:80", "结束"):
        assert word in err


@pytest.mark.parametrize(("service", "port", "said", "answer"), [
    ("echo", 7, b"hello", b"hello"), ("echo:7007", 7007, b"again", b"again"), ("daytime", 13, b"", b"20"),
    ("http:8080", 8080, b"HEAD / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK"),
])
def test_the_servers_that_come_with_it(standard, service, port, said, answer):
    assert main(["watch", "--serve", service, "--", *asking(port, said)]) == 0
    assert eval(standard.readouterr().out).startswith(answer)


def test_a_server_that_keeps_the_connection_answers_twice(standard):
    code = ("import http.client; c = http.client.HTTPConnection('server'); "
            "[(c.request('POST', path, b'body'), print(c.getresponse().read().decode(), end='')) for path in ('/a', '/b')]")
    assert main(["watch", "--", PYTHON, "-IS", "-c", code]) == 0
    out, err = standard.readouterr()
    assert out == "server 收到了 POST /a\nserver 收到了 POST /b\n"
    assert err.count("─── SYN ──") == 1


def test_discard_says_nothing(standard):
    code = "import socket; s = socket.create_connection(('server', 9)); s.send(b'x'); s.shutdown(1); print(s.recv(9))"
    assert main(["watch", "--serve", "discard", "--", PYTHON, "-IS", "-c", code]) == 0
    assert standard.readouterr().out == "b''\n"


def test_nobody_listens(standard):
    code = "import socket; print(socket.socket().connect_ex(('server', 80)))"
    assert main(["watch", "--serve", "none", "--", PYTHON, "-IS", "-c", code]) == 0
    out, err = standard.readouterr()
    assert out == "111\n"
    assert "RST" in err


def test_a_server_of_ones_own(standard, tmp_path):
    (tmp_path / "a").write_text("hello")
    server = f"{PYTHON} -m http.server 80 -d {tmp_path}"
    code = "import urllib.request; print(urllib.request.urlopen('http://server/a').read())"
    assert main(["watch", "--server", server, "--delay", "3", "--", PYTHON, "-c", code]) == 0
    out, err = standard.readouterr()
    assert out == "b'hello'\n"
    assert re.search(r"● s\d\.accept\(SOCK_CLOEXEC\)", err), "服务器的调用也在图里"
    assert "网线时延 3 ms" in err


def test_both_on_one_host(standard, tmp_path):
    (tmp_path / "a").write_text("hello")
    server, path = f"{PYTHON} -m http.server 8000 -d {tmp_path}", str(tmp_path / "a.json")
    code = "import urllib.request; print(urllib.request.urlopen('http://localhost:8000/a').read())"
    assert main(["watch", "--local", "--server", server, "--trace", path, "--", PYTHON, "-c", code]) == 0
    assert standard.readouterr() == ("b'hello'\n", "")
    trace = load(path)
    assert [host.name for host in trace.hosts] == ["client·lo", "client"]
    assert {c.host for c in trace.calls if c.name == "connect" and "8000" in c.args and "::" not in c.args and c.args[2] == "1"
            } == {"client·lo"}
    assert {c.host for c in trace.calls if c.name == "accept"} == {"client"}
    assert "SYN" in trace.packets[0].flags


def test_every_form_it_can_be_kept_in(standard, tmp_path):
    names = {kind: str(tmp_path / f"a.{kind}") for kind in ("text", "svg", "html", "pcap", "trace")}
    options = [word for kind, path in names.items() for word in (f"--{kind}", path)]
    assert main(["watch", *options, "--serve", "echo", "--", *asking(7, b"hello")]) == 0
    out, err = standard.readouterr()
    assert (out, err) == ("b'hello'\n", "")
    read = {kind: Path(path).read_bytes() for kind, path in names.items()}
    assert b"SYN" in read["text"]
    assert read["svg"].startswith(b"<svg")
    assert read["pcap"].startswith(b"\x0a\x0d\x0d\x0a")
    trace = load(names["trace"])
    assert trace.title.startswith(f"$ {PYTHON} -IS -c ")
    assert {c.thread for c in trace.calls if c.host == "client"} == {os.path.basename(PYTHON)}
    page = read["html"].decode()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "default-src 'none'" in page
    told = json.loads(re.search(r'id="events">(.*?)</script>', page, re.DOTALL)[1])
    assert len(told) == len(trace.events)
    assert all(event["title"] for event in told)
    shown = {int(number) for number in re.findall(r'data-event="(\d+)"', page)}
    assert shown <= set(range(len(told)))


def test_the_page_survives_what_programs_say(standard, tmp_path):
    """数据里有 </script> 也拆不开网页。"""
    path = str(tmp_path / "a.html")
    assert main(["watch", "--html", path, "--serve", "echo", "--", *asking(7, b"</script><b>")]) == 0
    page = Path(path).read_text()
    assert page.count("</script>") == 2
    assert "<b>" not in page


def test_text_on_the_standard_output(standard):
    assert main(["watch", "--text", "-", "--serve", "none", "--", "true"]) == 0
    out, err = standard.readouterr()
    assert "客户端 10.0.0.1" in out
    assert err == ""


def test_loss_is_the_same_every_time(standard, tmp_path):
    found = []
    for number in range(2):
        path = str(tmp_path / f"{number}.json")
        main(["watch", "--loss", "30%", "--trace", path, "--serve", "none", "--", PYTHON, "-IS", "-c",
              "import socket; u = socket.socket(type=2)\nfor n in range(40): u.sendto(b'%d' % n, ('server', 9))"])
        found.append([p.fate for p in load(path).packets if p.src == "client"])
    assert found[0] == found[1]
    assert {"lost", "delivered"} == set(found[0])


# ---------------------------------------------------------------- 退出码、时限、打断

@pytest.mark.parametrize(("program", "code"), [(("true",), 0), (("sh", "-c", "exit 7"), 7), (("sh", "-c", "kill -TERM $$"), 143)])
def test_the_exit_code_is_the_programs_own(standard, program, code):
    assert main(["watch", "--", *program]) == code


def test_a_time_limit(standard):
    assert main(["watch", "--timeout", "0.2", "--", "sleep", "1000"]) == 124
    assert standard.readouterr().err.startswith("过了 0.2 秒还没有结束，停下它。\n")


@pytest.mark.slow
def test_interrupted_by_the_reader(tmp_path):
    """Ctrl+C：程序也收到，图照样给，什么也不留下。"""
    needs("strace")
    code = "import signal; print('ready', flush=True)\ntry: signal.pause()\nexcept KeyboardInterrupt: print('interrupted')"
    command = [PYTHON, "-m", "sockscope", "watch", "--", PYTHON, "-IS", "-u", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout.readline() == "ready\n"
        family = children(watching.pid)
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate()
    assert (out, watching.returncode) == ("interrupted\n", 130)
    assert "Traceback" not in err
    assert "客户端" in err
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family))


def test_nothing_stays(standard):
    with Network("client", "server"):
        stock.discard()
    wait_until(lambda: not children(_forge.process.pid))  # 以前的主机都走了，再清点
    before = Census.take()
    assert main(["watch", "--server", "sh -c 'sleep 47 & sleep 48'", "--", "true"]) == 0
    wait_until(lambda: Census.take() == before)


def test_standard_input_is_the_programs(standard):
    done = watch("--serve", "none", "--", "cat", input="from here\n")
    assert (done.stdout, done.returncode) == ("from here\n", 0)


# ---------------------------------------------------------------- 做不到的，一句话

BAD = [
    (("watch",), 2, "要看的程序写在 -- 后面"),
    (("watch", "--"), 2, "要看的程序写在 -- 后面"),
    (("watch", "--delay", "x", "--", "true"), 2, "时延是 0 到 60000 毫秒，不能是 'x'"),
    (("watch", "--delay", "-1", "--", "true"), 2, "--delay"),
    (("watch", "--loss", "2", "--", "true"), 2, "概率在 0 到 1 之间，不能是 '2'"),
    (("watch", "--timeout", "0", "--", "true"), 2, "时限要大于 0 秒"),
    (("watch", "--serve", "ftp", "--", "true"), 2, "没有叫 'ftp' 的内置服务；有：http、echo、discard、daytime、none"),
    (("watch", "--serve", "http:0", "--", "true"), 2, "端口要在 1 到 65535 之间"),
    (("watch", "--serve", "echo", "--server", "x", "--", "true"), 2, "不能与"),
    (("watch", "--server", "", "--", "true"), 2, "--server 后面要写一条命令"),
    (("watch", "--server", "'", "--", "true"), 2, "--server 的引号不成对"),
    (("watch", "--colour", "--", "true"), 2, "没有这样的参数：--colour"),
    (("watch", "--svg", "/no/such/a.svg", "--", "true"), 1, "写不了 /no/such/a.svg"),
    (("watch", "--server", "nosuchserver", "--", "true"), 1, "没有 nosuchserver 这个程序"),
    (("watch", "--server", "sh -c 'echo bad >&2; exit 3'", "--", "true"), 1, "server 上的服务器程序已经结束（退出码 3）：bad"),
    (("watch", "--", "nosuchprogram"), 127, "没有 nosuchprogram 这个程序"),
    (("watch", "--", "/etc/passwd"), 126, "/etc/passwd 不许运行"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), BAD, ids=[" ".join(a) for a, _, _ in BAD])
def test_what_it_cannot_do_is_one_sentence(standard, arguments, code, said):
    try:
        found = main(list(arguments))
    except SystemExit as leaving:
        found = leaving.code
    out, err = standard.readouterr()
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1, err


def test_without_a_cable(capfd, monkeypatch):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "loopback")
    assert main(["watch", "--", "true"]) == 1
    assert re.fullmatch("看一个程序要有网线。.*\n", capfd.readouterr().err)


def test_without_strace_there_are_packets_and_one_sentence(capfd, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["watch", "--serve", "echo", "--", *asking(7, b"hello")]) == 0
    out, err = capfd.readouterr()
    assert out == "b'hello'\n"
    assert err.startswith("图里没有程序的调用：看别的程序的系统调用要用 strace，这台机器没有装。补救：")
    assert "SYN" in err


def test_help_is_chinese(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["watch", "--help"])
    assert leaving.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("用法：sockscope watch")
    assert "例子：" in out
