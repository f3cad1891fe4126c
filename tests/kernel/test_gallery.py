"""“真程序”那一页：每一句话，录制里是这样，现场也是这样；缺了程序说一句，放录制。"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from sockscope import Trace, Unavailable, experiments
from sockscope.experiments import GALLERY, programs
from sockscope.trace import Call, Packet
from sockscope.widgets.report import payload

PAGE = Path(__file__).parents[2] / "book" / "gallery.ipynb"
NAMES = [name for name in experiments.names() if experiments.get(name).chapter == GALLERY]

Made = Callable[..., Trace]


@pytest.fixture(params=["recorded", "live"])
def made(request: pytest.FixtureRequest) -> Made:
    """一个实验的轨迹：录制的，和此刻做的。"""
    def of(name: str, **values: object) -> Trace:
        wanted = experiments.get(name)
        try:
            return wanted.recorded(**values) if request.param == "recorded" else wanted.run(**values)
        except Unavailable as lacking:
            return (pytest.fail if os.environ.get("CI") else pytest.skip)(str(lacking))

    return of


def calls(trace: Trace, host: str, *names: str) -> list[Call]:
    return [call for call in trace.calls if call.host == host and call.name in names]


def data(trace: Trace, host: str) -> list[Packet]:
    """一台主机发出的带数据的包，重传的不算。"""
    return [p for p in trace.packets if p.src == host and p.length and p.note != "retransmission"]


def turns(packets: list[Packet]) -> int:
    """带数据的包换了几次方向。"""
    sides = [p.src for p in packets if p.length]
    return sum(one != other for one, other in pairwise(sides))


# ---------------------------------------------------------------- 页上的话

@pytest.mark.parametrize("pages", [1, 2])
def test_nginx_and_curl(made, pages):
    trace = made("nginx_curl", pages=pages)
    connecting, = calls(trace, "client", "connect")
    assert connecting.errno == "EINPROGRESS"
    asked = calls(trace, "client", "send", "sendto")
    assert len(asked) == len(data(trace, "client")) == pages
    assert {call.socket for call in asked} == {connecting.socket}
    assert len(calls(trace, "server", "writev")) == len(data(trace, "server")) == pages
    assert len(trace.sent_by("client", "SYN")) == 1
    assert trace.sent_by("client", "FIN")[0].t < trace.sent_by("server", "FIN")[0].t
    assert "TIME_WAIT" in trace.states_of("client")
    assert "TIME_WAIT" not in trace.states_of("server")
    *_, end, close = [c for c in trace.calls if c.host == "server" and c.name in ("recv", "close")]
    assert (end.result, close.name) == ("b''", "close")


def test_a_redis_pipeline_is_one_round_trip(made):
    trace = made("redis_pipeline", how="pipeline")
    asked, answered = data(trace, "client"), data(trace, "server")
    assert [p.payload for p in asked] == [b"INCR visits\r\n" * 5]
    assert [p.payload for p in answered] == [b":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"]
    assert [c.size for c in calls(trace, "server", "read")] == [65, 0]
    assert len(calls(trace, "server", "write")) == 1


def test_one_by_one_is_five(made):
    trace = made("redis_pipeline", how="one_by_one")
    assert [p.payload for p in data(trace, "server")] == [b":%d\r\n" % number for number in range(1, 6)]
    assert len(data(trace, "client")) == 5
    assert turns(trace.packets) == 9


def test_asyncio_chat(made):
    trace = made("asyncio_chat")
    heard, told = ([p for p in trace.packets if p.payload == b"hello\n" and p.cable == cable] for cable in (0, 1))
    assert [(p.src, p.dst) for p in heard + told] == [("client", "server"), ("server", "peer")]
    assert [p.seq for p in heard + told] == [1, 9]
    came = [c for c in trace.calls if c.host == "server" and c.data == b"hello\n".hex()]
    assert [c.name for c in came] == ["recv", "send"]
    assert len({c.socket for c in came}) == 2
    accepted = [c.errno for c in calls(trace, "server", "accept")]
    assert accepted == [None, "EAGAIN"] * 2
    assert {c.thread for c in trace.calls} == {"main"}
    assert [c.args for c in calls(trace, "client", "shutdown")] == ["SHUT_WR"]


@pytest.mark.parametrize("when", ["crossing", "after"])
def test_a_request_that_meets_the_servers_goodbye(made, when):
    trace = made("keepalive_race", when=when)
    _, again = calls(trace, "client", "sendall")
    assert again.errno is None
    assert [c.result for c in calls(trace, "client", "recv") if c.t > again.t] == ["b''"]
    fin = trace.sent_by("server", "FIN")[0]
    asked = next(p for p in trace.packets if b"/2" in p.payload)
    assert (fin.t < asked.t < fin.end) if when == "crossing" else (fin.end < asked.t)
    assert calls(trace, "server", "close")[0].t < asked.end
    assert trace.sent_by("server", "RST")
    assert not [c for c in trace.calls if c.host == "server" and b"/2".hex() in c.data]
    if when == "after":
        assert next(s for s in trace.states if s.host == "client" and s.state == "CLOSE_WAIT").t < again.t


def test_a_request_in_time(made):
    trace = made("keepalive_race", when="in_time")
    assert len(trace.sent_by("client", "SYN")) == 1
    assert len(data(trace, "server")) == 2


@pytest.mark.parametrize(("version", "trips"), [("1.3", 1), ("1.2", 2)])
def test_tls(made, version, trips):
    trace = made("tls_handshake", version=version)
    shaking, = calls(trace, "client", "SSL_do_handshake")
    inside = [p for p in data(trace, "server") if shaking.t < p.t < shaking.end]
    asked = [p for p in data(trace, "client") if shaking.t < p.t < shaking.end and inside and p.t < inside[-1].t]
    assert len(inside) >= trips
    assert turns(sorted(asked + inside, key=lambda p: p.t)) == 2 * trips - 1
    spoken, = calls(trace, "client", "SSL_write")
    carried = next(p for p in data(trace, "client") if p.t > spoken.t)
    assert bytes.fromhex(spoken.data).startswith(b"GET ")
    assert carried.length > spoken.size
    assert not [p for p in trace.packets if b"GET" in p.payload or b"hello" in p.payload]
    last = calls(trace, "server", "SSL_read")[-1]
    if trace.recorded or not ssl.create_default_context().options & getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0):
        assert last.errno
    else:  # Python 3.11.4 之前
        assert last.result == "b''"


@pytest.mark.parametrize("says", [True, False])
def test_nc(made, says):
    trace = made("nc_half_close", says=says)
    assert ([c.args for c in calls(trace, "client", "shutdown")][:1] == ["SHUT_WR"]) == says
    assert bool(trace.sent_by("client", "FIN")) == says
    assert [p.payload for p in data(trace, "server")] == [b"answer\n"] * says
    last = calls(trace, "server", "recv")[-1]
    assert last.result == "b''" if says else last.end is None
    assert bool(calls(trace, "client", "read", "recv")) == says


def test_a_narrow_cable_that_overflows(made):
    trace = made("narrow_cable", queue=5)
    lost = [p for p in trace.packets if p.fate == "overflow" and p.length]
    again = {p.seq: p for p in trace.packets if p.note == "retransmission" and p.end is not None}
    assert again[lost[0].seq].t > lost[0].t
    assert len(trace.sent_by("client", "SYN")) == 2


def test_a_narrow_cable_that_queues(made):
    trace = made("narrow_cable", queue=200)
    assert not [p for p in trace.packets if p.fate == "overflow"]
    longest = max(p.end - p.t for p in data(trace, "client"))
    assert longest > 1.5 * trace.cables[0].delay


@pytest.mark.parametrize("who", ["getent", "python"])
@pytest.mark.parametrize(("asked", "known"), [("www.example.org", True), ("nobody.example.org", False)])
def test_dns(made, who, asked, known):
    trace = made("dns_lookup", who=who, asked=asked)
    assert len(calls(trace, "client", "sendmmsg")) == len(calls(trace, "client", "socket")) == 1
    questions, answers = data(trace, "client"), data(trace, "dns")
    assert [p.payload[-4:] for p in questions] == [b"\0\x01\0\x01", b"\0\x1c\0\x01"]  # A、AAAA；IN
    assert [answer.length - question.length for question, answer in zip(questions, answers, strict=True)] == [16 * known, 0]


def test_c_and_python_ask_the_same(made):
    assert made("dns_lookup", who="getent").canonical() == made("dns_lookup", who="python").canonical()


# ---------------------------------------------------------------- 缺了程序

def test_a_missing_program_leaves_the_recording_and_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "PLACES", ())
    told = payload("nginx_curl", {})
    assert (told["live"], told["label"]) == (False, "录制")
    assert told["note"].endswith("这里没有 strace、nginx、curl，放的是录制。装着它们的 Linux 上，看到的是现场。")
    apt = tmp_path / "apt-get"
    apt.touch(0o755)
    with pytest.raises(Unavailable, match=r"。补救：sudo apt install strace netcat-openbsd。$"):
        experiments.get("nc_half_close").run()


# ---------------------------------------------------------------- 页

def test_every_one_is_on_the_page_and_says_what_it_needs():
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    shown = [(cells[place - 1], cell) for place, cell in enumerate(cells) if "explorer(\"" in "".join(cell["source"])]
    assert len(shown) == len(NAMES) >= 8
    for before, cell in shown:
        name, = (name for name in NAMES if f'explorer("{name}")' in "".join(cell["source"]))
        needs = set(experiments.get(name).programs) - {"strace"}
        assert all(f"`{program}`" in "".join(before["source"]) for program in needs)


@pytest.mark.parametrize("name", NAMES)
def test_it_compares_packets_only(name):
    assert experiments.get(name).compares in ("packets", "kinds")
    trace = experiments.recording(name)
    assert trace.settings["compares"] == experiments.get(name).compares
