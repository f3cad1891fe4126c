"""控制消息在轨迹里有名字，内容只写每次都一样的部分。"""

from __future__ import annotations

import socket
from socket import AF_INET, IPPROTO_IP, SOCK_DGRAM, SOL_SOCKET

import pytest

from sockscope.live.ancillary import control_text

ENABLE = {"IP_TTL": (IPPROTO_IP, 12), "IP_TOS": (IPPROTO_IP, 13), "IP_PKTINFO": (IPPROTO_IP, 8),
          "SCM_TIMESTAMPNS": (SOL_SOCKET, 35)}


@pytest.mark.parametrize(("name", "content"), [
    ("IP_TTL", " 64"), ("IP_TOS", " 0"), ("SCM_TIMESTAMPNS", ""),
    ("IP_PKTINFO", " 10.0.0.2")], ids=lambda x: x.strip())
def test_what_comes_with_a_datagram_is_named(net, name, content):
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, 7007))
    far.setsockopt(*ENABLE[name], 1)
    near.sendto(b"x", far.getsockname())
    far.recvmsg(8, 128)
    assert f", [{name}{content}], " in net.trace.calls[-1].result


def test_what_is_sent_along_is_named(net):
    near = net.client.socket(AF_INET, SOCK_DGRAM)
    near.sendmsg([b"x"], [(IPPROTO_IP, socket.IP_TTL, (3).to_bytes(4, "little"))], 0, (net.server.address, 7007))
    assert net.trace.calls[-1].args.startswith("[b'x'], [IP_TTL 3], ")


def test_a_source_that_is_chosen_is_not_the_target():
    assert control_text(IPPROTO_IP, 8, bytes(4) + socket.inet_aton("10.0.1.1") + bytes(4)) == "IP_PKTINFO spec_dst 10.0.1.1"


def test_an_error_says_who_reported_it(net):
    near = net.client.socket(AF_INET, SOCK_DGRAM)
    near.setsockopt(IPPROTO_IP, 11, 1)  # IP_RECVERR
    near.sendto(b"x", (net.server.address, 7007))
    net.settle()
    near.recvmsg(8, 128, socket.MSG_ERRQUEUE)
    assert "[IP_RECVERR ECONNREFUSED, ICMP 3/3, 10.0.0.2]" in net.trace.calls[-1].result


def test_a_maimed_message_has_only_its_name():
    assert control_text(IPPROTO_IP, 8, b"\1\2") == "IP_PKTINFO"


def test_an_unknown_message_has_no_text():
    assert control_text(99, 99, b"") == ""


def test_a_scattered_read_shows_what_went_where(net):
    far, near = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    far.bind((net.server.address, 7007))
    near.sendto(b"headbo", far.getsockname())
    buffers = [bytearray(4), bytearray(4), bytearray(4)]
    assert far.recvmsg_into(buffers)[0] == 6
    assert buffers == [b"head", b"bo\0\0", bytes(4)]
    call = net.trace.calls[-1]
    assert call.args == "[4, 4, 4]"
    assert call.result.startswith("[b'head', b'bo', b''], [], 0, ")
    assert call.size == 6
