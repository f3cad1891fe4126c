"""网络与主机：读者在笔记本里见到的两个名字。

    with Network("client", "server", delay=0.01) as net:
        sock = net.client.socket()
        ...
    net.trace

几台主机按次序用网线串成一排，中间的都是路由器。首选有抓包的网线；机器不许，就退到环回地址上的普通套接字
（``net.capture == "loopback"``），再不行抛 ``Unavailable``，它的消息说明缺什么、怎样补上。
"""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import socket
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sockscope import trace as tr
from sockscope.live import stock
from sockscope.live.cable import Cable, End, Wires
from sockscope.live.capability import Unavailable, capability
from sockscope.live.decode import addresses
from sockscope.live.forge import NETLINK_SOCK_DIAG
from sockscope.live.journal import Journal
from sockscope.live.namespace import Namespace
from sockscope.live.plan import Plan
from sockscope.live.process import Process, Program
from sockscope.live.socket import FOLDER, TracedSocket, give_birth
from sockscope.live.states import Diag, Flow, Reading, Watch, endpoint
from sockscope.live.worker import Worker, is_stuck, wake

__all__ = ["Host", "Network"]

TITLES = {"client": "客户端", "server": "服务器", "router": "路由器", "peer": "对端"}
PATIENCE = 10.0  # 退出时等后台线程的上限，秒
GLANCE = 0.0005  # 等线程睡着时多久看一眼，秒
START = 1.0  # spawn 等后台线程做到第一个阻塞调用的上限，秒


class Host:
    """一台主机。``address``、``address6`` 是它（第一个网口）的 IPv4、IPv6 地址；``addresses`` 是全部。"""

    def __init__(self, network: Network, name: str, addresses: list[str]) -> None:
        self.network, self.name, self.addresses = network, name, addresses
        self.title = TITLES.get(name, name)
        self.journal = network.journal
        self.namespace: Namespace | None = None
        self.watch = Watch(None, self.report)
        self.born: list[TracedSocket] = []
        self.labels = 0
        self.powerless = False

    @property
    def address(self) -> str:
        return next(a for a in self.addresses if ":" not in a)

    @property
    def address6(self) -> str:
        return next(a for a in self.addresses if ":" in a)

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address}>"

    # ------------------------------------------------------------ 读者用的

    def socket(self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, proto: int = 0) -> TracedSocket:
        """在这台主机上新建套接字，参数同 ``socket.socket``。内核拒绝则抛它给的 ``OSError``。"""
        if self.network.births:
            return give_birth(self, family, type, proto)
        return TracedSocket(self, family, type, proto, self.new_fd(family, type, proto))

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

    def spawn(self, function: Callable[..., Any], *args: Any) -> threading.Thread:
        """在后台线程里运行 ``function(*args)``，等它做到第一个会阻塞的调用（如 accept）再返回。

        所以 ``spawn`` 之后可以放心地 connect，不必猜服务器起来没有。它抛出的异常在网络关闭时重新抛出。
        """
        return self.network.spawn(function, *args)

    def process(self, *sockets: TracedSocket) -> Process:
        """把这些套接字交给一个新进程，自己不再持有：像 fork 之后父进程关掉了它们。"""
        return Process(self, sockets)

    def program(self, *argv: str) -> Program:
        """在这台主机上运行一个程序（比如编译好的 C），像 ``subprocess.Popen``。"""
        return Program(self, argv)

    def route(self, dst: str, kind: str = "unicast", gateway: str = "") -> None:
        """加一条路由。``kind``：unicast（要 gateway）、unreachable、prohibit、blackhole（ip-route(8)）。"""
        self.require_namespace().request("route", dst=dst, kind=kind, gateway=gateway)

    def sysctl(self, name: str, value: object) -> None:
        """改这台主机自己的内核参数，如 ``tcp_syn_retries``（tcp(7)）。不许改则抛 ``OSError``。"""
        path = name if "/" in name else f"ipv4/{name}"
        self.require_namespace().request("sysctl", name=path, value=str(value), must=True)

    def reboot(self) -> None:
        """断电重启：同样的地址，内核里却什么连接都不记得了。旧主机的套接字不再通向任何地方。"""
        self.network.reboot(self)

    # ------------------------------------------------------------ 仪器用的

    def next_label(self) -> str:
        self.labels += 1
        return f"s{self.labels}"

    def adopt(self, sock: TracedSocket) -> None:
        self.born.append(sock)
        if sock.type == socket.SOCK_STREAM and sock.family in (socket.AF_INET, socket.AF_INET6):
            self.watch.adopt(sock)

    def release(self, sock: TracedSocket) -> int:
        if sock in self.born:
            self.born.remove(sock)
        return self.watch.release(sock)

    def see(self, raw: bytes, arriving: bool) -> None:
        """网线的报告：一个包离开或到达了本机。"""
        ends = addresses(raw) if self.watch.may_change(raw) else None
        if ends is None:
            return
        source, target = ends
        local, peer = (target, source) if arriving else (source, target)
        if local[0] in self.addresses:
            self.watch.see(local, peer)

    def report(self, flow: Flow, reading: Reading) -> None:
        self.journal.note(tr.State(
            t=self.journal.now(), host=self.name, socket=flow.label, local=endpoint(flow.local),
            peer=endpoint(flow.peer) if flow.peer[1] else "", state=reading.state, origin=reading.origin,
            receive_queue=reading.receive_queue, send_queue=reading.send_queue))

    def new_fd(self, family: int, type: int, proto: int) -> int:
        """新套接字的描述符，生在本机的命名空间里。"""
        if self.network.closed:
            raise ValueError("这个网络已经关闭，不能再新建套接字；请重新运行 with Network(...) 那一格。")
        if self.namespace is not None:
            return self.namespace.socket(family, type, proto, self.powerless)
        return socket.socket(family, type, proto).detach()

    def before_connect(self, sock: TracedSocket, address: Any) -> None:
        """环回地址上，连接之前先绑到本机的地址，免得内核替大家都选 127.0.0.1。"""
        if self.namespace is None and sock.family == socket.AF_INET and sock.getsockname() == ("0.0.0.0", 0):
            with suppress(OSError):
                socket.socket.bind(sock, (self.address, 0))

    def require_namespace(self) -> Namespace:
        if self.namespace is None:
            raise Unavailable("这一步需要自己的命名空间，而现在用的是环回地址。" + capability().remedy)
        return self.namespace


