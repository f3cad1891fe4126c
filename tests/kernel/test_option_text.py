"""选项在轨迹里的样子：有名字，结构拆成字段；仪器自己的读数不在其中。"""

from __future__ import annotations

import struct
from socket import (
    AF_INET,
    IP_ADD_MEMBERSHIP,
    IPPROTO_IP,
    IPPROTO_TCP,
    SO_BINDTODEVICE,
    SO_LINGER,
    SO_RCVTIMEO,
    SOCK_DGRAM,
    SOL_SOCKET,
    TCP_INFO,
    inet_aton,
)

import pytest

from sockscope.live.option_text import option_name, structured


def told(net, name):
    return [(c.args, c.result) for c in net.trace.calls if c.name == name]


@pytest.mark.parametrize(("option", "value", "words"), [
    (SO_LINGER, struct.pack("ii", 1, 5), "{l_onoff=1, l_linger=5}"),
    (SO_RCVTIMEO, struct.pack("ll", 2, 500_000), "{tv_sec=2, tv_usec=500000}"),
    (SO_BINDTODEVICE, b"lo\0", "b'lo'"),
], ids=["linger", "timeval", "word"])
def test_a_structure_is_taken_apart_on_the_way_in_and_out(net, option, value, words):
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    sock.setsockopt(SOL_SOCKET, option, value)
    assert sock.getsockopt(SOL_SOCKET, option, 16).startswith(value)
    name = option_name(SOL_SOCKET, option)
    assert told(net, "setsockopt") == [(f"{name}, {words}", None)]
    assert told(net, "getsockopt") == [(name, words)]


def test_tcp_info_is_a_call_when_the_program_asks(net, connection):
    near, _ = connection
    assert told(net, "getsockopt") == []  # 仪器读过许多次，一次也不算
    near.getsockopt(IPPROTO_TCP, TCP_INFO, 104)
    assert told(net, "getsockopt") == [("TCP_INFO", "struct tcp_info（104 字节）")]


def test_what_python_does_not_name_is_named():
    assert option_name(IPPROTO_IP, 10) == "IP_MTU_DISCOVER"
    assert option_name(SOL_SOCKET, 9999) == f"{SOL_SOCKET}, 9999"


def test_numbers_and_odd_lengths_are_left_as_they_are():
    assert structured(SOL_SOCKET, SO_LINGER, 1) is None
    assert structured(SOL_SOCKET, SO_LINGER, b"abc") is None


def test_a_membership_is_two_addresses(net):
    sock = net.client.socket(AF_INET, SOCK_DGRAM)
    sock.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, inet_aton("239.7.7.7") + inet_aton(net.client.address))
    assert told(net, "setsockopt") == [("IP_ADD_MEMBERSHIP, 239.7.7.7, 10.0.0.1", None)]


def test_what_python_does_not_name_has_its_name(net):
    net.client.socket(AF_INET, SOCK_DGRAM).setsockopt(SOL_SOCKET, 40, 1)
    assert told(net, "setsockopt") == [("SO_RXQ_OVFL, 1", None)]
