"""书与实验的服务器：要令牌，不出目录，请求不成样子时用一句中文拒绝。"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import urllib.parse

import pytest

from sockscope.serve import __main__ as program
from sockscope.serve.door import root_address
from sockscope.serve.pages import marker
from sockscope.serve.run import question


class Reader:
    """一个记得 cookie 的读者，不跟随转向。"""

    def __init__(self, base: str) -> None:
        self.address = urllib.parse.urlsplit(base)
        self.cookies: dict[str, str] = {}

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str):
        """返回 (状态, 头部, 正文)。"""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            key, _, value = cookie.split(";")[0].partition("=")
            self.cookies[key] = value
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, answer.headers, text


@pytest.fixture
def stranger(house) -> Reader:
    """没有令牌的人。"""
    return Reader(house.base)


@pytest.fixture
def reader(house) -> Reader:
    """点开了打印出来的地址的人：令牌换成了 cookie。"""
    reader = Reader(house.base)
    status, headers, _ = reader.ask(f"/book/?token={house.token}")
    assert (status, headers["Location"]) == (302, "/book/")
    return reader


def told(reader: Reader) -> dict[str, str]:
    """网页里的标记。"""
    page = reader.ask("/book/index.html")[2]
    return json.loads(re.search(r'<script id="sockscope-server"[^>]*>(.*?)</script>', page)[1])


def test_a_stranger_is_sent_to_the_login(stranger):
    for path in ("/book/", "/book/index.html", "/book/_static/logo.svg"):
        status, headers, _ = stranger.ask(path)
        assert status == 302
        assert headers["Location"].startswith("/login")


@pytest.mark.parametrize(("path", "kind"), [
    ("/book/", "text/html; charset=UTF-8"), ("/book/search.html", "text/html; charset=UTF-8"),
    ("/book/_static/book.css", "text/css"), ("/book/_static/logo.svg", "image/svg+xml"),
    ("/book/_static/book.js", "javascript")])
def test_files_come_with_their_type(reader, path, kind):
    status, headers, text = reader.ask(path)
    assert status == 200
    assert headers["Content-Type"].endswith(kind)
    assert text


def test_book_without_a_slash_is_completed(reader):
    assert reader.ask("/book")[1]["Location"].startswith("/book/")


@pytest.mark.parametrize("path", ["/book/../chapters/00_preface.ipynb", "/book/%2e%2e/%2e%2e/chapters/00_preface.ipynb",
                                  "/book/..%2f..%2fchapters/00_preface.ipynb"])
def test_nothing_outside_the_book_is_served(reader, path):
    assert reader.ask(path)[0] == 403


@pytest.mark.parametrize("path", ["teacher", "teacher/lab05", "teacher/lab05/lab05.ipynb", "teacher/lab05/answers.toml",
                                  "labs/../teacher/lab05/answers.toml", "/teacher//lab05/answers.toml"])
@pytest.mark.parametrize("door", ["/api/contents/", "/files/"])
def test_the_solutions_are_not_before_the_reader(reader, door, path):
    assert reader.ask(door + urllib.parse.quote(path))[0] in {403, 404}


def test_the_exercises_are_there_and_have_no_solution(reader):
    listing = {entry["name"] for entry in json.loads(reader.ask("/api/contents/")[2])["content"]}
    assert {"labs", "chapters"} <= listing
    assert "teacher" not in listing
    status, _, text = reader.ask("/api/contents/labs/lab05/lab05.ipynb")
    assert status == 200
    assert "raise NotImplementedError" in text
    copied = reader.ask("/api/contents/labs", "POST", '{"copy_from": "teacher/lab05/lab05.ipynb"}',
                        **{"X-XSRFToken": told(reader)["xsrf"]})
    assert copied[0] == 404


def test_a_missing_page_is_missing(reader):
    assert reader.ask("/book/chapters/99_nowhere.html")[0] == 404


def test_running_needs_the_xsrf_token(reader):
    told(reader)
    assert reader.ask("/sockscope/run", "POST", "{}")[0] == 403


@pytest.mark.parametrize(("body", "sentence"), [
    ("nonsense", "不是 JSON"), ("[]", "JSON 对象"), ("{}", "缺少 experiment"),
    ('{"experiment": "closing", "parameters": []}', "parameters"),
    ('{"experiment": "closing", "drop": [1]}', "drop"),
    ('{"experiment": "nowhere"}', "没有叫"), ('{"experiment": "closing", "parameters": {"speed": 9}}', "没有参数"),
    ('{"experiment": "closing", "parameters": {"how": "gently"}}', "不能取")])
def test_a_bad_question_gets_one_chinese_sentence(reader, body, sentence):
    status, _, text = reader.ask("/sockscope/run", "POST", body, **{"X-XSRFToken": told(reader)["xsrf"]})
    assert status == 400
    assert sentence in json.loads(text)["message"]


def test_a_good_question_is_answered_by_the_kernel(reader):
    body = json.dumps({"experiment": "closing", "parameters": {}, "drop": []})
    status, _, text = reader.ask("/sockscope/run", "POST", body, **{"X-XSRFToken": told(reader)["xsrf"]})
    assert status == 200, text
    answer = json.loads(text)
    assert answer["events"]
    assert answer["label"] in {"实时", "实时（无抓包）", "录制"}
    assert answer["wide"].startswith("<svg")


def test_ping_says_what_this_machine_can_do(reader):
    assert json.loads(reader.ask("/sockscope/ping")[2])["live"] in {"实时", "实时（无抓包）", "录制"}


def test_a_stranger_may_not_ping(stranger):
    assert stranger.ask("/sockscope/ping")[0] == 403


def test_the_marker_cannot_close_its_own_script():
    assert "</script>" not in marker("/</script>/", "x").removesuffix("</script>")


def test_a_whole_question_is_read():
    body = b'{"experiment": "closing", "parameters": {"how": "close"}, "drop": ["a>b FIN 1+0"]}'
    assert question(body) == ("closing", {"how": "close"}, ["a>b FIN 1+0"])


# ---------------------------------------------------------------- 命令行

@pytest.fixture
def command(root, monkeypatch):
    """``python -m sockscope.serve`` 的一次调用；返回它要怎样启动服务器。"""
    monkeypatch.chdir(root)
    asked = {}
    monkeypatch.setattr(program, "serve", lambda _root, port, ip, **rest: asked.update(port=port, ip=ip, **rest))
    monkeypatch.setattr(program, "has_display", lambda: True)

    def run(*line: str) -> dict:
        monkeypatch.setattr(sys, "argv", ["serve", *line])
        program.main()
        return asked
    return run


def test_without_arguments_a_taken_port_is_exchanged(command):
    assert command() == {"port": 8888, "ip": "127.0.0.1", "retries": 50, "build": True, "browser": True}


def test_what_is_asked_for_is_done(command):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = command("--port", str(port), "--ip", "localhost", "--no-browser")
    assert asked == {"port": port, "ip": "127.0.0.1", "retries": 0, "build": True, "browser": False}


def test_an_explicit_port_that_is_taken_is_one_sentence(command):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SystemExit) as refused:
        command("--port", str(other.getsockname()[1]))
    assert re.fullmatch(r"端口 \d+ 已经有别的程序在用.*--port 换一个.*。", refused.value.code)


@pytest.mark.parametrize(("line", "sentence"), [
    ("--port x", "端口是 1 到 65535 的整数，不是 x"), ("--port 65536", "不是 65536"), ("--ip here", "要一个 IP 地址"),
    ("--prot 1", "没有这样的参数：--prot 1")])
def test_nonsense_is_one_chinese_sentence(command, capsys, line, sentence):
    with pytest.raises(SystemExit) as refused:
        command(*line.split())
    said = capsys.readouterr().err
    assert (refused.value.code, said.count("\n")) == (2, 1)
    assert sentence in said


def test_an_address_of_another_machine_is_refused(command):
    with pytest.raises(SystemExit, match=r"这台机器没有 192\.0\.2\.1 这个地址"):
        command("--ip", "192.0.2.1")


def test_more_than_loopback_is_warned_of(command, capsys):
    command("--ip", "0.0.0.0")
    assert "注意：0.0.0.0 不只对本机开着" in capsys.readouterr().out
    command("--ip", "127.0.0.2")
    assert "注意" not in capsys.readouterr().out


def test_elsewhere_is_a_sentence(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="请在仓库的根目录里运行"):
        command()


@pytest.mark.parametrize(("ip", "address"), [
    ("127.0.0.1", "http://127.0.0.1:9"), ("0.0.0.0", "http://127.0.0.1:9"), ("::1", "http://[::1]:9"), ("::", "http://[::1]:9"),
    ("192.0.2.1", "http://192.0.2.1:9"), ("localhost", "http://localhost:9"), ("", "http://127.0.0.1:9")])
def test_the_printed_address_can_be_opened(ip, address):
    assert root_address(ip, 9) == address


# 启动时不运行别的程序，也不编译用不上的文法：这两件事占了从前的一半时间。
STARTING = """
import subprocess, sys
def forbidden(*command, **_): raise SystemExit(f"启动时运行了 {command}")
subprocess.Popen.__init__ = forbidden
from sockscope.serve.__main__ import lab_app
lab_app()
raise SystemExit("启动时编译了网址的文法" if sys.modules.get("rfc3987_syntax") or "lark" in sys.modules else 0)
"""


def test_starting_does_nothing_that_is_not_needed():
    done = subprocess.run([sys.executable, "-c", STARTING], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_same_server_starts_that_way(tmp_path):
    """不经 ``lab_app`` 先导入了 Jupyter 的任何一部分，省下的时间就没有了。"""
    done = subprocess.run([sys.executable, "-c", "import sys, sockscope.serve.__main__; print(*sys.modules)"],
                          capture_output=True, text=True, check=True)
    assert not {"jupyter_server", "jupyterlab", "jsonschema"} & set(done.stdout.split())
