"""命令行：写错了只得到一句中文，没有回溯；看不懂的命令退出码 2，做不到的 1。"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from sockscope import places
from sockscope.__main__ import main
from sockscope.live import Capability

BAD = [  # 命令行，那句话里必须有的
    (["run", "nothing"], "没有叫 'nothing' 的实验"),
    (["run", "closing", "how"], "参数 how 不能取 ''"),
    (["run", "closing", "how=leave"], "参数 how 不能取 'leave'；可取：'close'"),
    (["run", "closing", "=x"], "没有参数 ''"),
    (["run", "closing", "unread=2"], "参数 unread 不能取 '2'"),
    (["run", "closing", "colour=red"], "没有参数 'colour'"),
    (["run", "closing", "--pcap", "/nowhere/at/all.pcap"], "/nowhere/at/all.pcap"),
    (["run"], "--help"),
    (["dance"], "--help"),
    ([], "--help"),
    (["run", "closing", "--colour"], "--help"),
    (["record", "nothing"], "录制"),
    (["record", "closing"], "录制要能抓包"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_input_gets_one_sentence(arguments, said, capsys, monkeypatch):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "recording")
    try:
        code = main(arguments)
    except SystemExit as leaving:  # 看不懂的命令行由 argparse 退出
        code = leaving.code
    shown = capsys.readouterr().err
    assert code == (2 if said == "--help" else 1)
    assert said in shown
    assert shown.count("\n") == 1, shown
    assert re.search(r"[一-鿿]", shown)


def test_recording_into_a_place_that_takes_nothing(capsys, monkeypatch, tmp_path):
    """装好的包在 root 的文件夹里，普通用户录不进去。"""
    monkeypatch.setattr("sockscope.__main__.capability", lambda: Capability("cable"))
    monkeypatch.setattr(places, "recordings", lambda: tmp_path / "nowhere")
    assert main(["record", "handshake"]) == 1
    assert capsys.readouterr().err == f"录制要写进 {tmp_path / 'nowhere'}，而这里写不进去；请在本书的仓库里录制。\n"


def test_from_outside_too():
    command = [sys.executable, "-m", "sockscope", "run", "qqqq"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SOCKSCOPE_CAPTURE": "recording"})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("没有叫 'qqqq' 的实验；有：")
    assert "Traceback" not in done.stderr


def test_recording_in_the_terminal(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "recording")
    assert main(["run", "closing", "how=SHUT_WR", "duplicate=1", "--pcap", str(tmp_path / "one.pcap")]) == 0
    shown = capsys.readouterr().out
    assert "录制" in shown
    assert "FIN" in shown
    assert (tmp_path / "one.pcap").stat().st_size > 24


def test_machine_says_what_one_will_see(capsys, monkeypatch):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "recording")
    assert main(["machine"]) == 0
    assert capsys.readouterr().out.startswith("录制。")


def test_interrupting_is_not_an_error_to_explain(capsys, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt
    monkeypatch.setattr("sockscope.experiments.Experiment.observe", lambda self, **_: interrupted())
    assert main(["run", "closing"]) == 130
    assert capsys.readouterr().err == ""
