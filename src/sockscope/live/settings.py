"""内核参数表：每台主机生来就是这个样子，不管读者（或作者）的机器被调成了什么样。

新的网络命名空间并不干净：``tcp_rmem``、``tcp_wmem``、拥塞控制和 ``ipv4/conf`` 抄自机器，其余随内核版本而变。
所以主机诞生时逐项写上这张表。``STOCK`` 等于 Linux 6.x 自己的缺省（ip-sysctl.rst、socket(7)、tcp(7)）；
只有 ``LESSONS`` 里的几项与它不同，各有各的缘故。内核没有的、不许写的，不是错误：读回来是什么，轨迹里就写什么。

没有哪个命名空间装得下的（``MACHINE``），只读不写，也写进轨迹。名字都是 /proc/sys/net 下的路径。
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["BUFFER", "INSTRUMENT", "LESSONS", "MACHINE", "STOCK", "TABLES", "VERSION", "Table", "machine_wide", "table"]

VERSION = "stock/1"  # 改了表里任何一个值，就加一：旧录制因此会重录
BUFFER = 212992  # 不是 TCP 的套接字生来的缓冲区，字节（socket(7) 的 rmem_default、wmem_default）


def _both(family: str, **values: str) -> dict[str, str]:
    """conf 下的一项要写两处：``all`` 管全部网口，``default`` 管之后诞生的。"""
    return {f"{family}/conf/{scope}/{name}": value for name, value in values.items() for scope in ("all", "default")}


STOCK: dict[str, str] = {
    # 网口诞生之前要写好的：会抄给每一个网口
    **_both("ipv4", rp_filter="0", accept_redirects="1", secure_redirects="1", send_redirects="1",
            accept_local="0", route_localnet="0", bc_forwarding="0", force_igmp_version="0",
            igmpv2_unsolicited_report_interval="10000", igmpv3_unsolicited_report_interval="1000"),
    "ipv4/conf/all/accept_source_route": "0", "ipv4/conf/default/accept_source_route": "1",
    **_both("ipv6", disable_ipv6="0", forwarding="0", hop_limit="64", use_tempaddr="0", accept_redirects="1",
            accept_source_route="0", addr_gen_mode="0", dad_transmits="1",
            force_mld_version="0", mldv1_unsolicited_report_interval="10000",
            mldv2_unsolicited_report_interval="1000"),
    "ipv6/conf/all/accept_dad": "0", "ipv6/conf/default/accept_dad": "1",
    # 缓冲区
    "ipv4/tcp_rmem": "4096 131072 6291456", "ipv4/tcp_wmem": "4096 16384 4194304",
    "ipv4/udp_rmem_min": "4096", "ipv4/udp_wmem_min": "4096",
    "ipv4/tcp_moderate_rcvbuf": "1", "ipv4/tcp_adv_win_scale": "1", "ipv4/tcp_app_win": "31",
    "ipv4/tcp_shrink_window": "0", "ipv4/tcp_notsent_lowat": "4294967295", "core/optmem_max": "131072",
    # TCP 的选项与算法
    "ipv4/tcp_congestion_control": "cubic",
    "ipv4/tcp_window_scaling": "1", "ipv4/tcp_timestamps": "1", "ipv4/tcp_sack": "1", "ipv4/tcp_dsack": "1",
    "ipv4/tcp_ecn": "2", "ipv4/tcp_fastopen": "1",
    "ipv4/tcp_autocorking": "1", "ipv4/tcp_slow_start_after_idle": "1", "ipv4/tcp_no_metrics_save": "0",
    "ipv4/tcp_reordering": "3", "ipv4/tcp_recovery": "1", "ipv4/tcp_frto": "2",
    "ipv4/tcp_thin_linear_timeouts": "0", "ipv4/tcp_pingpong_thresh": "1",
    "ipv4/tcp_base_mss": "1024", "ipv4/tcp_min_snd_mss": "48", "ipv4/tcp_mtu_probing": "0",
    "ipv4/tcp_rfc1337": "0", "ipv4/tcp_stdurg": "0",
    "ipv4/tcp_invalid_ratelimit": "500", "ipv4/tcp_challenge_ack_limit": "2147483647",
    # 重试与等待
    "ipv4/tcp_syn_retries": "6", "ipv4/tcp_synack_retries": "5", "ipv4/tcp_syn_linear_timeouts": "4",
    "ipv4/tcp_retries1": "3", "ipv4/tcp_retries2": "15", "ipv4/tcp_orphan_retries": "0",
    "ipv4/tcp_rto_min_us": "200000", "ipv4/tcp_rto_max_ms": "120000",
    "ipv4/tcp_keepalive_time": "7200", "ipv4/tcp_keepalive_intvl": "75", "ipv4/tcp_keepalive_probes": "9",
    "ipv4/tcp_fin_timeout": "60", "ipv4/tcp_tw_reuse": "2", "ipv4/tcp_tw_reuse_delay": "1000",
    # 队列与上限：内核按内存的大小来定的，这里写定
    "ipv4/tcp_syncookies": "1", "ipv4/tcp_abort_on_overflow": "0", "ipv4/tcp_migrate_req": "0",
    "ipv4/tcp_max_syn_backlog": "2048", "ipv4/tcp_max_tw_buckets": "131072",
    "core/somaxconn": "4096", "unix/max_dgram_qlen": "10",
    # 端口与地址
    "ipv4/ip_local_port_range": "32768 60999", "ipv4/ip_local_reserved_ports": "",
    "ipv4/ip_unprivileged_port_start": "1024", "ipv4/ping_group_range": "1 0",
    "ipv4/ip_autobind_reuse": "0", "ipv4/ip_nonlocal_bind": "0",
    "ipv6/bindv6only": "0", "ipv6/ip_nonlocal_bind": "0",
    # IP、ICMP、IGMP
    "ipv4/ip_default_ttl": "64", "ipv4/ip_forward": "0", "ipv4/ip_no_pmtu_disc": "0", "ipv4/ip_forward_use_pmtu": "0",
    "ipv4/ipfrag_time": "30", "ipv4/ipfrag_max_dist": "64", "ipv6/ip6frag_time": "60",
    "ipv4/route/min_pmtu": "552", "ipv4/route/mtu_expires": "600",
    "ipv4/icmp_echo_ignore_all": "0", "ipv4/icmp_echo_ignore_broadcasts": "1",
    "ipv4/icmp_errors_use_inbound_ifaddr": "0", "ipv4/icmp_ratemask": "6168", "ipv6/icmp/echo_ignore_all": "0",
    "ipv4/igmp_max_memberships": "20", "ipv4/igmp_max_msf": "10", "ipv4/igmp_qrv": "2",
    "ipv4/igmp_link_local_mcast_reports": "1",
    "ipv6/auto_flowlabels": "1",
}


@dataclass(frozen=True)
class Lesson:
    """与内核的缺省不同的一项：``value`` 是这里的值，``why`` 是缘故。"""

    value: str
    why: str


LESSONS: dict[str, Lesson] = {
    "ipv4/icmp_ratelimit": Lesson("0", "每个错误都要看得见；缺省每秒至多一个"),
    "ipv6/icmp/ratelimit": Lesson("0", "同上"),
    "ipv4/tcp_early_retrans": Lesson(
        "0", "网线偶尔慢几毫秒，尾部丢失探测会当成丢包而重传；RTO 至少 200 毫秒，不受影响。缺省 3"),
    "ipv6/conf/default/router_solicitations": Lesson("0", "新网口不必四处打听路由器；缺省 -1，一直问"),
}

INSTRUMENT = ("ipv4/tcp_early_retrans", "ipv6/conf/default/router_solicitations",
              "ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6")
"""用机器自己的参数时，仪器仍要写的几项：没有它们，轨迹里会有不属于实验的包，或者连地址也配不上。"""

MACHINE = ("core/rmem_default", "core/rmem_max", "core/wmem_default", "core/wmem_max",
           "ipv4/tcp_mem", "ipv4/udp_mem", "ipv4/tcp_max_orphans")
"""全机器只有一份的：只读，写进轨迹。"""


@dataclass(frozen=True)
class Table:
    """一套参数：``name`` 写进轨迹，``values`` 写进主机；``buffer`` 是不用 TCP 的套接字生来的缓冲区，0 为机器的缺省。"""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    buffer: int = 0


_PINNED = STOCK | {name: lesson.value for name, lesson in LESSONS.items()}
TABLES = {
    "stock": Table(VERSION, _PINNED, BUFFER),
    "machine": Table("machine", {name: _PINNED[name] for name in INSTRUMENT}),
}


def table(settings: str) -> Table:
    """名为 ``settings`` 的一套；没有则 ``ValueError``。"""
    if settings not in TABLES:
        raise ValueError(f"settings 只能是 'stock'（书里的内核参数表）或 'machine'（这台机器自己的），不能是 {settings!r}。")
    return TABLES[settings]


def machine_wide() -> dict[str, str]:
    """全机器只有一份的参数此刻的值；这个内核没有、或不给看的不在其中。"""
    return {name: value for name in MACHINE if (value := _read(name)) is not None}


def _read(name: str) -> str | None:
    try:
        with open(f"/proc/sys/net/{name}") as file:
            return " ".join(file.read().split())
    except OSError:
        return None
