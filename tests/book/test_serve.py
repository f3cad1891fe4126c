"""书与实验的服务器：要令牌，不出目录，请求不成样子时用一句中文拒绝。"""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse

import pytest

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
