"""实验：名字、参数、变体和录制都对得上；写错的请求得到一句中文。"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from sockscope import experiments, places
from sockscope.experiments import GALLERY, GROWING, Choice, Experiment, Recording, Switch
from sockscope.live import Network, Unavailable
from sockscope.trace import TraceError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src" / "sockscope" / "experiments"
NAMES = experiments.names()
STONES = ("keepalive", "lost_datagram", "unreachable")


# ---------------------------------------------------------------- 参数

@pytest.mark.parametrize("name", NAMES)
def test_keys_are_unique_and_safe_in_a_file_name(name):
    wanted = experiments.get(name)
    keys = [wanted.key(values) for values in wanted.variants()]
    assert len({key.lower() for key in keys}) == len(keys), "不分大小写的文件系统上也要分得清"
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", key) for key in keys)
    assert re.fullmatch(r"[a-z0-9_]+", name)


@pytest.mark.parametrize("name", NAMES)
def test_first_variant_is_the_default(name):
    wanted = experiments.get(name)
    assert wanted.variants()[0] == wanted.defaults == wanted.complete({})
    assert wanted.key({}) == wanted.key(wanted.variants()[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_is_of_the_type_the_function_says(name):
    """mypy 看不见取值怎样传给函数，所以在这里比：形参写的类型，就是每个取值的类型。"""
    wanted = experiments.get(name)
    told = get_type_hints(wanted.function)
    assert {p.name: {type(value) for value in p.choices} for p in wanted.parameters} == {
        parameter: {kind} for parameter, kind in told.items() if parameter not in ("net", "return")}
    assert (told["net"], told["return"]) == (Network, type(None))


@pytest.mark.parametrize("name", NAMES)
def test_experiment_tells_the_reader_what_it_asks(name):
    wanted = experiments.get(name)
    assert re.fullmatch(rf"\d\d|{GALLERY}|{GROWING}", wanted.chapter)
    assert wanted.title
    assert "？" in wanted.question
    assert all(p.name and p.label and len(p.options) >= 2 for p in wanted.parameters)


def sample() -> Experiment:
    def plain(net, how, twice):
        raise AssertionError("参数不对，不该运行")
    return Experiment(plain, "00", "样品", parameters=[
        Choice("怎样", {"a": "甲", 2: "乙"}, name="how"), Choice("两次", {False: "否", True: "是"}, name="twice"),
        Choice("几个", {1: "1"}, (0, 9), name="count")])


@pytest.mark.parametrize(("values", "said"), [
    ({"why": 1}, "实验 plain 没有参数 'why'；它有：how、twice、count。"),
    ({"how": "b"}, "参数 how 不能取 'b'；可取：'a'、2。"),
    ({"how": "2"}, "参数 how 不能取 '2'；可取：'a'、2。"),
    ({"how": None}, "参数 how 不能取 None；可取：'a'、2。"),
    ({"how": []}, "参数 how 不能取 []；可取：'a'、2。"),
    ({"twice": 1}, "参数 twice 不能取 1；可取：False、True。"),
    ({"count": 10}, "参数 count 不能取 10；可取：1，或者 0 到 9 的整数。"),
    ({"count": -1}, "参数 count 不能取 -1；可取：1，或者 0 到 9 的整数。"),
    ({"count": True}, "参数 count 不能取 True；可取：1，或者 0 到 9 的整数。"),
    ({"count": 2.0}, "参数 count 不能取 2.0；可取：1，或者 0 到 9 的整数。"),
    ({"delay": 501}, "网线的时延不能是 501；可取 0 到 500 的整数，毫秒。"),
    ({"delay": True}, "网线的时延不能是 True；可取 0 到 500 的整数，毫秒。"),
    ({"delay": 0.1}, "网线的时延不能是 0.1；可取 0 到 500 的整数，毫秒。"),
])
def test_bad_parameters_get_one_sentence(values, said):
    for ask in (sample().complete, sample().key, lambda v: sample().run(**v), lambda v: sample().observe(**v)):
        with pytest.raises(ValueError) as caught:
            ask(values)
        assert str(caught.value) == said


def test_a_reader_may_type_what_was_not_recorded():
    wanted = sample()
    assert wanted.key({"count": 7, "delay": 0}) == "a.0.7@0"
    assert wanted.complete({"delay": 10}) == wanted.defaults, "与缺省的时延一样，就还是录过的那一种"
    assert wanted.key({"delay": 10}) == wanted.key({})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_recorded_lies_within_what_may_be_typed(name):
    wanted = experiments.get(name)
    for parameter in wanted.parameters:
        low, high = parameter.typed or (0, 0)
        assert parameter.typed is None or all(low <= value <= high for value in parameter.choices)
        assert parameter.name != "delay", "网线的时延是每个实验都有的参数"


def test_unknown_experiment_gets_one_sentence():
    with pytest.raises(ValueError, match="没有叫 'qqqq' 的实验；有："):
        experiments.get("qqqq")
    with pytest.raises(ValueError, match=r"^没有叫 'closeing' 的实验；是不是 closing"):
        experiments.get("closeing")


def test_switch_puts_its_default_first():
    assert Switch("开关").options == [(False, "否"), (True, "是")]
    assert Switch("开关", True).options == [(True, "是"), (False, "否")]
    assert Switch("开关", True).default is True


# ---------------------------------------------------------------- 录制

def test_every_experiment_has_a_recording_and_every_recording_an_experiment():
    assert sorted(p.stem for p in places.recordings().glob("*.json")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_recordings_are_complete_and_none_is_stale(name):
    wanted, whole = experiments.get(name), Recording.load(name)
    assert list(whole.variants) == [wanted.key(values) for values in wanted.variants()]
    assert {key: list(group) for key, group in whole.drops.items()} == {
        key: list(dict.fromkeys(whole.variants[key].signatures))  # 网线多送的一份与原来的同名，一起剪
        for key in map(wanted.key, wanted.cut_variants())}


@pytest.mark.parametrize("name", NAMES)
def test_recordings_say_what_they_are(name):
    wanted = experiments.get(name)
    for values in wanted.variants():
        trace = experiments.recording(name, **values)
        assert (trace.label, trace.capture) == ("录制", "cable")
        assert (trace.experiment, trace.parameters) == (name, values)
        assert re.fullmatch(rf"{re.escape(wanted.title)}(（.+）)?", trace.title)  # 括号里说明是哪一种 SCTP
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", trace.recorded)
        assert [h.name for h in trace.hosts] == list(wanted.hosts)
        assert trace.kernel.startswith("Linux ")


@pytest.mark.parametrize("name", NAMES)
def test_dropped_packet_is_dropped_in_its_recording(name):
    cuts = [item for group in Recording.load(name).drops.values() for item in group.items()]
    for signature, trace in cuts:
        fates = [p.fate for p, s in zip(trace.packets, trace.signatures, strict=True) if s == signature]
        assert fates in (["dropped"], ["cut"]), signature


def test_a_missing_recording_says_how_to_get_one():
    with pytest.raises(FileNotFoundError, match="在能抓包的机器上现场运行"):
        experiments.recording("closing", drop=["nobody>nobody SYN 0+0 #1"])
    with pytest.raises(FileNotFoundError, match=r"还没有录制.*make record"):
        Recording.load("nothing")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """一个临时的录制文件夹。"""
    monkeypatch.setattr(places, "recordings", lambda: tmp_path)
    return tmp_path


HEAD = {"format": "sockscope-recordings/1", "experiment": "closing"}


@pytest.mark.parametrize(("content", "said"), [
    ("", "不是 JSON：第 1 行第 1 列"),
    ("[]", "format"),
    ('{"format": "sockscope-recordings/0"}', "format"),
    (json.dumps(HEAD | {"variants": []}), "variants 应为对象"),
    (json.dumps(HEAD | {"drops": 3}), "drops 应为对象"),
    (json.dumps(HEAD | {"drops": {"close": []}}), "close 应为对象"),
    (json.dumps(HEAD | {"variants": {"close": 1}}), "closing.json 的 close 的 format"),
    (json.dumps(HEAD | {"drops": {"close": {"SYN": {}}}}), "close 剪 SYN 的 format"),
])
def test_malformed_recording_gets_one_sentence(folder, content, said):
    (folder / "closing.json").write_text(content)
    with pytest.raises(TraceError) as caught:
        Recording.load("closing")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_saving_a_recording_again_changes_nothing(folder):
    source = ROOT / "recordings" / "closing.json"
    (folder / "closing.json").write_bytes(source.read_bytes())
    Recording.load("closing").save()
    assert (folder / "closing.json").read_bytes() == source.read_bytes()


# ---------------------------------------------------------------- 一级一级退下来

def test_recording_is_what_one_sees_where_nothing_else_works(monkeypatch):
    monkeypatch.setenv("SOCKSCOPE_CAPTURE", "recording")
    assert experiments.get("closing").observe(how="SHUT_WR").label == "录制"
    with pytest.raises(Unavailable):
        experiments.get("closing").run()


# ---------------------------------------------------------------- 读起来

@pytest.mark.parametrize("name", STONES)
def test_a_first_stone_is_a_file_of_at_most_25_lines(name):
    path, = FOLDER.rglob(f"{name}.py")
    assert len(path.read_text().splitlines()) <= 25


def test_no_experiment_sleeps():
    assert [p.name for p in FOLDER.rglob("*.py") if "sleep(" in p.read_text()] == []
