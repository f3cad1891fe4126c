"""账本里的证明：逐句运行，不成立的说出是哪一句；单元格的名字空间不受影响。"""

from __future__ import annotations

import pytest

from sockscope.cells.proofs import prove, proving


def test_a_proof_sees_the_names_of_its_cell():
    prove("doubled = [x * factor for x in seen]\nassert doubled == [2, 4]", {"seen": [1, 2], "factor": 2})


def test_a_refuted_proof_says_which_sentence_and_what_was_there():
    with pytest.raises(AssertionError, match=r"assert seen == \[3\]；左边是 \[1\]"):
        prove("assert seen\nassert seen == [3]", {"seen": [1]})


def test_other_mistakes_are_told_as_they_are():
    with pytest.raises(NameError):
        prove("assert missing", {})


def test_the_notebook_keeps_its_own_names():
    names = {"seen": [1]}
    exec(proving("seen = 5\nassert seen == 5"), names)
    assert names["seen"] == [1]
    assert "_" not in names
