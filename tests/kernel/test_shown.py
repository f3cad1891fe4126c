"""在笔记本里写出一个网络、一台主机、一根网线，看到的是什么；按 Tab 补全，看到的又是什么。"""

from __future__ import annotations

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from sockscope import Network


def test_a_network_tells_its_hosts_cables_and_whether_it_is_open():
    with Network("client", "router", "server", delay=0.01, title="三台") as net:
        row = "client 10.0.0.1 ── 10 ms ── router 10.0.0.2 ── 10 ms ── server 10.0.1.2"
        assert repr(net) == f"<Network 三台：{row}；开着，0 个包>"
        net.cables[1].delay = 0
        net.client.socket().connect_ex(("10.0.0.2", 7))
    assert repr(net).endswith("router 10.0.0.2 ── 0 ms ── server 10.0.1.2；已关闭，2 个包>")


def test_without_a_cable_the_hosts_stand_side_by_side():
    with Network("client", "server", capture="loopback") as net:
        assert repr(net).startswith("<Network client 127.")
        assert " · server 127." in repr(net)


def test_a_cable_tells_its_temper():
    with Network("client", "server", delay=0.0025) as net:
        assert repr(net.cable) == "<Cable client ── server：时延 2.5 ms>"
        net.cable.loss, net.cable.jitter = 0.25, 0.001
        net.cable.cut()
        assert repr(net.cable) == "<Cable client ── server：时延 2.5 ms，抖动 1 ms，丢 25%，已剪断>"


def test_completion_shows_what_a_learner_may_use_and_each_works():
    with Network("client", "server") as net:
        assert {"client", "server", "cable", "trace", "settle"} <= set(dir(net))
        for thing in (net, net.client, net.cable):
            assert [name for name in dir(thing) if not hasattr(thing, name)] == []
            assert {"journal", "born", "see", "new_fd", "wires", "rules", "namespace"} & set(dir(thing)) == set()
            assert [name for name in dir(thing) if name.startswith("_")] == []


def test_the_completer_of_a_notebook_agrees(tmp_path, monkeypatch):
    """Lab 的补全（jedi）看的是类的定义，不只是 dir()。"""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setattr("jedi.settings.cache_directory", str(tmp_path))  # 普通用户进不了 root 的家
    shell = InteractiveShell()
    with Network("client", "server") as net, provisionalcompleter():
        shell.user_ns["net"] = net
        for text, thing in (("net.", net), ("net.client.", net.client), ("net.cable.", net.cable)):
            offered = {found.text for found in shell.Completer.completions(text, len(text))}
            assert offered - {"snip"} == set(dir(thing)), text  # snip：剪刀，实验的仪器用
