"""轨迹文件：写下再读回不变；任何坏文件只得到一句指明地方的中文。"""

from __future__ import annotations

import copy
import json
import random
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from sockscope.render import pcap, svg, text
from sockscope.render.words import explain
from sockscope.tcp import violations
from sockscope.trace import Host, Packet, Trace, TraceError, compare, dumps, load, loads, save, schema

RECORDINGS = Path(__file__).parents[2] / "recordings"
CHINESE = re.compile(r"[一-鿿]")


def every_recorded() -> list[tuple[str, dict]]:
    """recordings/ 里的每一条轨迹，还是 JSON 值。"""
    found = []
    for path in sorted(RECORDINGS.glob("*.json")):
        whole = json.loads(path.read_text())
        found += [(f"{path.stem} {key}", value) for key, value in whole["variants"].items()]
        found += [(f"{path.stem} {key} {cut}", value) for key, group in whole["drops"].items()
                  for cut, value in group.items()]
    return found


EVERY = every_recorded()
VALUE = next(v for name, v in EVERY if name == "closing close.0.0.0")
TEXT = dumps(loads(json.dumps(VALUE)))


def edited(change) -> str:
    value = copy.deepcopy(VALUE)
    return json.dumps(change(value) or value)


def first(value: dict, kind: str) -> dict:
    return next(e for e in value["events"] if e["kind"] == kind)


def test_there_are_recordings():
    assert len(EVERY) > 50


def test_round_trip_loses_nothing():
    for name, value in EVERY[::7]:
        trace = loads(json.dumps(value))
        assert loads(dumps(trace)) == trace, name
        assert dumps(loads(dumps(trace))) == dumps(trace), name


def test_save_and_load(tmp_path):
    trace = loads(TEXT)
    save(trace, tmp_path / "one.json")
    assert load(tmp_path / "one.json") == trace
    assert (tmp_path / "one.json").read_text(encoding="utf-8").count("\n") == len(trace.events) + 2


def test_missing_file_is_reported_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


def shape(item: dict) -> tuple:
    """一个事件（或轨迹的头）的样子：字段、类型，和只能取几个值的字段的值。同样的样子验一个就够。"""
    return tuple((key, value if key in ("kind", "fate", "capture") else type(value).__name__)
                 for key, value in sorted(item.items()))


def test_schema_accepts_every_recording():
    heads = {shape(value): value for _, value in EVERY}
    events = {shape(event): event for _, value in EVERY for event in value["events"]}
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for head in heads.values():
        assert [e.message for e in validator.iter_errors(head | {"events": list(events.values())})] == []


# ---------------------------------------------------------------- 坏文件

def drop(path: str):
    """去掉一个字段；``path`` 形如 ``packet.raw``、``hosts.name``。"""
    def change(value: dict) -> None:
        del _place(value, path)[path.split(".")[-1]]
    return change


def put(path: str, new: object):
    """换掉（或添上）一个字段。"""
    def change(value: dict) -> None:
        _place(value, path)[path.split(".")[-1]] = new
    return change


def _place(value: dict, path: str) -> dict:
    where, _, _key = path.rpartition(".")
    if not where:
        return value
    return value[where][0] if where in ("hosts", "cables") else first(value, where)


