"""各种各样的机器，一种一项。名字供 ``--only`` 用，说明给人看。"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from bench.matrix import rooms
from bench.matrix.rooms import Room

__all__ = ["SITUATIONS", "Situation"]


@dataclass(frozen=True)
class Situation:
    """一种机器。``sysctl`` 是要改的参数（/proc/sys 下的路径）；``env`` 是环境变量，None 为没有；
    ``room`` 布置好别的（身份、文件夹、上限），交出怎样在里面运行；``lab`` 的机器给不了网线，只看每一格是否到头。
    ``lacks`` 的机器少一样东西，做不了的格子不算失败。``finds`` 是真的不同：哪一格或哪个实验 → 缘故。"""

    name: str
    title: str
    sysctl: dict[str, str] = field(default_factory=dict)
    env: dict[str, str | None] = field(default_factory=dict)
    room: Callable[[], AbstractContextManager[Room]] = lambda: nullcontext(Room())
    lab: bool = False
    lacks: bool = False
    finds: dict[str, str] = field(default_factory=dict)


def buffers(receive: str, send: str, default: str = "212992", most: str = "212992") -> dict[str, str]:
    return {"net/ipv4/tcp_rmem": receive, "net/ipv4/tcp_wmem": send, **core(default, most)}


def core(default: str, most: str) -> dict[str, str]:
    return {f"net/core/{way}mem_{what}": value for what, value in (("max", most), ("default", default)) for way in "rw"}


def of_buffers() -> Iterator[Situation]:
    yield Situation("debian", "Debian 的缓冲区", buffers("4096 131072 6291456", "4096 16384 4194304"))
    yield Situation("ubuntu", "Ubuntu：缓冲区、rp_filter、临时地址", {
        **buffers("4096 131072 33554432", "4096 16384 4194304"), "net/ipv4/conf/all/rp_filter": "2",
        "net/ipv4/conf/default/rp_filter": "2", "net/ipv6/conf/all/use_tempaddr": "2"})
    yield Situation("rhel", "RHEL 的 network-throughput 与加固", {
        **buffers("4096 87380 16777216", "4096 16384 16777216"), "net/ipv4/conf/all/rp_filter": "1",
        "net/ipv4/conf/default/accept_source_route": "0", "net/ipv4/conf/all/accept_redirects": "0"})
    yield Situation("mininet", "Mininet 留下的", {
        **buffers("10240 87380 16777216", "10240 87380 16777216", most="16777216"), "net/ipv4/ip_forward": "1"})
    yield Situation("default-small", "rmem_default、wmem_default 65536", core("65536", "212992"))
    yield Situation("default-huge", "rmem_default、wmem_default 8 MiB", core("8388608", "8388608"))
    yield Situation("max-half", "rmem_max、wmem_max 106496", core("106496", "106496"))
    yield Situation("max-tiny", "rmem_max、wmem_max 8192", core("8192", "8192"))
    yield Situation("max-huge", "rmem_max、wmem_max 64 MiB", core("212992", "67108864"))


def of_tcp() -> Iterator[Situation]:
    for name in ("reno", "cubic", "bbr"):
        yield Situation(name, f"拥塞控制 {name}", {"net/ipv4/tcp_congestion_control": name})
    for name, title, setting, value in (
            ("no-timestamps", "没有时间戳", "ipv4/tcp_timestamps", "0"), ("no-sack", "没有 SACK", "ipv4/tcp_sack", "0"),
            ("ecn", "总是请求 ECN", "ipv4/tcp_ecn", "1"), ("no-cookies", "没有 SYN cookie", "ipv4/tcp_syncookies", "0"),
            ("fast-open", "Fast Open 两边都开", "ipv4/tcp_fastopen", "3"),
            ("reuse", "tcp_tw_reuse 1", "ipv4/tcp_tw_reuse", "1"), ("somaxconn", "somaxconn 128", "core/somaxconn", "128"),
            ("dgram-queue", "max_dgram_qlen 512", "unix/max_dgram_qlen", "512"),
            ("ports", "临时端口 10000–20000", "ipv4/ip_local_port_range", "10000 20000"),
            ("rp-filter", "rp_filter 1", "ipv4/conf/all/rp_filter", "1"), ("forward", "ip_forward 1", "ipv4/ip_forward", "1")):
        yield Situation(name, title, {f"net/{setting}": value})
    yield Situation("no-ipv6", "关掉 IPv6", {f"net/ipv6/conf/{which}/disable_ipv6": "1" for which in ("all", "default")})


def of_process() -> Iterator[Situation]:
    yield Situation("few-files", "至多 256 个描述符", room=lambda: rooms.limited(256))
    yield Situation("many-files", "一百万个描述符（或这台机器许的最多）", room=lambda: rooms.limited(1_000_000))
    yield Situation("gbk", "LC_ALL=zh_CN.GBK", room=lambda: rooms.locale("zh_CN", "GBK"))
    yield Situation("german", "LC_ALL=de_DE.ISO-8859-1", room=lambda: rooms.locale("de_DE", "ISO-8859-1"))
    yield Situation("c-locale", "LC_ALL=C，不转成 UTF-8", env={"LC_ALL": "C", "LANG": None, "PYTHONCOERCECLOCALE": "0",
                                                            "PYTHONUTF8": "0"})
    yield Situation("time-zone", "TZ=Pacific/Apia", env={"TZ": "Pacific/Apia"})
    yield Situation("umask-077", "umask 077", room=lambda: rooms.masked("077"))
    yield Situation("umask-0", "umask 0", room=lambda: rooms.masked("0"))
    yield Situation("long-tmpdir", "TMPDIR 很长，还有空格", room=rooms.long_tmpdir)
    yield Situation("odd-path", "仓库的路径里有空格和汉字", room=rooms.odd_path)
    yield Situation("no-home", "没有 HOME", env={"HOME": None})
    yield Situation("proxies", "设了代理", env={f"{name}_{end}": "http://127.0.0.1:9" for name, end in (
        ("http", "proxy"), ("https", "proxy"), ("all", "proxy"), ("HTTP", "PROXY"), ("HTTPS", "PROXY"))})
    yield Situation("nobody", "普通用户 nobody", room=rooms.nobody, finds={
        "00_preface capability-table": "普通用户在命名空间以外用不了原始套接字，表里就是“无”",
        "07_unix kernel-tells-who": "内核说的 uid 就是运行它的用户：这一格讲的正是这个"})


def without() -> Iterator[Situation]:
    yield Situation("no-gcc", "没有 C 编译器", room=rooms.no_compiler, lacks=True)
    yield Situation("no-tun", "没有 TUN 设备", env={"SOCKSCOPE_TUN": "/nowhere"}, lab=True)
    yield Situation("no-namespaces", "nobody，用户命名空间也不许", room=rooms.no_namespaces, lab=True)
    yield Situation("loopback", "只有环回", env={"SOCKSCOPE_CAPTURE": "loopback"}, lab=True)
    yield Situation("recording", "只有录制", env={"SOCKSCOPE_CAPTURE": "recording"}, lab=True)


SITUATIONS = [*of_buffers(), *of_tcp(), *of_process(), *without()]
