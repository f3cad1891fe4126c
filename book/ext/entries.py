"""书里由数据生成的条目：症状、错误码、术语、流传的说法。各是一节，锚点与它们在页面上的相同。"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sections import Section
from sockscope.pages import errors as codes
from sockscope.pages import ledger, scenes, symptoms, terms
from sockscope.render.errors import errors

MARK = re.compile(r"`([^`]+)`")


def plain(text: str) -> str:
    """去掉反引号。"""
    return MARK.sub(r"\1", text)


def everything() -> Iterator[Section]:
    """全部条目。"""
    yield from map(_symptom, symptoms.everything())
    yield from (_entry("错误码", "book/appendix_a", "附录 A 错误码索引", error.name, f"{error.name} {error.message}",
                       [f"{error.says}。{error.why}"]) for error in errors().values() if codes.proofs(error.name))
    yield from (_entry("术语", "book/appendix_c", "附录 C 术语表", term.name, f"{term.zh}（{term.en}）", [term.says])
                for term in terms.terms())
    yield from (_entry("说法", "book/appendix_d", "附录 D 误解与实测", claim.name, claim.says,
                       [f"{claim.verdict}。{claim.because}"]) for claim in ledger.all_beliefs())


def _entry(kind: str, page: str, above: str, anchor: str, title: str, texts: list[str]) -> Section:
    return Section(page, anchor, plain(title), (above,), [plain(text) for text in texts], kind=kind,
                   marked=MARK.findall(title + "".join(texts)))


def _symptom(symptom: symptoms.Symptom) -> Section:
    said = [symptom.sees, *(text for cause in symptom.causes for text in (cause.why, cause.tell, cause.cure, cause.run))]
    found = _entry("症状", "book/symptoms", "从症状找原因", symptom.name, symptom.says, said)
    found.lines, found.typed = symptom.lines, symptom.typed
    return found


def logs() -> dict[str, list[str]]:
    """第 13 章里 场面的标题 → 日志里的原话。"""
    return {scene.title: scene.lines for scene in scenes.scenes().values()}
