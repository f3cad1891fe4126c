"""pcap：别人的工具读得开，一个包不多，一个包不少，校验和都对。"""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sockscope.render import pcap
from sockscope.trace import Trace, load

ZOO = {p.stem: p for p in sorted((Path(__file__).parent / "render_zoo").glob("*.json"))}
tshark = pytest.mark.skipif(not shutil.which("tshark") and not os.environ.get("CI"), reason="没有 tshark")


@pytest.mark.parametrize("name", ["echo10", "udplost", "unreachable", "ipv6", "keepalive"])
def test_scapy_reads_back_the_same_bytes(name: str) -> None:
    from scapy.utils import RawPcapReader

    trace = load(ZOO[name])
    with RawPcapReader(io.BytesIO(pcap.dumps(trace))) as reader:
        records = list(reader)
        assert (reader.linktype, reader.nano) == (101, True)
    assert [data.hex() for data, _ in records] == [p.raw for p in trace.packets]
    assert [meta.sec * 10**9 + meta.usec for _, meta in records] == [p.t for p in trace.packets]


def test_recorded_date_is_the_origin() -> None:
    from dataclasses import replace

    from scapy.utils import RawPcapReader

    trace = replace(load(ZOO["echo10"]), recorded="2025-01-02")
    with RawPcapReader(io.BytesIO(pcap.dumps(trace))) as reader:
        assert next(reader)[1].sec == 1735776000


def test_no_packets_is_still_a_file(tmp_path: Path) -> None:
    pcap.save(Trace(), tmp_path / "empty.pcap")
    assert len((tmp_path / "empty.pcap").read_bytes()) == 24


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
