"""状态的两个边角：断电重启之后不再报告旧内核的事；绑好了还没有连的套接字没有状态可报。"""

from __future__ import annotations

from sockscope.live import Network
from sockscope.tcp import violations


def test_a_rebooted_host_reports_its_connections_gone_once(net, connection):
    near, _far = connection
    net.client.reboot()
    again = net.client.socket()
    again.bind(near.getsockname())
    again.connect((net.server.address, 7))
    net.settle()
    assert net.trace.states_of("client") == ["SYN_SENT", "ESTABLISHED", "CLOSE", "SYN_SENT", "ESTABLISHED"]
    assert violations(net.trace) == []


def test_a_bound_socket_has_no_state_before_it_connects():
    """别人的 SYN 撞上它绑的端口，也不等于它活过。"""
    with Network("client", "server", delay=0.001) as net:
        bound, caller = net.server.socket(), net.client.socket()
        bound.bind((net.server.address, 7))
        assert caller.connect_ex(bound.getsockname()) != 0
        net.settle()
    assert net.trace.states_of("server") == []
    assert violations(net.trace) == []
