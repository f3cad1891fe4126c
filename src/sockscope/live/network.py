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
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from sockscope import trace as tr
from sockscope.live.cable import Cable, End, Wires
from sockscope.live.capability import Unavailable, capability
from sockscope.live.decode import addresses
from sockscope.live.forge import NETLINK_SOCK_DIAG
from sockscope.live.journal import Entry, Journal
from sockscope.live.namespace import Namespace
from sockscope.live.socket import TracedSocket
from sockscope.live.states import Diag, Flow, Reading, Watch, endpoint

__all__ = ["Host", "Network", "Process"]

TITLES = {"client": "客户端", "server": "服务器", "router": "路由器", "peer": "对端"}
SYSCTL = {
    "ipv6/conf/default/router_solicitations": "0",  # 新网口不必四处打听路由器
    "ipv4/icmp_ratelimit": "0",  # 每个错误都要看得见
    "ipv4/conf/default/rp_filter": "0",
}
ROUTER = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}
PATIENCE = 10.0  # 退出时等后台线程的上限，秒
START = 1.0  # spawn 等后台线程做到第一个阻塞调用的上限，秒


class Host:
    """一台主机。``address``、``address6`` 是它（第一个网口）的 IPv4、IPv6 地址；``addresses`` 是全部。"""

    def __init__(self, network: Network, name: str, addresses: list[str]) -> None:
        self.network, self.name, self.addresses = network, name, addresses
        self.title = TITLES.get(name, name)
        self.journal = network.journal
        self.namespace: Namespace | None = None
        self.watch = Watch(None, self._report)
        self.born: list[TracedSocket] = []
        self.labels = 0

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
        return TracedSocket(self, family, type, proto, self._new_fd(family, type, proto))

    def spawn(self, function: Callable[..., Any], *args: Any) -> threading.Thread:
        """在后台线程里运行 ``function(*args)``，等它做到第一个会阻塞的调用（如 accept）再返回。

        所以 ``spawn`` 之后可以放心地 connect，不必猜服务器起来没有。它抛出的异常在网络关闭时重新抛出。
        """
        return self.network.spawn(function, *args)

    def process(self, *sockets: TracedSocket) -> Process:
        """把这些套接字交给一个新进程，自己不再持有：像 fork 之后父进程关掉了它们。"""
        process = Process(self, sockets)
        self.network.processes.append(process)
        return process

    def route(self, dst: str, kind: str = "unicast", gateway: str = "") -> None:
        """加一条路由。``kind``：unicast（要 gateway）、unreachable、prohibit、blackhole（ip-route(8)）。"""
        self._require_namespace().request("route", dst=dst, kind=kind, gateway=gateway)

    def sysctl(self, name: str, value: object) -> None:
        """改这台主机自己的内核参数，如 ``tcp_syn_retries``（tcp(7)）。不许改则抛 ``OSError``。"""
        path = name if "/" in name else f"ipv4/{name}"
        self._require_namespace().request("sysctl", name=path, value=str(value), must=True)

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
        ends = addresses(raw)
        if ends is None:
            return
        source, target = ends
        local, peer = (target, source) if arriving else (source, target)
        if local[0] in self.addresses:
            self.watch.see(local, peer)

    def _report(self, flow: Flow, reading: Reading) -> None:
        self.journal.note(tr.State(
            t=self.journal.now(), host=self.name, socket=flow.label, local=endpoint(flow.local),
            peer=endpoint(flow.peer) if flow.peer[1] else "", state=reading.state, origin=reading.origin,
            receive_queue=reading.receive_queue, send_queue=reading.send_queue))

    def _new_fd(self, family: int, type: int, proto: int) -> int:
        if self.network.closed:
            raise ValueError("这个网络已经关闭，不能再新建套接字；请重新运行 with Network(...) 那一格。")
        if self.namespace is not None:
            return self.namespace.socket(family, type, proto)
        return socket.socket(family, type, proto).detach()

    def before_connect(self, sock: TracedSocket, address: Any) -> None:
        """环回地址上，连接之前先绑到本机的地址，免得内核替大家都选 127.0.0.1。"""
        if self.namespace is None and sock.family == socket.AF_INET and sock.getsockname() == ("0.0.0.0", 0):
            with suppress(OSError):
                socket.socket.bind(sock, (self.address, 0))

    def _require_namespace(self) -> Namespace:
        if self.namespace is None:
            raise Unavailable("这一步需要自己的命名空间，而现在用的是环回地址。" + capability().remedy)
        return self.namespace


