"""形状：地址、路由、谁是路由器；不成形状的，一句话。"""

from __future__ import annotations

import pytest

from sockscope.live.plan import Plan
from sockscope.live.topology import LONGEST, Topology


def addresses(topology: Topology) -> dict[str, list[str]]:
    return {name: [port.address for port in ports] for name, ports in topology.ports.items()}


def routes(topology: Topology, name: str) -> list[tuple[str, str]]:
    [plan] = [plan for host, plan in zip(topology.hosts, Plan.all(topology, True, 0), strict=True) if host == name]
    return [(route["dst"], route["gateway"]) for route in plan.routes if ":" not in route["dst"]]


def test_a_row_is_what_it_always_was():
    row = Topology.row(["client", "router", "router2", "server"])
    assert addresses(row) == {"client": ["10.0.0.1"], "router": ["10.0.0.2", "10.0.1.1"],
                              "router2": ["10.0.1.2", "10.0.2.1"], "server": ["10.0.2.2"]}
    assert routes(row, "client") == [("0.0.0.0/0", "10.0.0.2")]
    assert routes(row, "router") == [("10.0.2.0/24", "10.0.1.2")]
    assert routes(row, "server") == [("0.0.0.0/0", "10.0.2.1")]
    assert [name for name in row.hosts if row.forwards(name)] == ["router", "router2"]


def test_a_row_written_as_a_graph_is_the_same():
    assert Topology.graph([], [("a", "b"), ("b", "c")]) == Topology.row("abc")


def test_hosts_on_one_switch_share_a_segment():
    lan = Topology.graph([], [("a", "lan"), ("b", "lan"), ("gw", "lan"), ("gw", "server")], ["lan"])
    assert addresses(lan) == {"a": ["10.0.0.1"], "b": ["10.0.0.2"], "gw": ["10.0.0.3", "10.0.1.1"], "server": ["10.0.1.2"]}
    assert routes(lan, "a") == [("0.0.0.0/0", "10.0.0.3")]
    assert lan.interface("gw", "lan") == "eth0"
    assert lan.interface("gw", "server") == "eth1"


def test_the_shortest_way_is_taken_and_then_the_first_written():
    square = Topology.graph([], [("client", "r1"), ("client", "r2"), ("r1", "server"), ("r2", "server")])
    assert routes(square, "client") == [("10.0.2.0/24", "10.0.0.2"), ("10.0.3.0/24", "10.0.1.2")]
    long = Topology.graph([], [("a", "b"), ("b", "c"), ("c", "d"), ("a", "x"), ("x", "d"), ("d", "e")])
    assert ("10.0.4.0/23", "10.0.3.2") in routes(long, "a")  # x 那边近，到 e 也走 x


def test_neighbouring_segments_become_one_route():
    assert len(routes(Topology.row(f"h{i}" for i in range(250)), "h120")) < 20


@pytest.mark.parametrize(("names", "cables", "switches", "said"), [
    (["a"], [], [], "至少要两台"),
    (["a", "a"], [("a", "a")], [], "至少要两台"),
    ([], [("a", "b"), ("c", "c")], [], "两端都是 c"),
    (["z"], [("a", "b")], [], "z 上一根网线也没有"),
    ([], [("a", "b")], ["lan"], "交换机 lan 上一根网线也没有"),
    ([], [("a", "b"), ("c", "d")], [], "a 与 c 之间没有路"),
    ([], [("a", "s"), ("s", "t"), ("t", "b")], ["s", "t"], "交换机之间还不能直接相连"),
    ([], [(f"h{i}", "lan") for i in range(254)], ["lan"], "至多接 253 台"),
    ([], [(f"h{i}", f"h{i + 1}") for i in range(LONGEST + 2)], [], f"至多 {LONGEST} 个路由器"),
])
def test_no_shape_is_one_sentence(names, cables, switches, said):
    with pytest.raises(ValueError, match=said):
        Topology.graph(names, cables, switches)


def test_an_unknown_neighbour_is_one_sentence():
    with pytest.raises(ValueError, match="a 与 c 之间没有网线；a 的隔壁是 b"):
        Topology.row("abc").interface("a", "c")
