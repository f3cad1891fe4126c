"""索引里的词，和教它的地方：术语、调用、选项与标志、错误码、状态、参数、信号、工具。

哪一节在教一个词，由那一节自己说出来：标题里有它，第一次写出它的英文，加粗过它，反复讲它。算得不对的，
写在 ``book/taught.toml``。用到、提到它的小节排在后面，再少的就不列。
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sockscope
from sections import Section
from sockscope.pages import errors as codes
from sockscope.pages.terms import terms
from sockscope.tcp import STATES

TAUGHT = Path(__file__).parents[1] / "taught.toml"
TOOLS = ("ss", "nstat", "strace", "tcpdump", "ping", "traceroute", "ip", "netstat", "lsof", "curl", "nc", "dig", "iperf3",
         "openssl", "conntrack", "arping", "ethtool", "sysctl", "dmesg", "nginx", "redis", "kill", "ulimit", "perf", "iptables",
         "nft")
CALL = re.compile(r"([a-z_][a-z0-9_]*)\(.*\)", re.DOTALL)
CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|EPOLL[A-Z]+|POLL[A-Z]+")
SETTING = re.compile(r"(?:net\.[a-z0-9_.]*\.)?((?:tcp|udp|ip|icmp|nf)_[a-z0-9_]+|somaxconn|rmem_max|wmem_max)")
PARTS = {"问题": 0.6, "预测": 0.1, "实验": 1.0, "解释": 0.8, "交互实验": 0.6, "误区": 0.2, "小结": 0.2, "练习": 0.25}
PAGES = {"growing": 0.5, "gallery": 0.8, "puzzles": 0.1, "teaching": 0.3, "appendix": 0.3, "preface": 0.6, "symptoms": 0.9,
         "hub": 0.3, "index": 0.0}
KIND = {"术语": 0.62, "错误码": 0.85, "说法": 0.0, "症状": 0.95, "接口": 0.2}
OTHERS = {"set()", "put()", "htol()", "modify()", "raise()", "exec()"}  # 不是这本书教的调用
ENOUGH, SHOWN = 26, 6  # 不到这么多分的不算在教；一个词至多列几处


@dataclass
class Word:
    """索引里的一个词。``also`` 是印得出来的别名，``typed`` 只给检索用；``places`` 是教它的小节，最该先看的在前。"""

    name: str
    kind: str
    english: str = ""
    also: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    places: list[Section] = field(default_factory=list)

    @property
    def others(self) -> list[str]:
        """别的写法和打法。"""
        return [*([self.english] if self.english else []), *self.also, *self.typed]


def words(found: list[Section]) -> list[Word]:
    """全部的词，各带着教它的小节；``found`` 是全书的小节和条目。一处也没有的词不留。

    症状也是词（种类“症状”）：读者会打的话，指向那个症状；它们不印在索引里。
    """
    table = tomllib.loads(TAUGHT.read_text(encoding="utf-8"))
    known = {word.name: word for word in _named(found)}
    for name, told in table.items():
        kind = told.get("kind") or next((kind for _, kind in _kinds(name)), "术语")
        word = known.setdefault(name, Word(name, kind, told.get("en", "")))
        word.typed += told.get("typed", [])
        word.also += told.get("also", [])
    for word in known.values():
        word.places = places(word, found, table.get(word.name, {}).get("at", []))
    known = dict(sorted(known.items(), key=lambda item: item[1].kind != "调用"))  # close 先是调用，再是状态
    files = [Word(s.title, "页", typed=_of_file(s.page), places=[s]) for s in found if not s.above]
    felt = [Word(s.title, "症状", typed=s.typed, places=[s]) for s in found if s.kind == "症状"]
    return [word for word in [*known.values(), *felt, *files] if word.places]


def _named(found: list[Section]) -> Iterable[Word]:
    """术语表里的，和书里反引号写过的名字。"""
    seen: dict[str, str] = {}
    ours = {f"{name}()" for name in sockscope.__all__} | OTHERS
    ours |= {f"{name}()" for section in found for name in re.findall(r"def (\w+)", "\n".join(section.code))}
    for section in found:
        if not section.page.startswith(("chapters/", "book/symptoms", "book/appendix_a")) or section.part == "练习":
            continue
        for text in section.marked:
            for name, kind in _kinds(text):
                seen.setdefault(name, kind)
    yield from (Word(t.zh, "术语", t.en, [*t.also, *t.instead], list(t.typed)) for t in terms())
    yield from (Word(name, "状态") for name in STATES)
    yield from (Word(name, kind) for name, kind in seen.items() if name not in STATES and name not in ours)


def _of_file(page: str) -> list[str]:
    """书页的文件名里的词，地址打错了的人也找得到：``chapters/05_closing`` 是 closing。"""
    return [word for word in re.split(r"[/_\d]+", page.partition("/")[2]) if len(word) > 3 and word not in ("appendix",)]


def _kinds(text: str) -> Iterable[tuple[str, str]]:
    """反引号里的一段说的是什么：名字和种类。"""
    if text in codes.known():
        yield text, "错误码"
    elif re.fullmatch(r"SIG[A-Z]+", text):
        yield text, "信号"
    elif match := CALL.fullmatch(text):
        yield f"{match[1]}()", "调用"
    elif re.fullmatch(r"sockaddr\w*|msghdr|cmsghdr|iovec|ucred|in6?_pktinfo", text):
        yield text, "结构体"
    elif match := SETTING.fullmatch(text):
        yield match[1], "参数"
    elif (tool := text.split(" ")[0]) in TOOLS:
        yield tool, "工具"
    yield from ((name, "选项与标志") for name in CONSTANT.findall(text) if name not in STATES and name not in codes.known())


# ---------------------------------------------------------------- 哪里在教

def places(word: Word, found: list[Section], chosen: list[str]) -> list[Section]:
    """教这个词的小节：``chosen`` 写明的在前，其余照分数，最高的一节总在。"""
    first = [resolve(place, found) for place in chosen]
    forms = [bounded(form) for form in (word.name, *word.also)]
    scored = sorted(((-_score(word, forms, section), number) for number, section in enumerate(found)))
    kept = [number for score, number in scored if score <= -ENOUGH] or [
        number for score, number in scored[:1] if score and not first]
    return [*first, *(s for s in (found[n] for n in kept) if s not in first)][:SHOWN]


Form = tuple[str, re.Pattern[str]]


def bounded(form: str) -> Form:
    """一个词在文字里的样子：拉丁字母的要是整个词，调用后面跟着括号。前一半是粗看用的小写。"""
    if form.endswith("()"):
        return form[:-1].lower(), re.compile(rf"(?<![\w.]){re.escape(form[:-2])}\(", re.IGNORECASE)
    if form.isascii():
        return form.lower(), re.compile(rf"(?<![A-Za-z0-9_]){re.escape(form)}(?![A-Za-z0-9_])")
    return form.lower(), re.compile(re.escape(form), re.IGNORECASE)


def _score(word: Word, forms: list[Form], section: Section) -> float:
    """一节在多大程度上教这个词；别的词的词条和单个字的术语不算，除非第一次写出了它的英文。"""
    if section.kind == "术语" and not section.title.startswith(f"{word.name}（"):
        return 0
    found = [pattern for quick, pattern in forms if quick in section.folded]
    if not found:
        return 0

    def says(text: str) -> bool:
        return any(pattern.search(text) for pattern in found)

    named = says(section.title) or (word.kind == "调用" and re.search(rf"\b{word.name[:-2]}\b", section.title))
    score = 0.0
    if len(word.name) > 1:
        score = 4.0 * min(6, sum(len(pattern.findall(section.text)) for pattern in found))
        score += 100 + 30 * (section.title.rstrip("()") == word.name.rstrip("()")) if named else 0
        score += 20 * (says(" ".join(section.strong)) + says(section.texts[0] if section.texts else ""))
        score += 6 * says(" ".join(section.code))
    score += 60 * (bool(word.english) and f"{word.name}（{word.english}" in section.text)
    return score * weight(section)


def weight(section: Section) -> float:
    """一节有多像正文：实验最重，练习和附录轻。"""
    if section.kind:
        return KIND[section.kind]
    for word, factor in PAGES.items():
        if word in section.page:
            return factor
    part = PARTS.get(section.part, 0.8) if section.above else 0.7
    return part * (0.5 if section.title in ("可移植性", *PARTS) else 1)


def resolve(place: str, found: list[Section]) -> Section:
    """``"05 谁等，为什么等"`` 那样写着的一节；没有抛 ``KeyError``。症状写它的名字，如 ``"症状 broken-pipe"``。"""
    head, _, title = place.partition(" ")
    for section in found:
        if head == section.kind and title == section.anchor:
            return section
        if not section.kind and re.fullmatch(rf"(?:chapters|book)/{head}(?:_\w+)?", section.page) and title in (
                section.title, "" if not section.above else section.title):
            return section
    raise KeyError(f"book/taught.toml 里写着“{place}”，书里没有这一节。")


def as_json(words: list[Word], number: dict[int, int]) -> list[list[Any]]:
    """给检索用的样子：名字、别名、小节的号码。"""
    return [[word.name, word.others, [number[id(place)] for place in word.places]] for word in words]