STRUCTURE = [  # 改动，消息里必须出现的地方
    (lambda v: [v], ["format", "list"]),
    (lambda v: 7, ["format", "int"]),
    (drop("format"), ["format", "None"]),
    (put("format", "sockscope/9"), ["format", "sockscope/9"]),
    (put("format", ["sockscope/1"]), ["format"]),
    (put("events", {}), ["events", "dict"]),
    (put("hosts", "client"), ["hosts", "str"]),
    (put("cables", 1), ["cables", "int"]),
    (put("title", 7), ["title", "7"]),
    (put("capture", "wifi"), ["capture", "wifi"]),
    (put("parameters", []), ["parameters"]),
    (put("colour", "red"), ["colour"]),
    (put("hosts", ["client"]), ["hosts[0]", "str"]),
    (drop("hosts.name"), ["hosts[0]", "name"]),
    (put("hosts.addresses", "10.0.0.1"), ["hosts[0]", "addresses"]),
    (put("hosts.addresses", [1]), ["hosts[0]", "addresses"]),
    (put("cables.delay", "10ms"), ["cables[0]", "delay"]),
    (put("events", ["packet"]), ["第 1 个事件", "kind"]),
    (put("packet.kind", "frame"), ["个事件", "kind"]),
    (put("packet.kind", ["packet"]), ["个事件", "kind"]),
    (drop("call.kind"), ["个事件", "kind"]),
    (drop("packet.raw"), ["个事件", "raw"]),
    (drop("call.thread"), ["个事件", "thread"]),
    (drop("state.state"), ["个事件", "state"]),
    (put("packet.t", "0"), ["个事件", "t"]),
    (put("packet.t", 1.5), ["个事件", "t"]),
    (put("packet.t", True), ["个事件", "t"]),
    (put("packet.t", None), ["个事件", "t"]),
    (put("packet.flags", "SYN"), ["个事件", "flags"]),
    (put("packet.options", {"MSS": 1460}), ["个事件", "options"]),
    (put("packet.fate", "eaten"), ["个事件", "fate", "eaten"]),
    (put("packet.colour", "red"), ["个事件", "colour"]),
    (put("call.errno", 32), ["个事件", "errno"]),
]
VALUES = [
    (put("call.host", "mars"), ["个事件", "host", "mars"]),
    (put("state.host", "mars"), ["个事件", "host", "mars"]),
    (put("packet.src", "mars"), ["个事件", "src", "mars"]),
    (put("packet.cable", 1), ["个事件", "cable"]),
    (put("packet.cable", -1), ["个事件", "cable"]),
    (put("packet.t", -1), ["个事件", "t", "负数"]),
    (put("packet.end", 0), ["个事件", "end", "早"]),
    (put("packet.t", 10**29), ["大得离谱", "1000"]),
    (put("packet.length", 10**6), ["个事件", "length"]),
    (put("packet.raw", ""), ["个事件", "raw"]),
    (put("packet.raw", "99"), ["个事件", "raw"]),
    (put("packet.window", -1), ["个事件", "window"]),
    (put("packet.source", "[fd00::1"), ["个事件", "source"]),
    (put("packet.target", "10.0.0.1:²"), ["个事件", "target"]),
    (put("state.local", "somewhere"), ["个事件", "local"]),
    (put("call.args", "\ud800"), ["U+D800"]),
    (put("title", "\x00"), ["U+0000"]),
    (put("hosts", []), ["hosts", "空"]),
    (put("cables", []), ["个事件", "cable"]),
    (put("cables.ends", ["client", "mars"]), ["cables[0]", "mars"]),
    (put("cables.ends", []), ["cables[0]"]),
    (put("cables.delay", -5), ["cables[0]", "delay"]),
    (put("parameters", {"x": float("inf")}), ["大得离谱"]),
    (lambda v: v["events"].reverse(), ["个事件", "t", "早"]),
    (lambda v: v["hosts"].append(v["hosts"][0]), ["hosts", "同名"]),
    (put("cables.bandwidth", -5), ["cables[0]", "bandwidth"]),
]
BYTES = [
    (put("packet.raw", "45zz"), ["个事件", "raw", "十六进制"]),
    (put("packet.raw", "450"), ["个事件", "raw", "十六进制"]),
    (put("packet.raw", "45 00"), ["个事件", "raw", "十六进制"]),
    (put("call.data", "你好"), ["个事件", "data", "十六进制"]),
]
TEXTS = [
    (b"", ["JSON", "第 1 行第 1 列"]),
    (b"\xff\xfe\x00", ["JSON", "UTF-8"]),
    (b"\x80", ["JSON", "第 1 个字节"]),
    (b"{'format': 1}", ["JSON", "第 1 行第 2 列"]),
    (TEXT[:len(TEXT) // 2], ["JSON", "行", "列"]),
    (TEXT + "}", ["JSON", "行", "列"]),
    ("[" * 200_000, ["JSON", "嵌套"]),
    ('{"t": ' + "1" * 5000 + "}", ["JSON", "太长"]),
]


def refused(text: str | bytes) -> str:
    """``loads`` 拒绝它时说的话。"""
    with pytest.raises(TraceError) as caught:
        loads(text, "作业.json")
    message = str(caught.value)
    assert message.startswith("作业.json ")
    assert message.endswith("。")
    assert "\n" not in message
    assert CHINESE.search(message)
    return message


@pytest.mark.parametrize(("change", "places"), STRUCTURE + VALUES + BYTES)
def test_malformed_trace_gets_one_sentence(change, places):
    message = refused(edited(change))
    assert [p for p in places if p not in message] == []


@pytest.mark.parametrize("change", [c for c, _ in STRUCTURE])
def test_schema_refuses_what_the_reader_refuses(change):
    validator = jsonschema.Draft202012Validator(schema())
    assert not validator.is_valid(json.loads(edited(change)))


@pytest.mark.parametrize(("text", "places"), TEXTS, ids=range(len(TEXTS)))
def test_text_that_is_no_json_gets_one_sentence(text, places):
    message = refused(text)
    assert [p for p in places if p not in message] == []


def test_the_event_named_is_the_one_that_is_wrong():
    value = copy.deepcopy(VALUE)
    value["events"][4]["t"] = "soon"
    assert "第 5 个事件" in refused(json.dumps(value))


JUNK = [None, True, -1, 0, 1.5, 10**30, "", "x", "ff", [], {}, ["SYN"], {"MSS": "1"}]


def nodes(value: object, at: tuple = ()) -> list[tuple]:
    """一个 JSON 值里每个节点的路径。"""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inside for path in nodes(item, (*at, key)))]