class Process:
    """一个只拿着几个套接字的进程。``kill()`` 之后，它的描述符由内核逐个关闭。"""

    def __init__(self, host: Host, sockets: tuple[TracedSocket, ...]) -> None:
        self.host = host
        message, _ = host._require_namespace().request("hold", [s.fileno() for s in sockets])
        self.pid: int = message["pid"]
        self.exit = os.pidfd_open(self.pid)
        for sock in sockets:
            host.network._act(host.name, "process", sock.label)
            os.close(host.release(sock))

    def kill(self) -> None:
        """kill -9，并等到它真的死了。"""
        host = self.host
        host.network._act(host.name, "kill", "SIGKILL")
        signal.pidfd_send_signal(self.exit, signal.SIGKILL)
        select.select([self.exit], [], [])
        os.close(self.exit)
        self.exit = -1
        host.watch.sample()

    def close(self) -> None:
        if self.exit >= 0:
            signal.pidfd_send_signal(self.exit, signal.SIGKILL)
            os.close(self.exit)
            self.exit = -1


class Network:
    """几台主机和它们之间的网线。``delay``（秒）等参数给每根网线，之后可在 ``net.cables[i]`` 上单独改。

    ``delayed_ack=False`` 叫内核不推迟确认（路由属性 quickack），实验因此不受 40 毫秒定时器的运气左右。
    ``capture``：``"cable"`` 要有抓包的网线，``"loopback"`` 要环回地址，缺省是能有多好就多好
    （环境变量 ``SOCKSCOPE_CAPTURE`` 可以代为指定）。造不出来抛 ``Unavailable``。
    主机按名字取：``net.client``、``net.server``；也可以 ``net["client"]``。
    """

    def __init__(self, *names: str, delay: float = 0.0, seed: int = 0, delayed_ack: bool = True,
                 capture: str = "", title: str = "") -> None:
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("网络至少要两台名字不同的主机。")
        self.title = title
        self.journal = Journal()
        self.capture = capability(capture or os.environ.get("SOCKSCOPE_CAPTURE", "")).level
        if self.capture == "recording":
            raise Unavailable(capability().sentence)
        self.wires: Wires | None = None
        self.threads: list[_Worker] = []
        self.processes: list[Process] = []
        self.closed = False
        self._names, self._delay, self._seed, self._quickack = names, delay, seed, not delayed_ack
        self._retired: list[Namespace] = []
        self.hosts: dict[str, Host] = {}
        build = self._lay_cables if self.capture == "cable" else self._use_loopback
        try:
            build()
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------ 建造

    def _lay_cables(self) -> None:
        plans = [_Plan(i, len(self._names), self._quickack) for i in range(len(self._names))]
        for name, plan in zip(self._names, plans, strict=True):
            host = self.hosts[name] = Host(self, name, plan.addresses)
            host.plan = plan
            host.namespace = plan.build()
        import scapy.layers.inet  # noqa: F401  工坊造主机时，这边先把解码器装好
        import scapy.layers.inet6  # noqa: F401
        for host in self.hosts.values():
            host.namespace.ready()
            host.watch.diag = Diag(host.namespace.diag)
        self.journal.origin += self.journal.now()
        self.wires = Wires(self.journal.now, self._act)
        row = list(self.hosts.values())
        for i, (left, right) in enumerate(zip(row, row[1:], strict=False)):
            ends = (End(left.name, left.namespace.tuns[-1], left.see), End(right.name, right.namespace.tuns[0], right.see))
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
        host._require_namespace()
        self._retired.append(host.namespace)
        fresh = host.plan.build().ready()
        host.watch.flows.clear()
        host.watch.diag = Diag(fresh.diag)
        host.namespace = fresh
        row = list(self.hosts.values())
        place = row.index(host)
        for cable, side, tun in ((place, 0, fresh.tuns[-1]), (place - 1, 1, fresh.tuns[0])):
            if 0 <= cable < len(self.cables):
                self.wires.attach(self.cables[cable], side, End(host.name, tun, host.see))
        self._act(host.name, "reboot")

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

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def __getattr__(self, name: str) -> Host:
        try:
            return self.__dict__["hosts"][name]
        except KeyError:
            raise AttributeError(f"这个网络里没有叫 {name!r} 的主机。") from None

    def spawn(self, function: Callable[..., Any], *args: Any) -> threading.Thread:
        """见 ``Host.spawn``。"""
        worker = _Worker(self, function, args)
        self.threads.append(worker)
        worker.start()
        with self.journal.changed:
            self.journal.changed.wait_for(lambda: worker.done or worker.name in self._stuck_threads(), START)
        return worker

    def settle(self) -> bool:
        """等到大家都静下来：路上没有包，后台线程不是做完了就是阻塞着。等不到（``PATIENCE`` 秒）则返回 False。"""
        with self.journal.changed:
            return self.journal.changed.wait_for(self._nothing_more, PATIENCE)

    @property
    def trace(self) -> tr.Trace:
        """到此刻为止的轨迹。实验进行中也可以看：还没返回的调用 ``end`` 为 None。"""
        journal = self.journal
        packets = self._packets if self.closed else self._packets_now()
        return tr.Trace(
            title=self.title, capture=self.capture, kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            hosts=[tr.Host(name=h.name, title=h.title, addresses=h.addresses) for h in self.hosts.values()],
            cables=[tr.Cable(ends=[e.host for e in c.ends], delay=round(self._delay * 1e9)) for c in self.cables],
            events=tr.in_order([*(e.call for e in journal.calls), *journal.others, *packets]))

    # ------------------------------------------------------------ 收工

    def __enter__(self) -> Network:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, _traceback: Any) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self.close()
        for worker in self.threads:
            if worker.error is not None:
                raise worker.error from error

    def _finish(self) -> None:
        """等后台线程做完它们还能做的事，再等网线安静。"""
        finished = self.settle()
        for host in self.hosts.values():
            host.watch.sample()
        if not finished:
            names = "、".join(w.name for w in self.threads if not w.done)
            raise TimeoutError(f"后台线程 {names} 过了 {PATIENCE:.0f} 秒还没有做完，实验到此为止。")

    def _nothing_more(self) -> bool:
        """每个线程都已结束，或停在一个没有超时、网线安静以后也不会返回的调用上。"""
        return self._idle_threads() and self._idle_wires() and self._idle_threads()

    def _idle_wires(self) -> bool:
        return self.wires.settle(PATIENCE) if self.wires else True

    def _idle_threads(self) -> bool:
        stuck = self._stuck_threads()
        return all(w.done or w.name in stuck for w in self.threads)

    def _stuck_threads(self) -> set[str]:
        return {e.call.thread for e in self.journal.open_calls() if _is_stuck(e)}

    def abort(self) -> None:
        """后台线程出了错：记录到此为止，叫醒所有还在等的人。"""
        self.journal.freeze()
        for host in self.hosts.values():
            for sock in list(host.born):
                _wake(sock)

    def close(self) -> None:
        """收工：叫醒还阻塞着的线程，关掉全部套接字、网线和主机。可以重复调用，不会阻塞。"""
        if self.closed:
            return
        self._packets = self._packets_now()
        self.closed = True
        for process in self.processes:
            process.close()
        self.abort()
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
        for namespace in [h.namespace for h in self.hosts.values() if h.namespace] + self._retired:
            namespace.close()

    def _packets_now(self) -> list[tr.Packet]:
        return self.wires.packets() if self.wires else []

    def _act(self, where: str, name: str, detail: str = "") -> None:
        self.journal.note(tr.Action(t=self.journal.now(), where=where, name=name, detail=detail))