class Network:
    """几台主机和它们之间的网线。``delay``（秒）等参数给每根网线，之后可在 ``net.cables[i]`` 上单独改。

    ``delayed_ack=False`` 叫内核不推迟确认（路由属性 quickack），实验因此不受 40 毫秒定时器的运气左右；
    ``rto_min``（秒）抬高重传定时器的下限，机器太忙时不致无故重传；0 为内核缺省的 0.2。
    ``capture``：``"cable"`` 要有抓包的网线，``"loopback"`` 要环回地址，缺省是能有多好就多好
    （环境变量 ``SOCKSCOPE_CAPTURE`` 可以代为指定）。造不出来抛 ``Unavailable``。
    ``births`` 叫 ``socket()`` 这次调用本身也进轨迹。主机按名字取：``net.client``、``net.server``；也可以 ``net["client"]``。
    """

    def __init__(self, *names: str, delay: float = 0.0, seed: int = 0, delayed_ack: bool = True,
                 rto_min: float = 0.0, capture: str = "", title: str = "", births: bool = False) -> None:
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("网络至少要两台名字不同的主机。")
        self.title, self.births = title, births
        self._folder = ""
        self.journal = Journal()
        allowed = capability(capture)
        if allowed.level == "recording":
            raise Unavailable(allowed.sentence)
        self.capture = allowed.level
        self.wires: Wires | None = None
        self.threads: list[Worker] = []
        self.processes: list[Process | Program] = []
        self.closed = False
        self._names, self._delay, self._seed = names, delay, seed
        self._plans = Plan.row(len(names), not delayed_ack, rto_min)
        self._retired: list[Namespace] = []
        self.hosts: dict[str, Host] = {}
        _alive.add(self)
        build = self._lay_cables if self.capture == "cable" else self._use_loopback
        try:
            build()
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------ 建造

    def _lay_cables(self) -> None:
        for name, plan in zip(self._names, self._plans, strict=True):
            host = self.hosts[name] = Host(self, name, plan.addresses)
            host.plan = plan
            host.namespace = stock.take(plan)
        import scapy.layers.inet
        import scapy.layers.inet6  # noqa: F401
        for host in self.hosts.values():
            host.namespace.ready()
            host.watch.diag = Diag(host.namespace.diag)
        self.journal.origin += self.journal.now()
        self.wires = Wires(self.journal.now, self.act, self.abort)
        row = list(self.hosts.values())
        for i, (left, right) in enumerate(itertools.pairwise(row)):
            ends = (End(left.name, left.namespace.tuns[-1], left.see),
                    End(right.name, right.namespace.tuns[0], right.see))
            self.wires.add(Cable(i, self.wires, ends, delay=self._delay, seed=self._seed))
        self.wires.start()

    def _use_loopback(self) -> None:
        block = os.getpid() % 200 + 20, next(_counter) % 250 + 1
        for i, name in enumerate(self._names):
            address = f"127.{block[0]}.{block[1]}.{i + 1}" if sys.platform == "linux" else "127.0.0.1"
            host = self.hosts[name] = Host(self, name, [address, "::1"])
            host.watch.diag = _loopback_diag()

    def reboot(self, host: Host) -> None:
        """见 ``Host.reboot``。"""
        host.require_namespace()
        self._retired.append(host.namespace)
        fresh = host.plan.build().ready()
        host.watch.restart(Diag(fresh.diag))
        host.namespace = fresh
        row = list(self.hosts.values())
        place = row.index(host)
        for cable, side, tun in ((place, 0, fresh.tuns[-1]), (place - 1, 1, fresh.tuns[0])):
            if 0 <= cable < len(self.cables):
                self.wires.attach(self.cables[cable], side, End(host.name, tun, host.see))
        self.act(host.name, "reboot")
        host.watch.sample()

    # ------------------------------------------------------------ 读者用的

    @property
    def cables(self) -> list[Cable]:
        """从左到右的网线；没有抓包时为空。"""
        return self.wires.cables if self.wires else []

    @property
    def cable(self) -> Cable:
        """第一根网线。没有抓包时抛 ``Unavailable``。"""
        if not self.cables:
            raise Unavailable("这一步需要网线，而现在用的是环回地址。" + capability().remedy)
        return self.cables[0]

    @property
    def folder(self) -> str:
        """放 Unix 域套接字文件的临时文件夹，以 ``/`` 结尾，用到才建，网络关闭时删去。轨迹里不写它，只写文件名。"""
        if not self._folder:
            self._folder = tempfile.mkdtemp(prefix=FOLDER) + "/"
        return self._folder

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def __getattr__(self, name: str) -> Host:
        try:
            return self.__dict__["hosts"][name]
        except KeyError:
            raise AttributeError(f"这个网络里没有叫 {name!r} 的主机。") from None

    def spawn(self, function: Callable[..., Any], *args: Any) -> threading.Thread:
        """见 ``Host.spawn``。"""
        worker = Worker(self, function, args)
        self.threads.append(worker)
        worker.start()
        deadline = time.monotonic() + START
        while not (worker.done or worker.name in self._stuck_threads()) and time.monotonic() < deadline:
            with self.journal.changed:  # 记下了调用还不算，要等线程真的睡进内核
                self.journal.changed.wait(GLANCE)
        return worker

    def settle(self) -> bool:
        """等到大家都静下来：路上没有包，后台线程不是做完了就是阻塞着。等不到（``PATIENCE`` 秒）则返回 False。"""
        deadline = time.monotonic() + PATIENCE
        while not self._nothing_more():
            if time.monotonic() > deadline:
                return False
            with self.journal.changed:  # 线程睡着时没有人通知，所以隔一会儿再看
                self.journal.changed.wait(GLANCE)
        return True

    @property
    def trace(self) -> tr.Trace:
        """到此刻为止的轨迹。实验进行中也可以看：还没返回的调用 ``end`` 为 None。"""
        journal = self.journal
        packets = self.wires.packets() if self.wires else []
        return tr.Trace(
            title=self.title, capture=self.capture, kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            hosts=[tr.Host(name=h.name, title=h.title, addresses=h.addresses) for h in self.hosts.values()],
            cables=[tr.Cable(ends=[e.host for e in c.ends], delay=round(c.delay * 1e9)) for c in self.cables],
            events=tr.in_order([*(e.call for e in journal.calls), *journal.others, *packets]))

    # ------------------------------------------------------------ 收工

    def __enter__(self) -> Network:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, _traceback: Any) -> None:
        try:
            if error is None and not self.closed:
                self._finish()
        finally:
            self.close()
        for source in (self.wires, *self.threads):
            if source is not None and source.error is not None:
                raise source.error from error

    def _finish(self) -> None:
        """等后台线程做完它们还能做的事，再等网线安静。"""
        finished = self.settle()
        for host in self.hosts.values():
            host.watch.sample()
        if not finished:
            names = "、".join(w.name for w in self.threads if not w.done)
            raise TimeoutError(f"后台线程 {names} 过了 {PATIENCE:.0f} 秒还没有做完，实验到此为止。")

    def _nothing_more(self) -> bool:
        """线程都停着，网线安静，之后线程仍停着，而且这期间谁也没有动过。"""
        turns = self.journal.turns
        return (self._idle_threads() and self._idle_wires() and self._idle_threads()
                and turns == self.journal.turns)

    def _idle_wires(self) -> bool:
        return self.wires.settle(PATIENCE) if self.wires else True

    def _idle_threads(self) -> bool:
        """每个线程都已结束，或停在一个没有超时、网线安静以后也不会返回的调用上。"""
        stuck = self._stuck_threads()
        return all(w.done or w.name in stuck for w in self.threads)

    def _stuck_threads(self) -> set[str]:
        return {e.call.thread for e in self.journal.open_calls() if is_stuck(e)}

    def abort(self) -> None:
        """后台线程出了错：记录到此为止，叫醒所有还在等的人。"""
        self.journal.freeze()
        for host in self.hosts.values():
            host.watch.resting = True
            for sock in list(host.born):
                wake(sock)

    def close(self) -> None:
        """收工：叫醒还阻塞着的线程，关掉全部套接字、网线和主机。可以重复调用，不会阻塞。"""
        if self.closed:
            return
        self.closed = True
        if self.wires is not None:
            self.wires.freeze()
        self.abort()  # 先停笔：收工时杀死的进程也会说再见，那不属于实验
        for process in self.processes:
            process.close()
        for worker in self.threads:
            worker.join(1.0)
        for host in self.hosts.values():
            for sock in list(host.born):
                sock.close()
        if self.wires is not None:
            self.wires.stop()
        elif self.hosts:
            for host in self.hosts.values():
                if host.watch.diag:
                    host.watch.diag.sock.close()
        for namespace in self._namespaces():
            namespace.close()
        if self._folder:
            shutil.rmtree(self._folder)

    def disown(self) -> None:
        """在 fork 出来的子进程里：网络属于父进程。放下描述符，换掉可能锁着的锁；套接字留着，像平常的 fork。"""
        self.closed = True
        self.journal.changed = threading.Condition()
        self.journal.frozen = True
        for host in self.hosts.values():
            host.watch = Watch(None, host.report)
        for holder in (*self.processes, *filter(None, [self.wires])):
            holder.forget()
        self.wires = None
        for namespace in self._namespaces():
            namespace.close()

    def _namespaces(self) -> list[Namespace]:
        return [h.namespace for h in self.hosts.values() if h.namespace] + self._retired

    def act(self, where: str, name: str, detail: str = "") -> None:
        self.journal.note(tr.Action(t=self.journal.now(), where=where, name=name, detail=detail))


_counter = itertools.count()
_alive: weakref.WeakSet[Network] = weakref.WeakSet()


def _disown_all() -> None:
    for network in list(_alive):
        if not network.closed:
            network.disown()


os.register_at_fork(after_in_child=_disown_all)


def _loopback_diag() -> Diag | None:
    if sys.platform != "linux":
        return None
    return Diag(socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG))
