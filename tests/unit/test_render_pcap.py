"""pcapng：别人的工具读得开，一个包不多，一个包不少，校验和都对；一根网线一个接口，没有送达的写在注释里。"""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sockscope.render import pcap
from sockscope.trace import Trace, TraceError, load

ZOO = {p.stem: p for p in sorted((Path(__file__).parent / "render_zoo").glob("*.json"))}
tshark = pytest.mark.skipif(not shutil.which("tshark") and not os.environ.get("CI"), reason="没有 tshark")


@pytest.mark.parametrize("name", ["echo10", "udplost", "unreachable", "ipv6", "keepalive"])
def test_scapy_reads_back_the_same_bytes(name: str) -> None:
    from scapy.utils import RawPcapNgReader

    trace = load(ZOO[name])
    with RawPcapNgReader(io.BytesIO(pcap.dumps(trace))) as reader:
        records = list(reader)
    assert [data.hex() for data, _ in records] == [p.raw for p in trace.packets]
    assert [(meta.tshigh << 32) + meta.tslow for _, meta in records] == [p.t for p in trace.packets]
    assert {(meta.linktype, meta.tsresol) for _, meta in records} == {(101, 10**9)}


def test_recorded_date_is_the_origin() -> None:
    from dataclasses import replace

    from scapy.utils import RawPcapNgReader

    trace = replace(load(ZOO["echo10"]), recorded="2025-01-02")
    with RawPcapNgReader(io.BytesIO(pcap.dumps(trace))) as reader:
        meta = next(reader)[1]
        assert ((meta.tshigh << 32) + meta.tslow) // 10**9 == 1735776000


def test_no_packets_is_still_a_file(tmp_path: Path) -> None:
    pcap.save(Trace(), tmp_path / "empty.pcapng")
    assert len((tmp_path / "empty.pcapng").read_bytes()) == 28


def test_a_trace_without_packets_of_its_own_refuses(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="没有抓包，存不成 pcapng"):
        pcap.save(Trace(capture="loopback"), tmp_path / "none.pcapng")
    assert not (tmp_path / "none.pcapng").exists()


def told(path: Path, *fields: str) -> list[list[str]]:
    """tshark 对每个包说的这几项。"""
    asked = [word for name in fields for word in ("-e", name)]
    out = subprocess.run(["tshark", "-r", str(path), "-T", "fields", *asked], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in out.stdout.splitlines()]


@tshark
@pytest.mark.slow
@pytest.mark.parametrize("name", ["router", "syndrop", "dup"])
def test_tshark_sees_the_cables_and_the_fates(name: str, tmp_path: Path) -> None:
    trace, path = load(ZOO[name]), tmp_path / "x.pcapng"
    pcap.save(trace, path)
    rows = told(path, "frame.interface_id", "frame.interface_name", "frame.comment")
    assert [int(row[0]) for row in rows] == [p.cable for p in trace.packets]
    assert [row[1] for row in rows] == [f"cable{p.cable} {'-'.join(trace.cables[p.cable].ends)}" for p in trace.packets]
    assert [bool("".join(row[2:])) for row in rows] == [p.fate != "delivered" for p in trace.packets]


@tshark
@pytest.mark.slow
@pytest.mark.parametrize("name", ["echo10", "ipv6", "zerowindow"])
def test_tshark_finds_nothing_to_complain_about(name: str, tmp_path: Path) -> None:
    trace, path = load(ZOO[name]), tmp_path / "x.pcap"
    pcap.save(trace, path)
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.len", "-e", "tcp.checksum.status", "-e", "ip.checksum.status"]
    out = subprocess.run(["tshark", "-r", str(path), *checks, *fields], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    assert [round(float(r[0]) * 1e6) for r in rows] == [round(p.t / 1e3) for p in trace.packets]
    assert [int(r[1]) for r in rows] == [p.length for p in trace.packets]
    assert {r[2] for r in rows} == {"1"}  # 1 是 Good
    assert {r[3] for r in rows} <= {"1", ""}
