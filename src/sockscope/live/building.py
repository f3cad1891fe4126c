"""建造一个网络：主机、网线、交换机；或者退到环回地址。主机断电以后重造也在这里。"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sockscope.live import settings as kernel_settings
from sockscope.live import stock
from sockscope.live.cable import Cable, End
from sockscope.live.capability import Unavailable, explain
from sockscope.live.forge import NETLINK_SOCK_DIAG
from sockscope.live.host import Host
from sockscope.live.namespace import NamespaceError
from sockscope.live.plan import has_ipv6
from sockscope.live.states import Diag, Own
from sockscope.live.switch import Socket, Switch
from sockscope.live.wires import Wires

if TYPE_CHECKING:
    from sockscope.live.network import Network

__all__ = ["lay_cables", "rebuild", "refused", "use_loopback"]

_counter = itertools.count()


def lay_cables(net: Network) -> None:
    """造好主机，接上网线。"""
    for name, plan in net.plans.items():
        host = net.hosts[name] = Host(net, name, plan.addresses)
        host.plan = plan
        host.namespace = stock.take(plan)
    import scapy.layers.inet
    import scapy.layers.inet6  # noqa: F401
    metrics = next(iter(net.plans.values())).interfaces[0]["metrics"]
    net.settings = {"table": net.table.name, "quickack": str(metrics.get("quickack", 0)),
                    "rto_min": str(metrics.get("rto_min", 200))} | kernel_settings.machine_wide()
    tuns: dict[str, list[int]] = {}
    for host in net.hosts.values():
        namespace = host.require_namespace().ready()
        host.watch.diag, tuns[host.name] = Diag(namespace.diag), namespace.tuns
        net.settings |= namespace.refused
    net.journal.origin += net.journal.now()
    net.wires = Wires(net.journal.now, _weakly(net.act), _weakly(net.abort))
    switches = {name: Switch(name, net.wires) for name in net.topology.switches}
    plugged = {name: iter(found) for name, found in tuns.items()}
    for number, names in enumerate(net.topology.cables):
        one, two = (switches[name].socket() if name in switches else _end(net, net.hosts[name], next(plugged[name]))
                    for name in names)
        cable = Cable(number, net.wires, (one, two), delay=net.delay, seed=net.seed)
        net.wires.add(cable)
        for side, end in enumerate((one, two)):
            if isinstance(end, Socket):
                end.switch.plug(cable, side, net.hosts[names[1 - side]].addresses)
    net.wires.start()


def use_loopback(net: Network) -> None:
    """没有网线：每台主机一个环回地址。"""
    net.settings = {"table": "machine"} | kernel_settings.machine_wide()
    block = os.getpid() % 200 + 20, next(_counter) % 250 + 1
    for i, name in enumerate(net.topology.hosts):
        address = f"127.{block[0]}.{block[1]}.{i + 1}" if sys.platform == "linux" else "127.0.0.1"
        host = net.hosts[name] = Host(net, name, [address, "::1"][:1 + has_ipv6()])
        host.watch.diag = _loopback_diag()


def rebuild(net: Network, host: Host) -> None:
    """同样的一台主机，新的内核，插回原来的那些网线。造不出来抛 ``OSError``。"""
    fresh = net.plans[host.name].build().ready()
    host.watch.restart(Diag(fresh.diag))
    host.namespace = fresh
    for port, tun in zip(net.topology.ports[host.name], fresh.tuns, strict=True):
        cable = net.cables[port.cable]
        cable.wires.attach(cable, port.side, _end(net, host, tun))


def refused(error: OSError) -> Unavailable:
    """能做的事也会用完（命名空间、进程、描述符）：造到一半被拒绝，也是一句话。"""
    refusal = error if isinstance(error, NamespaceError) else NamespaceError("forge", error.errno or 0)
    return Unavailable("".join(explain(refusal)))


def _end(net: Network, host: Host, tun: int) -> End:
    return End(host.name, tun, _weakly(host.see), net.offload)


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """同一个方法，但不留住它的主人：网线的线程活着，不等于还有人在用这个网络。"""
    held = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        if (alive := held()) is not None:
            alive(*args)

    return call


def _loopback_diag() -> Diag | None:
    if sys.platform != "linux":
        return None
    return Diag(Own(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG))
