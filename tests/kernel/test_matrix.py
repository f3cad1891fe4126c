"""矩阵改过的机器一定改回来：正常结束、出错、Ctrl + C、``kill -9`` 都一样。全在自己的网络命名空间里试，碰不到机器的参数。"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench import quarantine
from bench.matrix import summary
from bench.matrix.situations import SITUATIONS, Situation

ROOT = Path(__file__).parents[2]
SETTING = "net/ipv4/tcp_rmem"
ODD = "4095 77777 7777777"
CHANGE = f"""
import sys
from bench.matrix import guard
with guard.changed({{{SETTING!r}: {ODD!r}}}):
    print(guard.read({SETTING!r}), flush=True)
    how = sys.argv[1]
    if how == "raises":
        raise SystemExit(3)
    if how != "ends":
        sys.stdin.read()
"""
# 在隔离里：记下原值，改，照 how 结束；看守也握着标准输出，所以读到尽头就是它也走了
SCENE = f"""
import json, os, signal, subprocess, sys
from bench.matrix import guard
before, how = guard.read({SETTING!r}), sys.argv[1]
changer = subprocess.Popen([sys.executable, "-c", {CHANGE!r}, how], stdin=subprocess.PIPE, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
during = changer.stdout.readline().strip()
if how.startswith("SIG"):
    changer.send_signal(getattr(signal, how))
changer.stderr.read()
changer.wait()
print(json.dumps([before, during, guard.read({SETTING!r})]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ends", "raises", "SIGINT", "SIGTERM", "SIGKILL"])
def test_what_was_changed_is_put_back_however_it_ends(how):
    done = subprocess.run(quarantine.quarantined(sys.executable, "-c", SCENE, how), cwd=ROOT, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    before, during, after = json.loads(done.stdout)
    assert during == ODD
    assert before != ODD
    assert after == before


@pytest.mark.slow
def test_a_setting_that_the_machine_refuses_is_a_sentence_and_the_others_go_back():
    code = ("from bench import Untested; from bench.matrix import guard\n"
            "before = guard.read('net/ipv4/tcp_sack')\n"
            "try:\n"
            "    with guard.changed({'net/ipv4/tcp_sack': '0', 'net/ipv4/tcp_congestion_control': 'nobody'}): pass\n"
            "except Untested as why: print(why)\n"
            "print(guard.read('net/ipv4/tcp_sack') == before)\n")
    done = subprocess.run(quarantine.quarantined(sys.executable, "-c", code), cwd=ROOT, text=True, capture_output=True)
    says, same = done.stdout.strip().split("\n")
    assert "tcp_congestion_control 不能改成 nobody" in says
    assert same == "True"


def test_every_situation_has_its_own_name_and_sentence():
    names = [situation.name for situation in SITUATIONS]
    assert len(names) == len(set(names)) >= 25
    assert all(situation.title for situation in SITUATIONS)


def test_a_difference_counts_unless_its_reason_is_written():
    report = {"cells": {"chapters/05_closing.ipynb": {"a": {"verdict": "same"}, "b": {"verdict": "different", "says": "不同"}}},
              "experiments": {"closing": {"k": {"verdict": "impossible", "says": "做不了"}}}}
    assert summary.failures(Situation("x", "x"), report) == ["05_closing b：不同", "closing k：做不了"]
    assert summary.failures(Situation("x", "x", lacks=True, finds={"05_closing b": "缘故"}), report) == []


def test_an_unknown_situation_is_one_sentence():
    done = subprocess.run([sys.executable, "-m", "bench.matrix", "--only", "moon"], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 2
    assert "没有这样的机器：moon" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_difference_that_does_not_come_again_is_luck_and_not_the_kernel():
    code = ("from bench.matrix.worker import confirmed\nfrom sockscope.cells.my_kernel import Finding\n"
            "if __name__ == '__main__':\n"
            "    [found] = confirmed([Finding('experiments', 'closed_port', '1', 'different', '编的')], 2)\n"
            "    print(found.says)\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout.strip() == "时有时无：编的", done.stderr


def test_only_what_differed_is_done_again_and_the_table_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(summary, "WHOLE", tmp_path / "matrix.json")
    situation = Situation("x", "x")
    same, other = {"verdict": "same"}, {"verdict": "different", "says": "不同"}
    whole = {"kernel": "Linux", "python": "3", "capture": "cable",
             "cells": {"chapters/05_closing.ipynb": {"a": other}, "chapters/06_heartbeat.ipynb": {"b": same}},
             "experiments": {"closing": {"k": other}, "orphan": {"k": same}}}
    summary.keep(situation, whole)
    assert summary.differing(situation) == (["chapters/05_closing.ipynb"], ["closing"])
    mended = {"cells": {"chapters/05_closing.ipynb": {"a": same}}, "experiments": {"closing": {"k": same}}}
    summary.amend(situation, {**whole, **mended})
    assert summary.differing(situation) == ([], [])
    told = summary.load(summary.WHOLE)["x"]
    assert (told["says"], told["again"]) == ([], ["05_closing", "closing"])
    assert set(told["failures"].values()) == {0}
