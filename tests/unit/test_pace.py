"""时限随机器的快慢：普通的机器上原样，慢的机器上放宽；没有哪个时限漏掉。"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sockscope.live import pace

SOURCE = Path(__file__).parents[2] / "src" / "sockscope"
LIMITS = {"PATIENCE", "LIMIT", "START"}
OTHERWISE = {
    "measure/round_trip.py": "多久没有回音就再发一个，不是时限",
    "grading": "批改的时限是规矩，写给学生看的",
}


@pytest.fixture
def slow(monkeypatch):
    """一台慢二十倍的机器。"""
    monkeypatch.setattr(pace, "_once", lambda: 20 * pace.ORDINARY)
    pace.measure_again()
    yield
    pace.measure_again()


@pytest.fixture
def measured_here():
    pace.measure_again()
    yield
    pace.measure_again()


def test_an_ordinary_machine_waits_as_long_as_it_says(measured_here):
    assert pace.pace() == 1
    assert pace.patience(10) == 10


def test_a_slow_machine_waits_longer(slow):
    assert pace.pace() == 20
    assert pace.patience(10) == 200


def test_a_process_measures_once_until_it_is_told_to_measure_again(monkeypatch, measured_here):
    pace.pace()
    monkeypatch.setattr(pace, "_once", lambda: 3 * pace.ORDINARY)
    assert pace.pace() == 1
    pace.measure_again()
    assert pace.pace() == 3


def test_time_is_the_processors_own(monkeypatch, measured_here):
    """墙上的钟不算：别的进程占着处理器，不算这台机器慢。"""
    monkeypatch.setattr(pace.time, "monotonic", None)
    monkeypatch.setattr(pace.time, "perf_counter", None)
    assert pace._once() > 0


def test_no_limit_escapes():
    """名叫 PATIENCE、LIMIT、START 的秒数，用到它的函数里都有 ``patience(它)``。"""
    found = [f"{path.relative_to(SOURCE)} 的 {name}" for path in sorted(SOURCE.rglob("*.py"))
             if not str(path.relative_to(SOURCE)).startswith(tuple(OTHERWISE)) for name in escaped(ast.parse(path.read_text()))]
    assert found == []


def escaped(module: ast.Module) -> list[str]:
    named = {target.id for node in module.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
             and isinstance(node.value.value, (int, float)) for target in node.targets if isinstance(target, ast.Name)}
    functions = [node for node in ast.walk(module) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [f"{function.name}：{name}" for function in functions for name in sorted(named & LIMITS)
            if name in loaded(function) and name not in stretched(function)]


def loaded(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def stretched(tree: ast.AST) -> set[str]:
    return {node.args[0].id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id == "patience" and isinstance(node.args[0], ast.Name)}
