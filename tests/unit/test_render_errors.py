"""错误码只有一张表，录制里的每一次失败都说得出话。"""

from __future__ import annotations

import re

import pytest

from sockscope import places
from sockscope.render.errors import TIMEOUT, TLS, errors, phrase
from sockscope.render.words import explain
from sockscope.trace import Call, Host, Trace

FAILED = re.compile(r'"errno": ?"(\w+)"')
FILES = sorted(places.recordings().rglob("*.json"))


def explained(name: str) -> list[str]:
    call = Call(t=0, end=1, host="client", thread="main", name="recv", errno=name)
    return explain(Trace(hosts=[Host(name="client", title="客户端", addresses=[])], events=[call]), 0)["lines"]


def test_every_failure_in_every_recording_is_explained():
    found = {path: FAILED.findall(path.read_text(encoding="utf-8")) for path in FILES}
    assert sum(map(len, found.values())) > 1600
    known = {TIMEOUT, *TLS, *errors()}
    assert {path.name: strange for path, names in found.items() if (strange := set(names) - known)} == {}


@pytest.mark.parametrize("name", [TIMEOUT, *TLS, *errors()])
def test_the_explanation_is_a_plain_sentence(name):
    assert f"{name}：{phrase(name)}" in explained(name)
    assert re.search("[一-鿿]", phrase(name))
    assert phrase(name).endswith("。")
    assert "`" not in phrase(name)


def test_no_two_errors_are_explained_alike():
    assert len({phrase(name) for name in errors()}) == len(errors())


def test_an_unknown_error_quotes_the_kernel():
    assert phrase("EL2HLT") == "内核的说法是“Level 2 halted”。"
    assert phrase("EWOULDBLOCK") == phrase("EAGAIN")
    assert phrase("ENEVERHEARDOF") == "内核拒绝了这次调用。"
