"""读懂 strace 的一行：一张表，左边是它写的，右边是我们说的。不要 strace，也不要特权。"""

from __future__ import annotations

import random

import pytest

from sockscope.live.strace_text import Bytes, Change, Fd, Line, Made, lines, parse, returned
from sockscope.live.syscalls import describe
from sockscope.live.watching import Registered, describe_wait

LABELS = {11: "s1", 12: "s2", 13: "s3"}


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode("latin-1"))


def fd(number: int, inode: int) -> str:
    return f"{number}<{hexed(f'socket:[{inode}]')}>"


def quoted(text: str) -> str:
    return f'"{hexed(text)}"'


def label(found: Fd) -> str:
    return LABELS.get(found.inode, "")


ONE, TWO, NEW = fd(3, 11), fd(4, 12), fd(5, 13)
HERE = f'{{sa_family=AF_INET, sin_port=htons(7), sin_addr=inet_addr({quoted("10.0.0.2")})}}'
SIX = (f'{{sa_family=AF_INET6, sin6_port=htons(7), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, {quoted("fd00::2")}, &sin6_addr), '
       'sin6_scope_id=0}')
IOV = f'[{{iov_base={quoted("ab")}, iov_len=2}}, {{iov_base={quoted("c")}, iov_len=1}}]'
HEADER = f"{{msg_name={HERE}, msg_namelen=16, msg_iov={IOV}, msg_iovlen=2, msg_controllen=0, msg_flags=0}}"
RIGHTS = ("{msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=" + quoted("x") + ", iov_len=9}], msg_iovlen=1, msg_control="
          f"[{{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[{ONE}]}}], msg_controllen=24, "
          "msg_flags=MSG_CMSG_CLOEXEC}")
CONTROL = ("{msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=" + quoted("x") + ", iov_len=9}], msg_iovlen=1, msg_control=["
           "{cmsg_len=32, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMP_OLD, cmsg_data={tv_sec=1, tv_usec=2}}, "
           "{cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}, {cmsg_len=28, cmsg_level=SOL_IP, "
           f"cmsg_type=IP_PKTINFO, cmsg_data={{ipi_ifindex=if_nametoindex({quoted('eth0')}), ipi_spec_dst=inet_addr("
           f"{quoted('10.0.0.2')}), ipi_addr=inet_addr({quoted('10.0.0.1')})}}}}], msg_controllen=80, msg_flags=0}}")
