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
