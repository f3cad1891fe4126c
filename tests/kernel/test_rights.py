"""辅助数据在轨迹里：描述符说得出它指着谁，身份拆成三个字段；没有特权的 connect() 看文件的写权限。"""

from __future__ import annotations

import os
import socket
import tempfile

import pytest

from sockscope import Trace


@pytest.fixture
def ends(net):
    """服务器上连好的两个 Unix 域套接字。"""
    listener, near = net.server.socket(socket.AF_UNIX), net.server.socket(socket.AF_UNIX)
    listener.bind(net.folder + "door")
    listener.listen()
    near.connect(net.folder + "door")
    return near, listener.accept()[0]


def calls(trace: Trace, name: str) -> list[str]:
    return [c.result if name.startswith("recv") else c.args for c in trace.calls if c.name == name]


def passed(net, ends, *fds: int) -> list[int]:
    near, far = ends
    socket.send_fds(near, [b"take"], fds)
    return socket.recv_fds(far, 64, len(fds))[1]


def test_a_passed_socket_is_named_on_both_ends(net, ends, connection):
    (fd,) = passed(net, ends, connection[1].fileno())
    assert calls(net.trace, "sendmsg")[-1] == "[b'take'], [SCM_RIGHTS s5]"
    assert calls(net.trace, "recvmsg")[-1].startswith("b'take', [SCM_RIGHTS s5], ")
    os.close(fd)


def test_it_keeps_its_name_when_the_sender_has_closed_it(net, ends, connection):
    near, far = ends
    socket.send_fds(near, [b"take"], [connection[1].fileno()])
    connection[1].close()
    (fd,) = socket.recv_fds(far, 64, 1)[1]
    assert "[SCM_RIGHTS s5]" in calls(net.trace, "recvmsg")[-1]
    os.close(fd)


def test_somebody_elses_socket_says_whose_it_is(net, ends, connection):
    (fd,) = passed(net, ends, connection[0].fileno())
    assert calls(net.trace, "sendmsg")[-1] == "[b'take'], [SCM_RIGHTS 客户端的 s1]"
    os.close(fd)


def test_other_things_say_what_they_are(net, ends):
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as file:
        for fd in passed(net, ends, reader, file.fileno()):
            os.close(fd)
    assert calls(net.trace, "sendmsg")[-1] == "[b'take'], [SCM_RIGHTS 管道 文件]"
    os.close(reader)
    os.close(writer)


def test_the_peer_has_three_numbers(net, ends):
    ends[1].getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    assert net.trace.calls[-1].result == f"{{pid={os.getpid()}, uid={os.getuid()}, gid={os.getgid()}}}"


def test_without_privilege_a_file_that_forbids_writing_forbids_connecting(net, ends):
    stranger = net.server.socket(socket.AF_UNIX)
    os.chmod(net.folder + "door", 0o444)
    with net.server.unprivileged(), pytest.raises(PermissionError):
        stranger.connect(net.folder + "door")
    assert net.trace.calls[-1].errno == "EACCES"
    os.chmod(net.folder + "door", 0o666)
    with net.server.unprivileged():
        stranger.connect(net.folder + "door")
    assert net.trace.calls[-1].errno is None
