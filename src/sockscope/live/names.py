"""域名：一台主机认得网络里的主机、读者给的名字和 ``localhost``；别的名字查不到，从不问外面。

换上的是 Python 问名字的几个函数（``hooks.py``）；在主机上（``whereabouts.here()``）才由我们回答，答法与错误同原来的一样：
地址交给真的 ``getaddrinfo`` 去排（``AI_NUMERICHOST``，它不问任何人），端口的名字也由它去查。
"""

from __future__ import annotations

import _socket
import os
import re
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from sockscope.live import hooks
from sockscope.live.whereabouts import here

if TYPE_CHECKING:
    from sockscope.live.host import Host

__all__ = ["checked", "numeric"]

HERE = {"localhost": ["::1", "127.0.0.1"]}  # RFC 6724 的次序，getaddrinfo(3) 也这样排
NUMBERS = re.compile(r"[\d.]*|.*:.*|<broadcast>", re.S)  # 不必查的：IPv4、IPv6 的数字，空串，广播
FAMILIES = (socket.AF_INET, socket.AF_INET6)
IGNORED = getattr(socket, "AI_ADDRCONFIG", 0) | getattr(socket, "AI_CANONNAME", 0)


def checked(names: Mapping[str, str], hosts: tuple[str, ...]) -> dict[str, str]:
    """读者给的名字 → 主机的名字或地址；都不是，抛 ``ValueError``。"""
    for name, place in names.items():
        if place not in hosts:
            try:
                ip_address(place)
            except ValueError:
                known = "、".join(hosts)
                raise ValueError(f"names 里 {name!r} 要指向一台主机（{known}）或一个地址，不能是 {place!r}。") from None
    return {name.lower(): place for name, place in names.items()}


def _addresses(host: Host, name: str) -> list[str]:
    """这个名字的地址；不认得则为空。"""
    network, key = host.network, name.lower().rstrip(".")
    place = network.names.get(key, key)
    if place in network.hosts:
        return network.hosts[place].addresses
    return HERE.get(key) or ([place] if key in network.names else [])


def _names(host: Host, address: str) -> list[str]:
    """这个地址的名字：主机的，然后是读者给的。"""
    network = host.network
    if address in HERE["localhost"]:
        return ["localhost"]
    mine = [h.name for h in network.hosts.values() if address in h.addresses]
    return mine + [name for name, place in network.names.items() if place in (*mine, address)]


def numeric(host: Host, family: int, address: Any) -> Any:
    """``connect``、``bind``、``sendto`` 的地址：里面的名字换成数字；不是名字的原样返回。"""
    if family not in FAMILIES or not isinstance(address, tuple) or len(address) < 2:
        return address
    name = address[0].decode() if isinstance(address[0], (bytes, bytearray)) else address[0]
    if not isinstance(name, str) or NUMBERS.fullmatch(name):
        return address
    return _look_up(host, name, None, family)[0][4][0], *address[1:]


# ---------------------------------------------------------------- 换上的

def _look_up(host: Host, name: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    text = name.decode() if isinstance(name, (bytes, bytearray)) else name
    found = _addresses(host, text) if isinstance(text, str) else []
    if not found:  # 数字、空、不认得：原来的函数去说，只是不许问外面
        return _real(name, port, family, type, proto, flags | (socket.AI_NUMERICHOST if text else 0))
    rows: list[Any] = []
    for address in found:
        try:
            rows += _real(address, port, family, type, proto, flags & ~IGNORED | socket.AI_NUMERICHOST)
        except socket.gaierror:  # 要的是另一族的地址
            if address == found[-1] and not rows:
                raise
    if flags & getattr(socket, "AI_CANONNAME", 0):
        rows[0] = (*rows[0][:3], _names(host, found[0])[0], rows[0][4])
    return rows


def _real(*args: Any) -> list[Any]:
    found: list[Any] = REAL["getaddrinfo"](*args)
    return found


def _getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    place = here()
    if place is None:
        return _real(host, port, family, type, proto, flags)
    return _look_up(place, host, port, family, type, proto, flags)


def _gethostbyname(name: str, /) -> str:
    place = here()
    if place is None or not name or name == "<broadcast>":
        found: str = REAL["gethostbyname"](name)
        return found
    return str(_look_up(place, name, None, socket.AF_INET)[0][4][0])


def _gethostbyname_ex(name: str, /) -> tuple[str, list[str], list[str]]:
    place = here()
    if place is None:
        found: tuple[str, list[str], list[str]] = REAL["gethostbyname_ex"](name)
        return found
    addresses = list(dict.fromkeys(row[4][0] for row in _look_up(place, name, None, socket.AF_INET)))
    known = _names(place, addresses[0]) or [name]
    return known[0], known[1:], addresses


def _gethostbyaddr(name: str, /) -> tuple[str, list[str], list[str]]:
    place = here()
    if place is None:
        found: tuple[str, list[str], list[str]] = REAL["gethostbyaddr"](name)
        return found
    address = _look_up(place, name, None)[0][4][0]
    known = _names(place, address)
    if not known:
        raise socket.herror(1, "Unknown host")
    return known[0], known[1:], [address]


def _getnameinfo(address: tuple[Any, ...], flags: int, /) -> tuple[str, str]:
    place = here()
    if place is None:
        found: tuple[str, str] = REAL["getnameinfo"](address, flags)
        return found
    number, port = REAL["getnameinfo"](address, flags & ~socket.NI_NAMEREQD | socket.NI_NUMERICHOST)
    known = [] if flags & socket.NI_NUMERICHOST else _names(place, number)
    if not known and flags & socket.NI_NAMEREQD:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return (known or [number])[0], port


def _gethostname() -> str:
    place = here()
    if place is None:
        found: str = REAL["gethostname"]()
        return found
    return place.hostname


def _sethostname(name: Any, /) -> None:
    """主机的名字：改的是这台主机的，机器的不动。"""
    place = here()
    if place is None:
        REAL["sethostname"](name)
    else:
        place.hostname = os.fsdecode(name)


OURS = {"gethostbyname": _gethostbyname, "gethostbyname_ex": _gethostbyname_ex, "gethostbyaddr": _gethostbyaddr,
        "getnameinfo": _getnameinfo, "gethostname": _gethostname, "sethostname": _sethostname}
REAL = {name: getattr(_socket, name) for name in (*OURS, "getaddrinfo") if hasattr(_socket, name)}
for _name in REAL.keys() & OURS.keys():
    hooks.everywhere(REAL[_name], OURS[_name])
hooks.attribute(_socket, "getaddrinfo", _getaddrinfo)  # socket.getaddrinfo 每次都到这里来取
