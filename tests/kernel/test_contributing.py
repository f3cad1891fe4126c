"""CONTRIBUTING 里的例子都照着做一遍：实验、章、练习、检查、错误码、症状、术语，写的字段都收，说的结果都对。"""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sockscope import experiments, tcp
from sockscope.experiments import Experiment
from sockscope.grading.course.source import FENCE, Sample
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers, Plain
from sockscope.pages import quiz
from sockscope.pages.ledger import Claim
from sockscope.pages.symptoms import Cause, Symptom
from sockscope.pages.terms import Term, terms
from sockscope.render.errors import Error, errors

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def block(holding: str) -> str:
    """里面有这几个字的那一段例子，恰有一段。"""
    found, = [text for _, text in BLOCKS if holding in text]
    return found


def table(holding: str) -> dict[str, Any]:
    return tomllib.loads(block(holding))


def ran(holding: str, **names: Any) -> dict[str, Any]:
    """运行一段例子，返回它定义的名字。"""
    space = {"__name__": "example", **names}
    exec(compile(block(holding), holding, "exec", dont_inherit=True), space)
    return space


@pytest.fixture
def said_twice(monkeypatch) -> Experiment:
    home = import_module("sockscope.experiments.experiment")
    monkeypatch.setattr(home, "_registry", {name: experiments.get(name) for name in experiments.names()})  # 不留给别的测试
    found: Experiment = ran("def said_twice")["said_twice"]
    return found


def test_the_examples_are_not_in_the_book_already():
    assert "said_twice" not in experiments.names()
    assert table("[ENOTTY]").keys().isdisjoint(errors())
    assert {term["zh"] for term in table("[[term]]")["term"]}.isdisjoint(term.zh for term in terms())


@pytest.mark.slow
def test_the_experiment_survives_every_value_and_every_cut(said_twice):
    for values in said_twice.variants():
        assert tcp.violations(said_twice.run(**values)) == []
    for signature in said_twice.run().signatures:
        assert said_twice.run(drop=[signature]).events


def test_the_prediction_is_what_the_kernel_does(said_twice, monkeypatch):
    trace = said_twice.run()
    monkeypatch.setattr(experiments, "recording", lambda name, **values: trace)
    assert ran("predict(\n", predict=quiz.predict, outcome=quiz.outcome)
    assert outcome_of(trace) == "成功"
    assert outcome_of(said_twice.run(peer_too=True)) == "ENOTCONN"


def outcome_of(trace: Any) -> str:
    return quiz.outcome("client", "shutdown", 2)(trace)


def test_the_first_cell_of_the_chapter_holds():
    assert ran("from select import select")["net"].trace.sent_by("server", "FIN")


def test_the_ledger_takes_the_claims():
    told = table("[[belief]]")
    made = [Claim(chapter="15", kind=kind, kernel=told["kernel"], **{"verdict": "成立", **item})
            for kind in ("fact", "belief") for item in told[kind]]
    assert [claim.cell or claim.experiment for claim in made] == ["close-is-readable", "said_twice"]


def test_the_check_passes_the_model_and_the_other_way_and_sees_the_mistake():
    lab = ran("def bit_by_bit")["lab"]
    source, told = FENCE.sub("", block("### BEGIN SOLUTION\n")), table("[[wrong]]")
    wrong, right = told["wrong"][0], told["right"][0]
    assert source.count(wrong["old"]) == 1
    samples = [Sample("model", "", Answers({"count": source})), Sample("right", "", Answers({"count": right["count"].lstrip()})),
               Sample("wrong", "", Answers({"count": source.replace(wrong["old"], wrong["new"])}))]
    verdicts = [examine(lab.checks["bit_by_bit"], sample.answers, Plain(), 3) for sample in samples]
    assert [verdict.status for verdict in verdicts] == ["passed", "passed", "failed"], verdicts
    assert wrong["fails"] == ["bit_by_bit"]


def test_the_entries_have_the_fields_that_are_read():
    assert [Error(name, **fields) for name, fields in table("[ENOTTY]").items()]
    assert [Symptom(causes=[Cause(**cause) for cause in item.pop("cause")], **item) for item in table("[[symptom]]")["symptom"]]
    assert [Term(**item) for item in table("[[term]]")["term"]]
