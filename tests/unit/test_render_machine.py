"""状态图画的就是那一张表：边不多不少，没有专门走法的边也画得出来。"""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from sockscope import places, tcp
from sockscope.pages import ledger
from sockscope.render import machine

SVG = "{http://www.w3.org/2000/svg}"


def edges(root: ElementTree.Element) -> list[tuple[str, str, str]]:
    return [(g.get("data-before"), g.get("data-event-name"), g.get("data-after"))
            for g in root.iter(f"{SVG}g") if g.get("data-before")]


def test_exactly_the_ordinary_edges_of_the_table() -> None:
    drawn = edges(ElementTree.fromstring(machine.render()))
    assert drawn == [(t.before, t.event, t.after) for t in tcp.TRANSITIONS if t.ordinary]


def test_every_state_stands_somewhere() -> None:
    root = ElementTree.fromstring(machine.render())
    assert {g.get("data-state") for g in root.iter(f"{SVG}g") if g.get("data-state")} == set(tcp.STATES)


def test_a_new_edge_appears_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = replace(tcp.TRANSITIONS[0], before="LISTEN", event="call connect", after="SYN_SENT")
    monkeypatch.setattr(machine, "TRANSITIONS", (*tcp.TRANSITIONS, extra))
    assert ("LISTEN", "call connect", "SYN_SENT") in edges(ElementTree.fromstring(machine.render()))


def test_highlight() -> None:
    root = ElementTree.fromstring(machine.render([("ESTABLISHED", "FIN_WAIT1"), "TIME_WAIT"]))
    hot = [g for g in root.iter(f"{SVG}g") if "hot" in g.get("class", "").split()]
    assert [(g.get("data-before"), g.get("data-state")) for g in hot] == [("ESTABLISHED", None), (None, "TIME_WAIT")]


def test_an_edge_with_an_address_is_a_link() -> None:
    first, second, *_ = [t for t in tcp.TRANSITIONS if t.ordinary]
    root = ElementTree.fromstring(machine.render(links={first: "a.html#一节"}))
    assert root.get("role") == "group", "里面有链接，就不是一张图片"
    link, = root.iter(f"{SVG}a")
    assert (link.get("href"), edges(link)) == ("a.html#一节", [(first.before, first.event, first.after)])
    assert link.get("aria-label").startswith(f"{first.before} → {first.after}")
    assert (second.before, second.event, second.after) in edges(root)
    assert ElementTree.fromstring(machine.render()).get("role") == "img"


def test_every_walked_edge_leads_to_a_section() -> None:
    links = ledger.walked()
    assert {edge for edge in links if edge.ordinary} == {edge for edge in ledger.walks() if edge.ordinary}
    for address in links.values():
        path, _, section = address.removeprefix("../").partition("#")
        assert section
        assert (places.ROOT / path).exists()