TABLE = [
    (f"socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {ONE} <0.000000001>", "socket(AF_INET, SOCK_STREAM) → s1"),
    (f"socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = {ONE} <0.000000001>",
     "socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) → s1"),
    (f"accept4({ONE}, {HERE}, [16], SOCK_CLOEXEC) = {TWO} <0.000000001>", "accept(SOCK_CLOEXEC) → s2, ('10.0.0.2', 7)"),
    (f"accept({ONE}, NULL, NULL) = {TWO} <0.000000001>", "accept() → s2"),
    (f"accept({ONE}, 0x7ffc, [16]) = -1 EAGAIN (Resource temporarily unavailable) <0.000000001>", "accept() → EAGAIN"),
    (f"connect({ONE}, {SIX}, 28) = -1 EINPROGRESS (Operation now in progress) <0.000000001>",
     "connect(('fd00::2', 7, 0, 0)) → EINPROGRESS"),
    (f"connect({ONE}, {{sa_family=AF_UNIX, sun_path={quoted('/run/x')}}}, 110) = 0 <0.000000001>", "connect('/run/x') → None"),
    (f"bind({ONE}, {{sa_family=AF_UNIX, sun_path=@{quoted('x')}}}, 4) = 0 <0.000000001>", "bind(b'\\x00x') → None"),
    (f"getsockname({ONE}, {HERE}, [128 => 16]) = 0 <0.000000001>", "getsockname() → ('10.0.0.2', 7)"),
    (f"sendto({ONE}, {quoted('hi')}, 2, MSG_NOSIGNAL, NULL, 0) = 2 <0.000000001>", "send(b'hi', MSG_NOSIGNAL) → 2"),
    (f"sendto({ONE}, {quoted('hi')}, 2, 0, {HERE}, 16) = 2 <0.000000001>", "sendto(b'hi', ('10.0.0.2', 7)) → 2"),
    (f"recvfrom({ONE}, {quoted('hi')}, 100, 0, {HERE}, [128 => 16]) = 2 <0.000000001>", "recvfrom(100) → b'hi', ('10.0.0.2', 7)"),
    (f"recvfrom({ONE}, {quoted('')}, 100, MSG_PEEK, NULL, NULL) = 0 <0.000000001>", "recv(100, MSG_PEEK) → b''"),
    (f"read({ONE}, {quoted('x' * 256)}..., 8192) = 1000 <0.000000001>", "read(8192) → b'xxxxxxxxxxxx'…（1000 字节）"),
    (f"writev({ONE}, {IOV}, 2) = 3 <0.000000001>", "writev([b'ab', b'c']) → 3"),
    (f"sendmsg({ONE}, {HEADER}, 0) = 3 <0.000000001>", "sendmsg([b'ab', b'c'], ('10.0.0.2', 7)) → 3"),
    (f"recvmsg({TWO}, {RIGHTS}, MSG_CMSG_CLOEXEC) = 1 <0.000000001>",
     "recvmsg(9, MSG_CMSG_CLOEXEC) → b'x', [SCM_RIGHTS s1], MSG_CMSG_CLOEXEC, None"),
    (f"recvmsg({TWO}, {CONTROL}, 0) = 1 <0.000000001>",
     "recvmsg(9) → b'x', [SCM_TIMESTAMP, IP_TTL 64, IP_PKTINFO 10.0.0.1, spec_dst 10.0.0.2], 0, None"),
    (f"sendmmsg({ONE}, [{{msg_hdr={HEADER}, msg_len=3}}, {{msg_hdr={HEADER}, msg_len=3}}], 2, 0) = 2 <0.000000001>",
     "sendmmsg([[b'ab', b'c'], [b'ab', b'c']]) → 2"),
    (f"sendfile({ONE}, 9<{hexed('/etc/hosts')}>, [0] => [10], 10) = 10 <0.000000001>", "sendfile('/etc/hosts', 0, 10) → 10"),
    (f"setsockopt({ONE}, SOL_TCP, TCP_NODELAY, [1], 4) = 0 <0.000000001>", "setsockopt(TCP_NODELAY, 1) → None"),
    (f"setsockopt({ONE}, SOL_SOCKET, SO_RCVTIMEO_OLD, {quoted(chr(1) + chr(0) * 15)}, 16) = 0 <0.000000001>",
     "setsockopt(SO_RCVTIMEO, {tv_sec=1, tv_usec=0}) → None"),
    (f"setsockopt({ONE}, SOL_TCP, 0x1e /* TCP_??? */, [1], 4) = 0 <0.000000001>", "setsockopt(TCP_FASTOPEN_CONNECT, 1) → None"),
    (f"getsockopt({ONE}, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0 <0.000000001>", "getsockopt(SO_ERROR) → ECONNREFUSED"),
    (f"shutdown({ONE}, SHUT_WR) = 0 <0.000000001>", "shutdown(SHUT_WR) → None"),
    (f"close({ONE}) = 0 <0.000000001>", "close() → None"),
    (f"fcntl({ONE}, F_SETFL, O_RDWR|O_NONBLOCK) = 0 <0.000000001>", "fcntl(F_SETFL, O_RDWR|O_NONBLOCK) → None"),
    (f"fcntl({ONE}, F_DUPFD_CLOEXEC, 0) = {fd(9, 11)} <0.000000001>", "dup() → s1"),
    (f"ioctl({ONE}, FIONBIO, [1]) = 0 <0.000000001>", "ioctl(FIONBIO, 1) → None"),
    (f"poll([{{fd={ONE}, events=POLLIN|POLLOUT}}, {{fd=0<{hexed('/dev/null')}>, events=POLLIN}}], 2, 500) = 1 "
     "([{fd=3, revents=POLLOUT}]) <0.000000001>", "poll([s1 POLLIN|POLLOUT], 500) → [s1 POLLOUT]"),
    (f"poll([{{fd={ONE}, events=POLLIN}}], 1, -1) = 0 (Timeout) <0.000000001>", "poll([s1 POLLIN]) → []"),
    (f"ppoll([{{fd={ONE}, events=POLLIN}}], 1, {{tv_sec=0, tv_nsec=250000000}}, NULL, 8) = 0 (Timeout) <0.000000001>",
     "poll([s1 POLLIN], 250) → []"),
    (f"pselect6(5, [{ONE} {TWO}], [{ONE}], NULL, {{tv_sec=1, tv_nsec=500000000}}, NULL) = 1 "
     "(in [4], left {tv_sec=1, tv_nsec=0}) <0.000000001>", "select([s1, s2], [s1], [], 1.5) → [s2], [], []"),
    ("epoll_wait(9<" + hexed("anon_inode:[eventpoll]") + ">, [{events=EPOLLIN, data={u32=7, u64=7}}], 10, 100) = 1 <0.000000001>",
     "epoll_wait([s2 EPOLLIN|EPOLLET], 0.1) → [s2 EPOLLIN]"),
]


