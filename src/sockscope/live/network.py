"""网络：读者在笔记本里见到的第一个名字。

    with Network("client", "server", delay=0.01) as net:
        sock = net.client.socket()
        ...
    net.trace

几台主机按次序用网线串成一排，中间的都是路由器；也可以是任意的图。首选有抓包的网线；机器不许，就退到环回地址上的普通套接字
（``net.capture == "loopback"``），再不行抛 ``Unavailable``，它的消息说明缺什么、怎样补上。
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVarTuple

from sockscope import trace as tr
from sockscope.live import descriptor_calls, hooks, quiet, stock, tls  # noqa: F401  # 前后两个登记它们要换上的
from sockscope.live import settings as kernel_settings
from sockscope.live.building import lay_cables, rebuild, refused, use_loopback
from sockscope.live.cable import FOREVER, Cable
from sockscope.live.capability import Unavailable, capability
from sockscope.live.folder import new_folder, remove_folder
from sockscope.live.host import TITLES, Host
from sockscope.live.journal import Journal
from sockscope.live.linux import after_fork
from sockscope.live.lives import forget_all, who
from sockscope.live.loopback import Loopback, beside
from sockscope.live.names import checked
from sockscope.live.namespace import Namespace
from sockscope.live.offload import CHECKSUMS, SEGMENTS
from sockscope.live.pace import patience
from sockscope.live.plan import Plan
from sockscope.live.process import Process, Program
from sockscope.live.queues import known_queues
from sockscope.live.quiet import nothing_more, rests, to_be_made_up
from sockscope.live.register import alive
from sockscope.live.states import Watch
from sockscope.live.strace import Tracing
from sockscope.live.topology import Topology
from sockscope.live.whereabouts import outside
from sockscope.live.wires import Wires
from sockscope.live.worker import Worker, wake, wake_descriptor

__all__ = ["Network"]

Args = TypeVarTuple("Args")
MANY = 20  # 开着的网络每多这么多个，就看看有没有已经没有人用的
GLANCE = 0.0005  # 等线程睡着时多久看一眼，秒
PAUSE = 0.005  # 等重传定时器时多久看一眼，秒
SHOWN = ("cable", "cables", "capture", "close", "folder", "hosts", "settings", "settle", "spawn", "title", "trace")
START = 1.0  # 等后台线程做到第一个阻塞调用、收工时等它结束的上限，秒


class Network:
    """几台主机和它们之间的网线。``delay``（秒）等参数给每根网线，之后可在 ``net.cables[i]`` 上单独改。

    ``delayed_ack=False`` 叫内核不延迟确认（路由属性 quickack），实验因此不受 40 毫秒定时器的运气左右；
    ``rto_min``（秒）抬高重传定时器的下限（经路由器的路也算），机器太忙时不致无故重传；0 为内核缺省的 0.2。
    ``capture``：``"cable"`` 要有抓包的网线，``"loopback"`` 要环回地址，缺省是能有多好就多好
    （环境变量 ``SOCKSCOPE_CAPTURE`` 可以代为指定）。造不出来抛 ``Unavailable``。
    ``settings``：主机生来的内核参数，``"stock"`` 是书里的那张表（``live/settings.py``），``"machine"`` 是这台机器自己的。
    ``checksums`` 叫网口替内核算校验和，``offload`` 还叫它替内核切段与合段：大的传输快许多倍，与真的网卡一样（``offload.py``）。
    ``births`` 叫 ``socket()`` 这次调用本身也进轨迹；``waits`` 是 select、poll、epoll 的等待进不进轨迹（``waits.py``）；
    ``readiness`` 叫每个套接字的 poll(2) 掩码也进轨迹，图上各有一条就绪的道（``readiness.py``）；
    ``queues`` 叫 TCP 套接字的队列里有多少也进轨迹，要看哪几种：``("receive", "send", "accept")``（``queues.py``）。
    ``foreign``：跑的是别人写的程序。``births`` 之外，问名字的 getsockname、getpeername 也进轨迹，没有人再用的套接字像平常的
    Python 那样随即关闭，带 ``ResourceWarning``；缺省则替读者留到网络关闭，书里的实验常常建好就放手。
    ``names``：主机们还认得的域名，如 ``{"example.org": "server"}``，指向一台主机或一个地址（``names.py``）。
    ``cables``：谁与谁之间有一根网线，如 ``[("client", "nat"), ("nat", "server")]``，给了它就不是一排（``topology.py``）；
    ``switches`` 是其中的交换机，接在同一台上的主机在同一个网段里。某一根网线是 ``net.between("nat", "server")``。
    主机按名字取：``net.client``、``net.server``；也可以 ``net["client"]``。
    """

    @outside
    def __init__(self, *hosts: str, delay: float = 0.0, seed: int = 0, delayed_ack: bool = True,
                 rto_min: float = 0.0, capture: str = "", title: str = "", births: bool = False,
                 settings: str = "stock", checksums: bool = False, waits: bool = True,
                 foreign: bool = False, readiness: bool = False, queues: Iterable[str] = (), offload: bool = False,
                 names: Mapping[str, str] | None = None, cables: Iterable[tuple[str, str]] = (),
                 switches: Iterable[str] = ()) -> None:
        self.topology = Topology.graph(hosts, cables, switches) if cables else Topology.row(hosts)
        for what, value in (("delay", delay), ("rto_min", rto_min)):
            if not 0 <= value < FOREVER:
                raise ValueError(f"{what} 的单位是秒，不能是 {value!r}。")
        self.names = checked(names or {}, tuple(self.topology.hosts))
        self.title, self.offload = title, SEGMENTS if offload else CHECKSUMS * checksums
        self.births, self.waits, self.foreign, self.readiness = births or foreign, waits, foreign, readiness
        self.queues = known_queues(queues)
        self.table = kernel_settings.table(settings)
        self.settings: dict[str, str] = {}
        self._folder, self._bell = "", -1
        self.journal = Journal()
        allowed = capability(capture)
        if allowed.level == "recording":
            raise Unavailable(allowed.sentence)
        self.capture = allowed.level
        self.wires: Wires | None = None
        self.threads: list[Worker] = []
        self.guests: weakref.WeakKeyDictionary[threading.Thread, None] = weakref.WeakKeyDictionary()
        self.processes: list[Process | Program] = []
        self.delay, self.seed = delay, seed
        self.plans = dict(zip(self.topology.hosts, Plan.all(
            self.topology, not delayed_ack, rto_min, settings, self.offload), strict=True))
        self._retired: list[Namespace] = []
        self.hosts: dict[str, Host] = {}
        if len(hooks.opened()) % MANY == MANY - 1:
            gc.collect()  # 没有人再用又没有关的，等不到 Python 自己想起来
        self.closed = self.elsewhere = False
        _alive.add(self)
        try:
            lay_cables(self) if self.capture == "cable" else use_loopback(self)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise refused(error) from None
            raise
        hooks.begin(self)

    @outside
    def reboot(self, host: Host) -> None:
        """见 ``Host.reboot``。"""
        self._retired.append(host.require_namespace())
        try:
            rebuild(self, host)
        except OSError as error:
            raise refused(error) from None
        self._retired[-1].request("end")  # 网口已经换过：上面的进程死前说的话，谁也听不见
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

    def between(self, one: str, two: str) -> Cable:
        """这两台主机（或交换机）之间的网线。没有则抛 ``ValueError``，没有抓包则抛 ``Unavailable``。"""
        for cable in [self.cable, *self.cables]:
            if {one, two} == {end.host for end in cable.ends}:
                return cable
        raise ValueError(f"{one} 与 {two} 之间没有网线；有：{'、'.join(f'{a}─{b}' for a, b in self.topology.cables)}。")

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
        return [*self.hosts, *SHOWN]

    def __repr__(self) -> str:
        hosts = [f"{host.name} {host.addresses[0]}" for host in self.hosts.values()]
        joints = [f" ── {cable.delay * 1000:g} ms ── " for cable in self.cables] or [" · "] * (len(hosts) - 1)
        row = "".join(part for pair in zip(hosts, [*joints, ""], strict=True) for part in pair) \
            if self.topology == Topology.row(self.hosts) else f"{len(hosts)} 台主机，{len(self.topology.cables)} 根网线"
        how = "已关闭" if self.closed else "开着"
        return f"<Network {self.title + '：' if self.title else ''}{row}；{how}，{len(self.trace.packets)} 个包>"

    def spawn(self, function: Callable[[*Args], object], *args: *Args) -> threading.Thread:
        """见 ``Host.spawn``。"""
        worker = Worker(self, function, args)
        self.threads.append(worker)
        worker.start()
        deadline = time.monotonic() + patience(START)
        while not (worker.done or rests(self, worker)) and time.monotonic() < deadline:
            with self.journal.changed:  # 记下了调用还不算，要等线程真的睡进内核
                self.journal.changed.wait(GLANCE)
        return worker

    def settle(self) -> bool:
        """等到大家都静下来：路上没有包，后台线程不是做完了就是阻塞着，剪刀剪掉的也补过了。

        等不到（``quiet.PATIENCE`` 秒，慢的机器上更久，见 ``pace``）则返回 False。
        """
        deadline = time.monotonic() + patience(quiet.PATIENCE)
        # 前后各问一次：静下来之前才剪到的，要等它补；等到了补的那一个，还要等它走完
        while (waiting := to_be_made_up(self)) or not nothing_more(self) or to_be_made_up(self):
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
        foreign = [event for tracing in self.tracings() for event in tracing.happened()]
        own = [(host, watched.packets()) for host in self.hosts.values() if (watched := host.loopback)]
        journal.name_states()
        found = tr.Trace(
            title=self.title, capture=self.capture, kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(), settings=dict(self.settings),
            hosts=[self._told(name) for name in self.topology.names],
            cables=[tr.Cable(ends=[e.host for e in c.ends], delay=round(c.delay * 1e9), bandwidth=round(c.bandwidth))
                    for c in self.cables],
            events=tr.in_order([*(e.call for e in journal.calls), *foreign, *journal.others, *packets]))
        for host, seen in own:
            found = beside(found, host.name, seen) if seen else found
        return found

    def _told(self, name: str) -> tr.Host:
        """轨迹里的一台主机；交换机没有地址。"""
        host = self.hosts.get(name)
        return tr.Host(name=name, title=host.title, addresses=host.addresses) if host \
            else tr.Host(name=name, title=TITLES["switch"], addresses=[])

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
            names = "、".join(t.name for t in [w for w in self.threads if not w.done] or quiet.busy_guests(self))
            late = f"过了 {patience(quiet.PATIENCE):.0f} 秒"
            what = f"后台线程 {names} {late}还没有做完" if names else f"{late}网线上还有包"
            error = TimeoutError(f"{what}，实验到此为止。")
            error.add_note(self.journal.waiting())
            raise error

    def bell(self) -> int:
        """收工时会响（变得可读）的描述符，用到才有；系统没有 eventfd 则为 -1。"""
        if self._bell < 0 and hasattr(os, "eventfd"):
            self._bell = os.eventfd(0, os.EFD_CLOEXEC)
        return self._bell

    def abort(self) -> None:
        """实验到此为止（后台线程出了错、到了时限、有人叫停）：先停笔，再叫醒所有还在等的人，此后发生的都不属于实验。"""
        if self.wires is not None:
            self.wires.freeze()
        for tracing in self.tracings():
            tracing.freeze()
        for loopback in self._loopbacks():
            loopback.freeze()
        self.journal.freeze()
        self.journal.over = not self.closed
        for host in self.hosts.values():
            host.watch.resting = True
            for sock in alive(host.born):
                wake(sock)
        for entry in self.journal.open_calls():
            if entry.fd >= 0:
                wake_descriptor(entry.fd)
        if self._bell >= 0:
            os.eventfd_write(self._bell, 1)

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
            for sock in {*host.kept, *alive(host.born)}:
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
        if self._bell >= 0:
            os.close(self._bell)
        forget_all(self)
        hooks.end(self)

    def __del__(self) -> None:
        """没有人再用它，却没有关：像平常的文件和套接字，说一声 ``ResourceWarning``，然后关闭。"""
        if vars(self).get("closed", True) or sys.is_finalizing():
            return
        try:
            told = f"没有关闭的网络（{'、'.join(self.topology.names)}）。请写 with Network(...) as net:，或者最后 net.close()。"
            warnings.warn(told, ResourceWarning, source=self, stacklevel=1)
        finally:
            self.close()

    def disown(self) -> None:
        """在 fork 出来的子进程里：网络属于父进程。放下描述符，换掉可能锁着的锁；套接字留着，像平常的 fork。"""
        self.closed = self.elsewhere = True
        if self._bell >= 0:
            os.close(self._bell)
        forget_all(self)
        hooks.end(self)
        self.journal.changed = threading.Condition()
        self.journal.frozen = True
        for host in self.hosts.values():
            host.watch = Watch(None, host.report, who)
        for holder in (*self.processes, *self._loopbacks(), *filter(None, [self.wires])):
            holder.forget()
        self.wires = None
        for namespace in self._namespaces():
            namespace.close()

    def tracings(self) -> list[Tracing]:
        """看着系统调用的那些程序的记录。"""
        return [p.tracing for p in self.processes if isinstance(p, Program) and p.tracing is not None]

    def _loopbacks(self) -> list[Loopback]:
        return [host.loopback for host in self.hosts.values() if host.loopback]

    def _namespaces(self) -> list[Namespace]:
        return [h.namespace for h in self.hosts.values() if h.namespace] + self._retired

    def act(self, where: str, name: str, detail: str = "") -> None:
        self.journal.note(tr.Action(t=self.journal.now(), where=where, name=name, detail=detail))


_alive: weakref.WeakSet[Network] = weakref.WeakSet()


def _disown_all() -> None:
    for network in list(_alive):
        if not network.closed:
            network.disown()


after_fork(_disown_all)
