"""线程睡在哪个描述符上：32 位 x86 的 socketcall(2) 把真的参数放在一个数组里。"""

from __future__ import annotations

import ctypes
import sys

import pytest

from sockscope.live import worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc 是 Linux 的")


def test_the_first_argument_is_in_the_call_itself():
    assert worker._first_argument(["45", "0x7", "0xffff"]) == 7


def test_socketcall_keeps_it_in_an_array(monkeypatch):
    monkeypatch.setattr(worker, "SOCKETCALL", 102)
    arguments = (ctypes.c_uint32 * 4)(9, 1, 2, 3)
    assert worker._first_argument(["102", "0xa", hex(ctypes.addressof(arguments))]) == 9
    assert worker._first_argument(["168", "0x7", "0xffff"]) == 7


def test_an_array_that_cannot_be_read_is_no_descriptor(monkeypatch):
    monkeypatch.setattr(worker, "SOCKETCALL", 102)
    assert worker._first_argument(["102", "0xa", "0x0"]) is None
