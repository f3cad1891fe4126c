"""放 Unix 域套接字文件的文件夹：TMPDIR 再深、umask 再严，主人总进得去，名字总放得下。"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile

import pytest

from sockscope.live import Network, Unavailable, folder

ASK = """
import os, socket
from sockscope import Network
os.umask(0o777)
with Network("client", "server", capture="loopback") as net:
    door = net.server.socket(socket.AF_UNIX)
    door.bind(net.folder + "x" * (107 - len(net.folder)))
    print(os.stat(net.folder).st_mode & 0o777 == 0o700, net.trace.calls[-1].args.count("/"))
"""


def test_deep_and_foreign_temporary_folders(tmp_path):
    """太长的，和一个字不止一个字节的，都换一个地方；轨迹里也看不出换过。"""
    for name in ("d" * 87, "临时 文件夹"):
        deep = tmp_path / name
        deep.mkdir()
        done = subprocess.run([sys.executable, "-c", ASK], env=os.environ | {"TMPDIR": str(deep)}, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("True 0\n", "")


def test_the_folder_is_where_tmpdir_says_if_it_can_be(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        with Network("client", "server", capture="loopback") as net:
            assert net.folder.startswith(short + "/sockscope-")
            assert os.path.isdir(net.folder)
        assert os.listdir(short) == []


def test_no_place_at_all(monkeypatch):
    monkeypatch.setattr(folder, "PLACES", ("/nowhere",))
    monkeypatch.setattr(tempfile, "tempdir", "/" + "d" * 87)
    with Network("client", "server", capture="loopback") as net, pytest.raises(Unavailable) as said:
        net.server.socket(socket.AF_UNIX).bind(net.folder + "door")
    assert str(said.value).startswith(f"没有地方放 Unix 域的套接字文件：/{'d' * 87}、/nowhere 要么太长，要么写不进去。补救：")


# ---------------------------------------------------------------- 没有主人的

MAKE = """
import os, signal, sys, tempfile
from sockscope.live.compiler import _folder
from sockscope.live.folder import new_folder
print(_folder(), new_folder(tempfile.gettempdir()), flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def older(path: str) -> None:
    """把一个文件夹的时间拨回去：太新的不扫。"""
    os.utime(path, (0, 0))


def test_what_a_killed_process_left_is_swept_by_the_next_and_nothing_else(tmp_path, monkeypatch):
    """kill -9 的留下的，扫掉；还有主人的、刚建的、别人起的名字，都不动。"""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", MAKE]
    for name in ("sockscope-new_____", "sockscope-notours"):
        (tmp_path / name).mkdir()
    older(str(tmp_path / "sockscope-notours"))
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        made = [path.rstrip("/") for path in owner.stdout.readline().split()]
        for path in made:
            older(path)
        folder.sweep.cache_clear()
        folder.sweep(str(tmp_path))
        assert all(os.path.isdir(path) for path in made), "它们有主人"
        owner.stdin.write("\n")
        owner.stdin.close()
        assert owner.wait() == -9
    assert all(os.path.isdir(path) for path in made)
    folder.sweep.cache_clear()
    with folder.temporary(str(tmp_path)) as mine:
        assert sorted(os.listdir(tmp_path)) == sorted(["sockscope-new_____", "sockscope-notours", os.path.basename(mine)])
    assert not os.path.exists(mine)
