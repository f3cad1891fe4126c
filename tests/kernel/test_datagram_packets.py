"""数据报在网线上的样子：分片、没凑齐的报告、组成员报告，都叫得出名字。"""

from __future__ import annotations

import socket

import pytest

from sockscope.render.labels import caption, packet_kind


@pytest.fixture
def ends(net):
    """没有连接的一对 UDP 套接字：``(客户端的, 服务器的)``。"""
    far = net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.bind((net.server.address, 7007))
    return net.client.socket(socket.AF_INET, socket.SOCK_DGRAM), far


def test_a_large_datagram_travels_in_fragments(net, ends):
    near, far = ends
    near.sendto(bytes(4000), far.getsockname())
    net.settle()
    assert [p.info for p in net.trace.packets] == ["fragment 0+1480", "fragment 1480+1480", "fragment 2960+1048"]
    assert {packet_kind(p) for p in net.trace.packets} == {"datagram"}
    assert caption(net.trace.packets[1]).text == "分片 1480+1480"


def test_the_receiver_reports_fragments_that_never_came(net, ends):
    near, far = ends
    net.server.sysctl("ipfrag_time", 1)
    net.cable.drop(n=2)
    near.sendto(bytes(4000), far.getsockname())
    while not net.trace.sent_by("server"):  # 内核的定时器，一秒
        net.settle()
    assert caption(net.trace.packets[-1]).text == "分片没有凑齐"


def test_joining_a_group_is_reported(net, ends):
    net.server.sysctl("ipv4/conf/eth0/igmpv3_unsolicited_report_interval", 10**9)  # 第二遍推到十几天以后，毫秒
    membership = socket.inet_aton("239.7.7.7") + socket.inet_aton(net.server.address)
    ends[1].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    while not net.trace.packets:  # 内核过一瞬才报告
        net.settle()
    (report,) = net.trace.packets
    assert (report.protocol, caption(report).text) == ("igmp", "组成员报告")