# ---------------------------------------------------------------- 内部零件

_counter = itertools.count()


class _Plan:
    """一排 ``count`` 台主机中第 ``place`` 台的网口与路由。第 i 根网线是 10.0.i.0/24 和 fd00:0:0:i::/64。"""

    def __init__(self, place: int, count: int, quickack: bool) -> None:
        self.interfaces, self.routes, self.sysctl = [], [], dict(SYSCTL)
        last = count - 1
        for cable, side in ((place - 1, 2), (place, 1)):
            if 0 <= cable < last:
                self.interfaces.append({"name": f"eth{len(self.interfaces)}", "quickack": quickack, "addresses": [
                    (f"10.0.{cable}.{side}", 24), (str(ip_address(f"fd00:0:0:{cable}::{side}")), 64)]})
        if 0 < place < last:
            self.sysctl |= ROUTER
        if count > 2 and place == 0:
            self._via("0.0.0.0/0", "::/0", 0, 2)
        elif count > 2 and place == last:
            self._via("0.0.0.0/0", "::/0", last - 1, 1)
        else:
            for other in (*range(place - 1), *range(place + 1, last)):
                nearer, side = (place - 1, 1) if other < place else (place, 2)
                self._via(f"10.0.{other}.0/24", f"fd00:0:0:{other}::/64", nearer, side)

    def _via(self, dst: str, dst6: str, cable: int, side: int) -> None:
        """经第 ``cable`` 根网线 ``side`` 那一端的邻居去 ``dst`` 和 ``dst6``。"""
        self.routes.append({"kind": "unicast", "dst": dst, "gateway": f"10.0.{cable}.{side}"})
        self.routes.append({"kind": "unicast", "dst": dst6, "gateway": f"fd00:0:0:{cable}::{side}"})

    @property
    def addresses(self) -> list[str]:
        return [address for port in self.interfaces for address, _ in port["addresses"]]

    def build(self) -> Namespace:
        return Namespace(self.interfaces, self.routes, self.sysctl)


