"""文字有多宽，地址怎样写：图靠它们排版。"""

from __future__ import annotations

import pytest

from sockscope import experiments
from sockscope.render import attach, mimebundle
from sockscope.render.addresses import address_of, normal, shown
from sockscope.render.measure import cells, cut, pad, width
from sockscope.trace import Host, Packet, State, Trace


def test_a_chinese_character_is_as_wide_as_the_font_is_high():
    assert width("中", 10) == 10
    assert width("e\u0301", 10) == width("e", 10), "叠在上面的符号不占地方"
    assert width("→", 10) < width("中", 10)


@pytest.mark.parametrize(("text", "room", "shown"), [
    ("abc", 100, "abc"), ("abcdef", 30, "abc…"), ("ab cdef", 30, "ab…"), ("abcdef", 0, "…")])
def test_what_does_not_fit_is_cut(text, room, shown):
    assert cut(text, 10, room) == shown


@pytest.mark.parametrize(("text", "room", "align", "shown"), [
    ("ab", 4, "left", "ab  "), ("ab", 4, "right", "  ab"), ("中文", 3, "left", "中…"), ("中文字", 4, "left", "中… "),
    ("e\u0301x", 2, "left", "e\u0301x")])
def test_a_terminal_column_is_exactly_as_wide_as_asked(text, room, align, shown):
    assert pad(text, room, align) == shown
    assert cells(pad(text, room, align)) == room


@pytest.mark.parametrize(("endpoint", "address"), [
    ("10.0.0.1:7", "10.0.0.1"), ("[fd00:0::1]:7", "fd00::1"), ("fd00:0:0::1", "fd00::1"), ("10.0.0.1", "10.0.0.1"),
    ("server:7", "server")])
def test_the_address_of_an_endpoint(endpoint, address):
    assert address_of(endpoint) == address
    assert normal(address) == address


def test_nothing_needs_no_room():
    assert cut("", 10, -5) == ""


def packet(source: str, target: str) -> Packet:
    return Packet(t=0, number=1, src="a", dst="b", protocol="udp", source=source, target=target, raw="")


@pytest.mark.parametrize(("events", "addresses"), [
    ([], {"a": "10.0.0.1", "b": "10.0.0.2", "c": ""}),
    ([packet("[fd00::1]:5", "[fd00::2]:7")], {"a": "fd00::1", "b": "fd00::2", "c": ""}),
    ([State(t=0, host="b", local="[fd00::2]:7", peer="", state="LISTEN", origin="sock_diag")],
     {"a": "10.0.0.1", "b": "fd00::2", "c": ""}),
    ([packet("10.0.0.1:5", "10.0.0.2:7"), packet("[fd00::1]:5", "[fd00::2]:7")], {"a": "10.0.0.1", "b": "10.0.0.2", "c": ""})])
def test_a_host_is_shown_by_the_first_address_it_used(events, addresses):
    hosts = [Host(name="a", title="", addresses=["10.0.0.1", "fd00:0::1"]),
             Host(name="b", title="", addresses=["10.0.0.2", "fd00:0::2"]), Host(name="c", title="", addresses=[])]
    assert shown(Trace(hosts=hosts, events=events)) == addresses


def test_a_notebook_shows_a_trace_in_three_ways(monkeypatch):
    monkeypatch.setattr(Trace, "_repr_mimebundle_", None, raising=False)
    trace = experiments.recording("ping")
    attach()
    bundle = trace._repr_mimebundle_()
    assert bundle == mimebundle(trace)
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert bundle["text/html"].count("<svg") == 2
    assert bundle["image/svg+xml"] in bundle["text/html"]