def mutate(value: dict, dice: random.Random) -> None:
    """在一个随机的地方删、换、复制或改键名。"""
    *way, last = dice.choice([p for p in nodes(value) if p])
    for key in way:
        value = value[key]
    match dice.choice(["delete", "replace", "copy", "rename"]):
        case "delete":
            del value[last]
        case "replace":
            value[last] = dice.choice(JUNK)
        case "copy" if isinstance(value, list):
            value.insert(last, value[dice.randrange(len(value))])
        case "rename" if isinstance(value, dict):
            value[dice.choice(["t", "kind", "raw", "nonsense"])] = value.pop(last)
        case _:
            value[last] = [value[last]]


def drawn(trace) -> None:
    """读得进来，就画得出、写得出、存得下。"""
    for width in ("wide", "narrow"):
        ElementTree.fromstring(svg.render(trace, width=width))
    text.render(trace, details=True).encode()
    violations(trace)
    if trace.capture == "cable":
        pcap.dumps(trace)
    for index in range(len(trace.events)):
        explain(trace, index)


@pytest.mark.slow
def test_any_damage_loads_or_is_refused_and_nothing_else():
    dice, outcomes = random.Random(793), {"loaded": 0, "refused": 0}
    for _ in range(400):
        value = copy.deepcopy(VALUE)
        for _ in range(dice.randint(1, 3)):
            mutate(value, dice)
        try:
            trace = loads(json.dumps(value))
        except TraceError:
            outcomes["refused"] += 1
        else:
            trace.canonical(), trace.signatures, trace.label, trace.duration, dumps(trace)
            assert compare(trace, trace) is None
            drawn(trace)
            outcomes["loaded"] += 1
    assert min(outcomes.values()) > 30, outcomes


def test_any_truncation_is_refused():
    dice = random.Random(5)
    for _ in range(200):
        refused(TEXT[:dice.randrange(len(TEXT) - 2)])


def test_label_says_what_the_reader_sees():
    assert Trace().label == "实时"
    assert Trace(capture="loopback").label == "实时（无抓包）"
    assert Trace(recorded="2025-01-01").label == "录制"
    assert Trace(capture="loopback", recorded="2025-01-01").label == "录制"


@pytest.mark.parametrize(("length", "seq", "flags", "payload", "extent"), [
    (0, 5, ["ACK"], b"", range(5, 5)), (2, 5, ["PSH", "ACK"], b"\x03\x04", range(5, 7)), (0, 5, ["SYN"], b"", range(5, 6)),
    (2, 5, ["FIN", "ACK"], b"\x03\x04", range(5, 8)), (2, None, ["ACK"], b"\x03\x04", range(0))])
def test_a_segment_knows_its_data_and_the_numbers_it_takes(length, seq, flags, payload, extent):
    one = Packet(t=0, number=1, src="a", dst="b", protocol="tcp", source="", target="", flags=flags, seq=seq, length=length,
                 raw="01020304")
    assert one.payload == payload
    assert list(one.extent) == list(extent)


def test_a_host_is_found_by_its_name():
    host = Host(name="b", title="", addresses=[])
    trace = Trace(hosts=[Host(name="a", title="", addresses=[]), host])
    assert trace.host("b") is host
    with pytest.raises(KeyError, match="c"):
        trace.host("c")


def test_what_a_host_sent_is_known_only_with_a_capture():
    sent = [Packet(t=t, number=t, src=src, dst="x", protocol="tcp", source="", target="", flags=flags, raw="")
            for t, (src, flags) in enumerate([("a", ["SYN"]), ("b", ["SYN", "ACK"]), ("a", ["FIN", "ACK"]), ("a", ["ACK"])])]
    trace = Trace(events=sent)
    assert trace.sent_by("a") == [sent[0], sent[2], sent[3]]
    assert trace.sent_by("a", "ACK", "FIN") == [sent[2]]
    with pytest.raises(TraceError, match=r"^这条轨迹没有抓包"):
        Trace(capture="loopback", events=sent).sent_by("a")
