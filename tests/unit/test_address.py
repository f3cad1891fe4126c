"""地址与字节：ctypes 排出的内存与内核给的一字不差，编了能解，看不懂的只有一句话。"""

from __future__ import annotations

import ctypes
import socket

import pytest

from sockscope.live import sockaddr as address

TEXTS = ["10.0.0.2:7007", "0.0.0.0:0", "[fd00::2]:7007", "[fe80::1%2]:80", "[::ffff:10.0.0.1]:7", "/tmp/x.sock", "@x", ""]


@pytest.mark.parametrize("text", TEXTS)
def test_encode_and_decode_are_inverse(text):
    assert address.decode(address.encode(text)) == text
    assert address.encode(address.encode(text).hex()) == address.encode(text)


@pytest.mark.parametrize(("text", "family"), [("127.0.0.1:0", socket.AF_INET), ("@sockscope-test", socket.AF_UNIX)])
def test_the_kernel_gives_the_same_bytes_back(text, family):
    libc = ctypes.CDLL(None, use_errno=True)
    raw, length = address.encode(text), ctypes.c_uint32(128)
    given = ctypes.create_string_buffer(128)
    with socket.socket(family) as sock:
        assert libc.bind(sock.fileno(), raw, len(raw)) == 0
        assert libc.getsockname(sock.fileno(), given, ctypes.byref(length)) == 0
    got = given.raw[:length.value]
    assert got[:2] + got[4:] == raw[:2] + raw[4:] if family == socket.AF_INET else got == raw


def test_both_byte_orders_live_in_one_structure():
    family, port, *_ = address.fields(address.encode("10.0.0.2:7007"))
    assert family.raw == socket.AF_INET.to_bytes(2, "little" if "小端" in family.order else "big")
    assert (port.raw, port.order) == (bytes.fromhex("1b5f"), "网络字节序（大端）")


def test_the_sizes_are_those_of_the_headers():
    assert [ctypes.sizeof(s) for s in (address.sockaddr, address.sockaddr_in, address.sockaddr_in6,
                                       address.sockaddr_un, address.sockaddr_storage)] == [16, 16, 28, 110, 128]


@pytest.mark.parametrize("text", ["example.org:80", "10.0.0.2:70000", "10.0.0.2:x", "[fe80::1%eth0]:1", "/" + "x" * 108])
def test_what_cannot_be_read_is_one_sentence(text):
    with pytest.raises(ValueError, match=r"。$"):
        address.encode(text)


@pytest.mark.parametrize("raw", ["02", "0200", "ffff0000", "0200" + "00" * 15])
def test_bytes_that_are_no_address_are_one_sentence(raw):
    with pytest.raises(ValueError, match=r"。$"):
        address.fields(bytes.fromhex(raw))