def epolls() -> Registered:
    registered = Registered()
    epoll = f"9<{hexed('anon_inode:[eventpoll]')}>"
    for target, event in ((ONE, "{events=EPOLLIN, data={u32=6, u64=6}}"), (TWO, "{events=EPOLLIN|EPOLLET, data={u32=7, u64=7}}")):
        registered.control(parse(f"{epoll}, EPOLL_CTL_ADD, {target}, {event}"))
    registered.control(parse(f"{epoll}, EPOLL_CTL_DEL, {ONE}, NULL"))
    return registered


def told(text: str) -> str:
    name, _, rest = text.partition("(")
    back = returned(rest)
    assert back is not None
    assert back.spent == 1
    found = describe_wait(name, parse(back.args), back, label, epolls()) if "poll" in name or "select" in name \
        else describe(name, parse(back.args), back, label)
    assert found is not None
    return f"{found.name}({found.args}) → {back.errno if back.value == '-1' else found.result}"


@pytest.mark.parametrize(("written", "said"), TABLE, ids=[said for _, said in TABLE])
def test_what_strace_writes_is_told_in_our_words(written, said):
    assert told(written) == said


@pytest.mark.parametrize(("written", "said"), TABLE, ids=[said for _, said in TABLE])
def test_what_is_half_written_is_never_an_error(written, said):
    """还阻塞着的调用，写到哪里都读得懂。"""
    name, _, rest = written.partition("(")
    for end in range(len(rest)):
        args = parse(rest[:end])
        if "poll" in name or "select" in name:
            describe_wait(name, args, None, label, epolls())
        else:
            describe(name, args, None, label)


def test_nothing_makes_the_reader_stumble():
    dice = random.Random(0)
    for _ in range(5000):
        text = "".join(dice.choices("ab01x{}[]()<>=,.\"\\ @?|&-\n", k=dice.randrange(40)))
        parse(text)
        returned(text)
        list(lines(text))


def test_values():
    assert parse(f'@{quoted("a")}, {quoted("b")}..., [1, 2], {{a=1, b=[2]}}, htons(80), [1 => 2], {ONE}, NULL') == [
        Bytes(b"a", abstract=True), Bytes(b"b", whole=False), ["1", "2"], {"a": "1", "b": ["2"]}, Made("htons", ["80"]),
        [Change("1", "2")], Fd(3, "socket:[11]"), "NULL"]


def test_lines():
    assert list(lines("12  5.000000007 close(3) = 0\nnoise\n13 6.000000001 read(3")) == [
        Line(12, 5_000_000_007, "close(3) = 0", True), Line(13, 6_000_000_001, "read(3", False)]


def test_a_descriptor_that_is_closed_leaves_every_epoll():
    registered = epolls()
    registered.closed(4)
    assert describe_wait("epoll_wait", parse(f"9<{hexed('anon_inode:[eventpoll]')}>, "), None, label, registered) is None
