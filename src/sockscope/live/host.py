"""主机：读者在它上面建套接字、起后台线程、改路由。它的内核状态由 ``Watch`` 盯着。"""

from __future__ import annotations

import _socket
import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_interface, ip_network
from subprocess import PIPE
from typing import TYPE_CHECKING, Any, TypeVarTuple
from weakref import WeakKeyDictionary

from sockscope import trace as tr
from sockscope.live import born, whereabouts
from sockscope.live.capability import NoDescriptors, NoIPv6, Unavailable, capability
from sockscope.live.decode import addresses
from sockscope.live.journal import Owner
from sockscope.live.lives import who
from sockscope.live.loopback import Loopback
from sockscope.live.namespace import Namespace
from sockscope.live.netconf import RTN, default_buffers, get_value
from sockscope.live.netfilter import REPLIES
from sockscope.live.plan import Plan, has_ipv6
from sockscope.live.process import Process, Program
from sockscope.live.queues import Queues
from sockscope.live.readiness import Readiness
from sockscope.live.register import alive
from sockscope.live.rights import inode
from sockscope.live.socket import TracedSocket
from sockscope.live.states import RAW, Flow, Reading, Watch, endpoint

if TYPE_CHECKING:
    from sockscope.live.network import Network

__all__ = ["TITLES", "Host"]

Args = TypeVarTuple("Args")
Socket = socket.socket
SHOWN = ("address", "address6", "addresses", "ethernet", "firewall", "masquerade", "name", "process", "program", "reboot",
         "route", "socket", "spawn", "sysctl", "title", "unprivileged", "watch_loopback")
TITLES = {"client": "客户端", "server": "服务器", "router": "路由器", "peer": "对端", "switch": "交换机", "nat": "NAT",
          "firewall": "防火墙", "proxy": "代理", "dns": "DNS 服务器", "dns1": "第一台 DNS", "dns2": "第二台 DNS"}


