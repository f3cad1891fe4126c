"""网络：读者在笔记本里见到的第一个名字。

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
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVarTuple

from sockscope import trace as tr
from sockscope.live import settings as kernel_settings
from sockscope.live import stock
from sockscope.live.cable import FOREVER, Cable, End
from sockscope.live.capability import Unavailable, capability, explain
from sockscope.live.folder import new_folder, remove_folder
from sockscope.live.forge import NETLINK_SOCK_DIAG
from sockscope.live.host import Host
from sockscope.live.journal import Journal
from sockscope.live.linux import after_fork
from sockscope.live.loopback import Loopback, beside
from sockscope.live.namespace import Namespace, NamespaceError
from sockscope.live.offload import CHECKSUMS, SEGMENTS
from sockscope.live.pace import patience
from sockscope.live.plan import Plan, has_ipv6
from sockscope.live.process import Process, Program
from sockscope.live.states import PLAIN, Diag, Watch
from sockscope.live.strace import Tracing
from sockscope.live.waits import begin_watching, stop_watching
from sockscope.live.wires import Wires
from sockscope.live.worker import Worker, dozes, is_stuck, waits_unseen, wake

__all__ = ["Network"]

Args = TypeVarTuple("Args")
PATIENCE = 10.0  # 退出时等后台线程的上限，秒
GLANCE = 0.0005  # 等线程睡着时多久看一眼，秒
PAUSE = 0.005  # 等重传定时器时多久看一眼，秒
SHOWN = ("cable", "cables", "capture", "close", "folder", "hosts", "settings", "settle", "spawn", "title", "trace")
START = 1.0  # 等后台线程做到第一个阻塞调用、收工时等它结束的上限，秒


class Network:
    """几台主机和它们之间的网线。``delay``（秒）等参数给每根网线，之后可在 ``net.cables[i]`` 上单独改。

    ``delayed_ack=False`` 叫内核不推迟确认（路由属性 quickack），实验因此不受 40 毫秒定时器的运气左右；
    ``rto_min``（秒）抬高重传定时器的下限（经路由器的路也算），机器太忙时不致无故重传；0 为内核缺省的 0.2。
    ``capture``：``"cable"`` 要有抓包的网线，``"loopback"`` 要环回地址，缺省是能有多好就多好
    （环境变量 ``SOCKSCOPE_CAPTURE`` 可以代为指定）。造不出来抛 ``Unavailable``。
    ``settings``：主机生来的内核参数，``"stock"`` 是书里的那张表（``live/settings.py``），``"machine"`` 是这台机器自己的。
    ``checksums`` 叫网口替内核算校验和，``offload`` 还叫它替内核切段与合段：大的传输快许多倍，与真的网卡一样（``offload.py``）。
    ``births`` 叫 ``socket()`` 这次调用本身也进轨迹；``waits`` 是 select、poll、epoll 的等待进不进轨迹（``waits.py``）；
    ``readiness`` 叫每个套接字的 poll(2) 掩码也进轨迹，图上各有一条就绪的道（``readiness.py``）。
    ``foreign``：跑的是别人写的程序。``births`` 之外，问名字的 getsockname、getpeername 也进轨迹，没有人再用的套接字像平常的
    Python 那样随即关闭，带 ``ResourceWarning``；缺省则替读者留到网络关闭，书里的实验常常建好就放手。
    主机按名字取：``net.client``、``net.server``；也可以 ``net["client"]``。
    """

    def __init__(self, *names: str, delay: float = 0.0, seed: int = 0, delayed_ack: bool = True,
                 rto_min: float = 0.0, capture: str = "", title: str = "", births: bool = False,
                 settings: str = "stock", checksums: bool = False, waits: bool = True,
                 foreign: bool = False, readiness: bool = False, offload: bool = False) -> None:
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("网络至少要两台名字不同的主机。")
        for what, value in (("delay", delay), ("rto_min", rto_min)):
            if not 0 <= value < FOREVER:
                raise ValueError(f"{what} 的单位是秒，不能是 {value!r}。")
        self.title, self._offload = title, SEGMENTS if offload else CHECKSUMS * checksums
        self.births, self.waits, self.foreign, self.readiness = births or foreign, waits, foreign, readiness
        self._table = kernel_settings.table(settings)
        self.settings: dict[str, str] = {}
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
        self._plans = Plan.row(len(names), not delayed_ack, rto_min, settings, self._offload)
        self._retired: list[Namespace] = []
        self.hosts: dict[str, Host] = {}
        _alive.add(self)
        build = self._lay_cables if self.capture == "cable" else self._use_loopback
        try:
            build()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise _refused(error) from None
            raise
        begin_watching(self)

    # ------------------------------------------------------------ 建造

    def _lay_cables(self) -> None:
        for name, plan in zip(self._names, self._plans, strict=True):
            host = self.hosts[name] = Host(self, name, plan.addresses)
            host.plan = plan
            host.namespace = stock.take(plan)
        import scapy.layers.inet
        import scapy.layers.inet6  # noqa: F401
        metrics = self._plans[0].interfaces[0]["metrics"]
        self.settings = {"table": self._table.name, "quickack": str(metrics.get("quickack", 0)),
                         "rto_min": str(metrics.get("rto_min", 200))} | kernel_settings.machine_wide()
        built = [host.require_namespace().ready() for host in self.hosts.values()]
        for host, namespace in zip(self.hosts.values(), built, strict=True):
            host.watch.diag = Diag(namespace.diag)
            self.settings |= namespace.refused
        self.journal.origin += self.journal.now()
        self.wires = Wires(self.journal.now, self.act, self.abort)
        row = zip(self.hosts.values(), built, strict=True)
        for i, ((left, lefts), (right, rights)) in enumerate(itertools.pairwise(row)):
            ends = self._end(left, lefts.tuns[-1]), self._end(right, rights.tuns[0])
            self.wires.add(Cable(i, self.wires, ends, delay=self._delay, seed=self._seed))
        self.wires.start()

    def _use_loopback(self) -> None:
        self.settings = {"table": "machine"} | kernel_settings.machine_wide()
        block = os.getpid() % 200 + 20, next(_counter) % 250 + 1
        for i, name in enumerate(self._names):
            address = f"127.{block[0]}.{block[1]}.{i + 1}" if sys.platform == "linux" else "127.0.0.1"
            host = self.hosts[name] = Host(self, name, [address, "::1"][:1 + has_ipv6()])
            host.watch.diag = _loopback_diag()

    def reboot(self, host: Host) -> None:
        """见 ``Host.reboot``。"""
        self._retired.append(host.require_namespace())
        place = list(self.hosts.values()).index(host)
        try:
            fresh = self._plans[place].build().ready()
        except OSError as error:
            raise _refused(error) from None
        host.watch.restart(Diag(fresh.diag))
        host.namespace = fresh
        for number, side, tun in ((place, 0, fresh.tuns[-1]), (place - 1, 1, fresh.tuns[0])):
            if 0 <= number < len(self.cables):
                cable = self.cables[number]
                cable.wires.attach(cable, side, self._end(host, tun))
        self._retired[-1].request("end")  # 网口已经换过：上面的进程死前说的话，谁也听不见
        self.act(host.name, "reboot")
        host.watch.sample()

    def _end(self, host: Host, tun: int) -> End:
        return End(host.name, tun, host.see, self._offload)

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
            self._folder = new_folder()
        return self._folder

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def __getattr__(self, name: str) -> Host:
        try:
            hosts: dict[str, Host] = self.__dict__["hosts"]
            return hosts[name]
        except KeyError:
            raise AttributeError(f"这个网络里没有叫 {name!r} 的主机。") from None

    def __dir__(self) -> list[str]:
        """补全时只给读者用得着的；主机的名字在内。"""
        return [*self._names, *SHOWN]

    def __repr__(self) -> str:
        hosts = [f"{host.name} {host.addresses[0]}" for host in self.hosts.values()]
        joints = [f" ── {cable.delay * 1000:g} ms ── " for cable in self.cables] or [" · "] * (len(hosts) - 1)
        row = "".join(part for pair in zip(hosts, [*joints, ""], strict=True) for part in pair)
        how = "已关闭" if self.closed else "开着"
        return f"<Network {self.title + '：' if self.title else ''}{row}；{how}，{len(self.trace.packets)} 个包>"

    def spawn(self, function: Callable[[*Args], object], *args: *Args) -> threading.Thread:
        """见 ``Host.spawn``。"""
        worker = Worker(self, function, args)
        self.threads.append(worker)
        worker.start()
        deadline = time.monotonic() + patience(START)
        while not (worker.done or self._rests(worker)) and time.monotonic() < deadline:
            with self.journal.changed:  # 记下了调用还不算，要等线程真的睡进内核
                self.journal.changed.wait(GLANCE)
        return worker

    def settle(self) -> bool:
        """等到大家都静下来：路上没有包，后台线程不是做完了就是阻塞着，剪刀剪掉的也补过了。

        等不到（``PATIENCE`` 秒，慢的机器上更久，见 ``pace``）则返回 False。
        """
        deadline = time.monotonic() + patience(PATIENCE)
        # 前后各问一次：静下来之前才剪到的，要等它补；等到了补的那一个，还要等它走完
        while (waiting := self._to_be_made_up()) or not self._nothing_more() or self._to_be_made_up():
            if time.monotonic() > deadline:
                return False
            with self.journal.changed:  # 线程睡着时没有人通知，所以隔一会儿再看
                self.journal.changed.wait(PAUSE if waiting else GLANCE)
        return True

    @property
    def trace(self) -> tr.Trace:
        """到此刻为止的轨迹。实验进行中也可以看：还没返回的调用 ``end`` 为 None。"""
        journal = self.journal
        packets = self.wires.packets() if self.wires else []
        foreign = [event for tracing in self._tracings() for event in tracing.happened()]
        own = [(host, watched.packets()) for host in self.hosts.values() if (watched := host.loopback)]
        journal.name_states()
        found = tr.Trace(
            title=self.title, capture=self.capture, kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(), settings=dict(self.settings),
            hosts=[tr.Host(name=h.name, title=h.title, addresses=h.addresses) for h in self.hosts.values()],
            cables=[tr.Cable(ends=[e.host for e in c.ends], delay=round(c.delay * 1e9), bandwidth=round(c.bandwidth))
                    for c in self.cables],
            events=tr.in_order([*(e.call for e in journal.calls), *foreign, *journal.others, *packets]))
        for host, seen in own:
            found = beside(found, host.name, seen) if seen else found
        return found

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
            late = f"过了 {patience(PATIENCE):.0f} 秒"
            what = f"后台线程 {names} {late}还没有做完" if names else f"{late}网线上还有包"
            error = TimeoutError(f"{what}，实验到此为止。")
            error.add_note(self.journal.waiting())
            raise error

    def _nothing_more(self) -> bool:
        """线程都停着，网线安静，之后线程仍停着，而且这期间谁也没有动过。"""
        turns = self.journal.turns
        return (self._idle_threads() and self._idle_wires() and self._idle_threads()
                and all(t.rests() for t in self._tracings()) and self._idle_wires() and turns == self.journal.turns)

    def _to_be_made_up(self) -> bool:
        """剪刀剪掉过 TCP 的包，而内核的重传定时器还开着：它迟早会补上，等它，免得结果看谁快。"""
        return any(c._hopeful for c in self.cables) and any(h.watch.retransmitting() for h in self.hosts.values())

    def _idle_wires(self) -> bool:
        return self.wires.settle(patience(PATIENCE)) if self.wires else True

    def _idle_threads(self) -> bool:
        """每个线程都已结束，或停在一个没有超时、网线安静以后也不会返回的调用上。"""
        stuck = self._stuck_threads()
        return all(w.done or w.name in stuck for w in self.threads)

    def _stuck_threads(self) -> set[str]:
        calls = self.journal.open_calls()
        busy = {entry.call.thread for entry in calls}
        unseen = {w.name for w in self.threads if not w.done and w.name not in busy and waits_unseen(w)}
        return unseen | {e.call.thread for e in calls if is_stuck(e)}

    def _rests(self, worker: Worker) -> bool:
        """它停下来了吗：停在不会返回的调用上，或睡在一次等待里（有时限也算）。"""
        return worker.name in self._stuck_threads() or any(
            dozes(e) for e in self.journal.open_calls() if e.call.thread == worker.name)

    def abort(self) -> None:
        """实验到此为止（后台线程出了错、到了时限、有人叫停）：先停笔，再叫醒所有还在等的人，此后发生的都不属于实验。"""
        if self.wires is not None:
            self.wires.freeze()
        for tracing in self._tracings():
            tracing.freeze()
        for loopback in self._loopbacks():
            loopback.freeze()
        self.journal.freeze()
        self.journal.over = not self.closed
        for host in self.hosts.values():
            host.watch.resting = True
            for sock in list(host.born):
                wake(sock)

    def close(self) -> None:
        """收工：叫醒还阻塞着的线程，关掉全部套接字、网线和主机。可以重复调用，不会阻塞。"""
        if self.closed:
            return
        self.closed = True
        self.abort()  # 先停笔：收工时杀死的进程也会说再见，那不属于实验
        for going in (*self.processes, *self._loopbacks()):
            going.close()
        for worker in self.threads:
            worker.join(patience(START))
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
            remove_folder(self._folder)
        stop_watching(self)

    def disown(self) -> None:
        """在 fork 出来的子进程里：网络属于父进程。放下描述符，换掉可能锁着的锁；套接字留着，像平常的 fork。"""
        self.closed = True
        stop_watching(self)
        self.journal.changed = threading.Condition()
        self.journal.frozen = True
        for host in self.hosts.values():
            host.watch = Watch(None, host.report)
        for holder in (*self.processes, *self._loopbacks(), *filter(None, [self.wires])):
            holder.forget()
        self.wires = None
        for namespace in self._namespaces():
            namespace.close()

    def _tracings(self) -> list[Tracing]:
        """看着系统调用的那些程序的记录。"""
        return [p.tracing for p in self.processes if isinstance(p, Program) and p.tracing is not None]

    def _loopbacks(self) -> list[Loopback]:
        return [host.loopback for host in self.hosts.values() if host.loopback]

    def _namespaces(self) -> list[Namespace]:
        return [h.namespace for h in self.hosts.values() if h.namespace] + self._retired

    def act(self, where: str, name: str, detail: str = "") -> None:
        self.journal.note(tr.Action(t=self.journal.now(), where=where, name=name, detail=detail))


def _refused(error: OSError) -> Unavailable:
    """能做的事也会用完（命名空间、进程、描述符）：造到一半被拒绝，也是一句话。"""
    refusal = error if isinstance(error, NamespaceError) else NamespaceError("forge", error.errno or 0)
    return Unavailable("".join(explain(refusal)))


_counter = itertools.count()
_alive: weakref.WeakSet[Network] = weakref.WeakSet()


def _disown_all() -> None:
    for network in list(_alive):
        if not network.closed:
            network.disown()


after_fork(_disown_all)


def _loopback_diag() -> Diag | None:
    if sys.platform != "linux":
        return None
    return Diag(PLAIN(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG))