class _Worker(threading.Thread):
    """一个后台线程。异常记在 ``error`` 里，并叫醒大家：免得主线程苦等一个已经不在的对端。"""

    def __init__(self, network: Network, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        name = function.__name__
        taken = sum(1 for w in network.threads if w.name.rstrip("0123456789") == name)
        super().__init__(name=f"{name}{taken + 1}" if taken else name, daemon=True)
        self.network, self.function, self.args = network, function, args
        self.error: BaseException | None = None
        self.done = False

    def run(self) -> None:
        try:
            self.function(*self.args)
        except BaseException as error:
            if not self.network.journal.frozen:
                self.error = error
                self.network.abort()
        finally:
            with self.network.journal.changed:
                self.done = True
                self.network.journal.changed.notify_all()


def _is_stuck(entry: Entry) -> bool:
    """这次调用会不会自己返回：没有超时，而且内核说描述符还没准备好。"""
    sock: Any = entry.socket
    if entry.timeout or sock.fileno() < 0:
        return False
    reading = entry.call.name.startswith(("recv", "accept"))
    writing = entry.call.name.startswith(("send", "connect"))
    if not (reading or writing):
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN if reading else select.POLLOUT)
    return not poll.poll(0)


def _wake(sock: TracedSocket) -> None:
    """叫醒阻塞在这个套接字上的线程：shutdown(2) 对没有连接的套接字也会叫醒，只是再报一个 ENOTCONN。"""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _loopback_diag() -> Diag | None:
    if sys.platform != "linux":
        return None
    return Diag(socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG))
