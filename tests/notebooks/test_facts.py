"""账本：每个说法都有证据，而且证据还在。"""

from __future__ import annotations

import ast
import builtins
import json
import re
from pathlib import Path

import pytest

from sockscope import experiments
from sockscope.cells.recordings import Book
from sockscope.pages import ledger
from sockscope.tcp import TRANSITIONS

ROOT = Path(__file__).parents[2]
CONSTANT = set(dir(builtins))
CLAIMS = [pytest.param(c, id=f"{c.chapter}-{c.kind}-{c.cell or c.experiment}")
          for chapter in ledger.chapters() for c in ledger.claims(chapter)]


def code(chapter: str) -> dict[str, str]:
    found = json.loads(ledger.chapters()[chapter].read_text())["cells"]
    return {c["id"]: "".join(c["source"]) for c in found if c["cell_type"] == "code"}


def numbered() -> set[str]:
    return {p.stem[:2] for p in (ROOT / "chapters").glob("*.ipynb")} - {"00"}


def test_every_chapter_has_a_ledger():
    assert set(ledger.chapters()) == numbered()


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_has_one_proof_and_a_verdict(claim):
    assert bool(claim.cell) != bool(claim.experiment)
    assert claim.verdict in ledger.VERDICTS
    assert re.fullmatch(r"Linux \d+\.\d+", claim.kernel)
    assert claim.kind == "fact" or claim.because


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_says_where_it_holds(claim):
    assert claim.holds in ledger.HOLDS
    assert claim.source
    assert claim.elsewhere or claim.holds != "Linux", "只说 Linux 的，要说别的系统怎样"
    assert re.fullmatch(r"(\d+(\.\d+){1,2})?", claim.since)


@pytest.mark.parametrize("chapter", sorted(ledger.chapters()))
def test_guessing_false_does_not_pay(chapter):
    """流传的说法里，至少四分之一是真的。"""
    verdicts = [c.verdict for c in ledger.claims(chapter) if c.kind == "belief"]
    assert verdicts.count("成立") * 4 >= len(verdicts)


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.values[0].proof])
def test_a_proof_follows_a_cell(claim):
    assert claim.cell, "证明要紧跟着一个单元格"
    assert assertions(claim.proof), "证明里没有问到运行结果的断言"


def assertions(source: str) -> list[str]:
    """一格里算得上证据的断言：问的是运行时得到的东西，不是写死的常量，也不只是自己等于自己。"""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            asked = {ast.unparse(part) for part in ast.walk(node.test) if isinstance(part, ast.Name) and part.id not in CONSTANT}
            same = isinstance(node.test, ast.Compare) and len({ast.unparse(part) for part in (
                node.test.left, *node.test.comparators)}) == 1
            if asked and not same:
                found.append(ast.unparse(node.test))
    return found


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.values[0].cell])
def test_a_proving_cell_asserts_what_it_saw_and_held_when_it_ran(claim):
    source = code(claim.chapter).get(claim.cell)
    assert source is not None, f"第 {claim.chapter} 章没有单元格 {claim.cell}"
    proofs = ledger.proofs(claim.chapter).get(claim.cell, [])  # 同一格可以替几个说法作证
    assert assertions("\n".join([source, *proofs])), f"{claim.cell} 里没有问到运行结果的断言，账本里也没有证明"
    ran = Book.load(f"chapters/{ledger.chapters()[claim.chapter].name}").outputs(claim.cell, source)
    assert ran is not None, f"{claim.cell} 改过以后没有再运行"
    assert [output for output in ran if "error" in output] == []
    assert claim.evidence


@pytest.mark.parametrize(("source", "found"), [
    ("assert seen == [1]", 1), ("assert True", 0), ("assert 1 == 1", 0), ("x = 'assert y'", 0), ("# assert y", 0),
    ("assert seen == seen", 0), ("assert len([1]) == 1", 0), ("with net:\n    assert near.recv(1) == b''", 1)])
def test_only_questions_to_the_kernel_are_proof(source, found):
    assert len(assertions(source)) == found


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.values[0].experiment])
def test_a_proving_experiment_is_registered_and_recorded(claim):
    wanted = experiments.get(claim.experiment)
    for values in wanted.variants():
        assert experiments.recording(claim.experiment, **values).events


@pytest.mark.parametrize("chapter", ledger.chapters())
def test_every_asserting_cell_is_in_the_ledger(chapter):
    """反过来：页面上有断言，账本里就有它。"""
    cited = {c.cell for c in ledger.claims(chapter)}
    asserting = {name for name, source in code(chapter).items() if re.search(r"^\s*assert ", source, re.MULTILINE)}
    assert asserting - cited - {"fin-wait2-and-close-wait"} == set()


def test_the_table_shows_every_belief():
    for chapter in ledger.chapters():
        html = ledger.beliefs(chapter)._repr_html_()
        assert html.count("<tr") == 1 + sum(c.kind == "belief" for c in ledger.claims(chapter))


def test_a_missing_cell_has_no_heading():
    with pytest.raises(KeyError, match="没有叫"):
        ledger.heading("05", "no-such-cell")


def test_every_edge_of_the_state_machine_is_walked_but_these():
    """少了一条，说明录制退步了；多走了一条，就从这里删去。"""
    missing = {(e.before, e.after) for e in TRANSITIONS if e.ordinary and e not in ledger.walks()}
    assert missing == {("SYN_RECV", "FIN_WAIT1"), ("TIME_WAIT", "CLOSE")}