class Host:
    """一台主机。``address``、``address6`` 是它（第一个网口）的 IPv4、IPv6 地址；``addresses`` 是全部。"""

    def __init__(self, network: Network, name: str, addresses: list[str]) -> None:
        self.network, self.name, self.addresses = network, name, addresses
        self.title, self.hostname = TITLES.get(name, name), name
        self.journal = network.journal
        self.plan: Plan | None = None
        self.namespace: Namespace | None = None
        self.watch = Watch(None, self.report, who)
        self.readiness = Readiness(self.watch.lock, self.report_ready) if network.readiness else None
        self.queues = Queues(network.queues, self.watch.lock, self.report_queue) if network.queues else None
        self.watch.also = [also.look for also in (self.readiness, self.queues) if also]
        self.born: WeakKeyDictionary[Socket, None] = WeakKeyDictionary()
        self.kept: dict[Socket, None] = {}
        self.labels = 0
        self.loopback: Loopback | None = None
        self.powerless = False
        self.lans: list[str] = []

    @property
    def address(self) -> str:
        return next(a for a in self.addresses if ":" not in a)

    @property
    def address6(self) -> str:
        if not (found := [a for a in self.addresses if ":" in a]):
            raise NoIPv6
        return found[0]

    def __repr__(self) -> str:
        return f"<Host {self.name} {' '.join(self.addresses)}>"

    def __dir__(self) -> list[str]:
        """补全时只给读者用得着的。"""
        return list(SHOWN)

    # ------------------------------------------------------------ 读者用的

    def __enter__(self) -> Host:
        """``with net.client:`` 里面，不论谁写的程序，新建的套接字都生在这台主机上（``born.py``）。"""
        whereabouts.enter(self)
        return self

    def __exit__(self, *_error: object) -> None:
        whereabouts.leave(self)

    def socket(self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, proto: int = 0) -> TracedSocket:
        """在这台主机上新建套接字，参数同 ``socket.socket``。内核拒绝则抛它给的 ``OSError``。"""
        return born.give_birth(self, family, type, proto)

    @contextmanager
    def unprivileged(self) -> Iterator[None]:
        """在 with 里，本机的 ``socket()``、``bind()`` 和 ``connect()`` 由没有任何特权的进程来做（capabilities(7)）。

        无论读者是不是 root，低端口、原始套接字和没有写权限的套接字文件因此都会被拒绝。没有自己的命名空间时抛 ``Unavailable``。
        """
        self.require_namespace()
        self.powerless = True
        try:
            yield
        finally:
            self.powerless = False

    def spawn(self, function: Callable[[*Args], object], *args: *Args) -> threading.Thread:
        """在后台线程里运行 ``function(*args)``，等它做到第一个会阻塞的调用（如 accept）再返回。

        所以 ``spawn`` 之后可以放心地 connect，不必猜服务器起来没有。它抛出的异常在网络关闭时重新抛出。
        线程里和 ``with net.client:`` 里一样：别人写的程序新建的套接字，生在这台主机上。
        """
        return whereabouts.on(self, lambda: self.network.spawn(function, *args))

    def process(self, *sockets: TracedSocket) -> Process:
        """把这些套接字交给一个新进程，自己不再持有：像 fork 之后父进程关掉了它们。"""
        return Process(self, sockets)

    def program(self, *argv: Any, calls: bool = False, stdin: Any = PIPE, stdout: Any = PIPE, stderr: Any = PIPE,
                env: dict[str, str] | None = None, cwd: str | None = None, text: bool = False,
                encoding: str | None = None, errors: str | None = None) -> Program:
        """在这台主机上运行一个程序（curl、编译好的 C……），交出一个 ``subprocess.Popen``；参数也同它的。

        ``calls=True``：它和它的子进程对套接字做的系统调用也进轨迹。主机的名字在里面是认得的：``curl http://server/``。
        """
        return Program(self, argv, calls=calls, stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd=cwd, text=text,
                       encoding=encoding, errors=errors)

    def route(self, dst: str, kind: str = "unicast", gateway: str = "") -> None:
        """加一条路由。``kind``：unicast（要 gateway）、unreachable、prohibit、blackhole、throw（ip-route(8)）。

        种类不认得，或 ``dst`` 不是一个网段，抛 ``ValueError``；内核不肯则抛它给的 ``OSError``。
        """
        if kind not in RTN:
            raise ValueError(f"没有 {kind!r} 这种路由；有：{'、'.join(RTN)}。")
        ip_network(dst)  # 不是网段，就在这里说
        self.require_namespace().request("route", dst=dst, kind=kind, gateway=gateway)

    def masquerade(self, towards: str, ports: tuple[int, int] | None = None) -> None:
        """从此替别人出门：转发到 ``towards``（隔壁的主机或交换机）那一边的，源地址换成自己的（NAPT，RFC 2663 §4.1.2）。

        ``ports`` 是换上的端口从几到几（包括两端）；不给，尽量不换。用完了，新的连接它就不转发。不是端口抛 ``ValueError``。

        是内核自己的连接跟踪（``netfilter.py``）。一条连接安静多久就忘掉它，由 ``nf_conntrack_tcp_timeout_established`` 等决定，
        改法是 ``sysctl("netfilter/…", 秒)``；``nf_conntrack_tcp_loose`` 为 0 时，忘掉以后再来的包不转发。
        没有那根网线抛 ``ValueError``，内核没有 nf_tables 抛 ``Unavailable``。
        """
        if ports and not 1 <= ports[0] <= ports[1] <= 65535:
            raise ValueError(f"端口从几到几，要在 1 到 65535 之间，不能是 {ports!r}。")
        self._filter("masquerade", towards, ports=list(ports or ()))

    def firewall(self, inside: str, reject: bool | str = False) -> None:
        """从此是一道有状态的防火墙：``inside`` 那一边开的头和已有连接的包才放行；别的丢掉，``reject`` 则回一句。

        ``reject`` 为真是 ICMP 的“管理员禁止”；也可以是 ``"port"``（端口不可达，iptables 的 REJECT 缺省如此）、``"host"``、
        ``"net"``，或者 ``"reset"``：以服务器的名义回一个 RST。别的抛 ``ValueError``，其余的异常同 ``masquerade``。
        """
        reply = "prohibited" if reject is True else reject or ""
        if reply and reply not in REPLIES:
            raise ValueError(f"防火墙不会答 {reject!r}；可取：{'、'.join(REPLIES)}。")
        self._filter("firewall", inside, reply=reply)

    def ethernet(self, address: str) -> None:
        """添一个以太网的网口，地址如 ``10.8.0.1/24``；线插着，同一段上没有别的主机。

        仪器的网线上没有 ARP：包直接交给另一头。这个网口上有（``arp(7)``），所以看得到问不着邻居是什么样子。
        """
        place = ip_interface(address)
        self.require_namespace().request("ethernet", name=f"lan{len(self.lans)}", address=str(place.ip),
                                         prefix=place.network.prefixlen)
        self.lans.append(address)

    def _filter(self, do: str, neighbour: str, **options: Any) -> None:
        interface = self.network.topology.interface(self.name, neighbour)
        try:
            self.require_namespace().request(do, interface=interface, **options)
        except OSError as error:
            raise Unavailable(f"这个内核做不了（{error.strerror}）：它没有 nf_tables。补救：换一个有它的内核。") from None
        self.network.act(self.name, do, neighbour)

    def sysctl(self, name: str, value: object = None) -> str:
        """这台主机自己的内核参数，如 ``tcp_syn_retries``（tcp(7)）：给了 ``value`` 就改，返回它此刻的值。

        改过的写进轨迹的 ``settings``。不许改抛 ``OSError``；没有自己的命名空间时只能读，改则抛 ``Unavailable``；
        这个内核没有这一项（多半是版本不到），也抛 ``Unavailable``。
        """
        path = name if "/" in name else f"ipv4/{name}"
        if value is None and self.namespace is None:
            return get_value(path)
        asked: dict[str, Any] = {"name": path} | ({} if value is None else {"value": str(value)})
        try:
            message, _ = self.require_namespace().request("sysctl", **asked)
        except FileNotFoundError:
            raise Unavailable(f"这个内核没有 net.{path.replace('/', '.')} 这个参数。补救：换一个更新的内核。") from None
        if value is not None:
            self.network.settings[f"{self.name} {path}"] = str(value)
        found: str = message["value"]
        return found

    def watch_loopback(self) -> None:
        """从此这台主机自己的 127.0.0.1 也看得见：上面的两个程序在轨迹里分成两列，中间是 ``lo`` 上的包（``loopback.py``）。

        只看，不能推迟也不能丢；主机要在一排的头上或末尾，否则抛 ``ValueError``。
        """
        row = list(self.network.hosts)
        if self.name not in (row[0], row[-1]):
            raise ValueError("watch_loopback() 要用在一排的头一台或末一台主机上：中间的两边都有网线，画不下另一列。")
        self.loopback = self.loopback or Loopback(self)

    def reboot(self) -> None:
        """断电重启：同样的地址，内核里却什么连接都不记得了。旧主机的套接字不再通向任何地方。"""
        self.network.reboot(self)

    # ------------------------------------------------------------ 仪器用的

    def next_label(self) -> str:
        self.labels += 1
        return f"s{self.labels}"

    def register(self, fd: int, label: str = "", foreign: bool = False) -> str:
        """内核里的这个套接字是本机的；返回它的编号，没有给就取下一个。"""
        label = label or self.next_label()
        self.journal.sockets.setdefault(inode(fd), Owner(self.name, self.title, label, fd, foreign))
        return label

    def is_loose(self, fd: int) -> bool:
        """这个描述符没有套接字拿着：``detach()`` 放开了的。"""
        return all(sock.fileno() != fd for sock in alive(self.born))

    def adopt(self, sock: Socket, foreign: bool) -> None:
        self.born[sock] = None
        if not foreign:
            self.kept[sock] = None
        if sock.type == socket.SOCK_STREAM and sock.family in (socket.AF_INET, socket.AF_INET6):
            self.watch.adopt(sock)
            if self.queues:
                self.queues.adopt(sock)
        if self.readiness:
            self.readiness.adopt(sock)

    def release(self, sock: Socket) -> int:
        self.born.pop(sock, None)
        self.kept.pop(sock, None)
        if self.readiness:
            self.readiness.release(sock)
        if self.queues:
            self.queues.release(sock)
        return self.watch.release(sock)

    def see(self, raw: bytes, arriving: bool) -> None:
        """网线的报告：一个包离开或到达了本机。"""
        if not self.watch.may_change(raw):
            return
        ends = addresses(raw)
        if ends is None:  # 不是 TCP，但 ICMP 一到，正在连的就不连了
            self.watch.sample()
            return
        source, target = ends
        local, peer = (target, source) if arriving else (source, target)
        if local[0] in self.addresses or self.loopback is not None:
            self.watch.see(local, peer)

    def report(self, flow: Flow, reading: Reading) -> None:
        self.journal.note_state(tr.State(
            t=self.journal.now(), host=self.name, socket=flow.label, local=endpoint(flow.local),
            peer=endpoint(flow.peer) if flow.peer[1] else "", state=reading.state, origin=reading.origin,
            receive_queue=reading.receive_queue, send_queue=reading.send_queue), flow)

    def report_ready(self, label: str, mask: list[str] | None) -> None:
        self.journal.note(tr.Ready(t=self.journal.now(), host=self.name, socket=label, mask=mask))

    def report_queue(self, label: str, queue: str, size: int | None) -> None:
        self.journal.note(tr.Queue(t=self.journal.now(), host=self.name, socket=label, queue=queue, size=size))

    def new_fd(self, family: int, type: int, proto: int) -> int:
        """新套接字的描述符，生在本机的命名空间里。"""
        if self.network.elsewhere:
            raise ValueError("这是 fork 出来的子进程：网络在父进程里，这里不能再新建套接字；请在 fork 之前建好。")
        if self.network.closed:
            raise ValueError("这个网络已经关闭，不能再新建套接字；请重新运行 with Network(...) 那一格。")
        if family == socket.AF_INET6 and not has_ipv6():
            raise NoIPv6
        try:
            if self.namespace is not None:
                return self.namespace.socket(family, type, proto, self.powerless)
            return _socket.socket(family, type, proto).detach()
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise NoDescriptors from None
            raise

    def furnish(self, fd: int, family: int) -> None:
        """accept()、socketpair() 交出的 Unix 域套接字也是内核新造的：给它与别的一样的缓冲区。"""
        if self.plan is not None and family == socket.AF_UNIX and self.plan.buffer:
            sock = _socket.socket(fileno=fd)
            try:
                default_buffers(sock, self.plan.buffer)
            finally:
                sock.detach()

    def before_connect(self, sock: Socket, address: Any) -> None:
        """环回地址上，连接之前先绑到本机的地址，免得内核替大家都选 127.0.0.1。"""
        if self.namespace is None and sock.family == socket.AF_INET and RAW.getsockname(sock) == ("0.0.0.0", 0):
            with suppress(OSError):
                RAW.bind(sock, (self.address, 0))

    def require_namespace(self) -> Namespace:
        if self.namespace is None:
            raise Unavailable("这一步需要自己的命名空间，而现在用的是环回地址。" + capability().remedy)
        return self.namespace
