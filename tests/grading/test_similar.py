"""哪些答卷相像：抄来改过样子的要比各写各的像；存心写坏的答卷不出事；页上没有一个字是网页。"""

from __future__ import annotations

import ast
import io
import itertools
import json
import os
import tokenize

import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course import fingerprints, similar
from sockscope.grading.course.course import Course
from sockscope.grading.course.intake import CELL, Paper
from sockscope.grading.course.sample import filled
from sockscope.grading.course.similar import compare, missing
from sockscope.grading.course.source import grade_id, model, samples, text_of
from sockscope.grading.exam.c_answer import is_c
from sockscope.grading.exam.lab import find_lab


@pytest.fixture(autouse=True, scope="session")
def cable():
    """比较不用网线：代替 conftest 里的那一个。"""


@pytest.fixture(autouse=True)
def tool():
    """装了 copydetect；没有装在 CI 上是失败，别处说明缺什么。"""
    if said := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)


def made(tmp_path, lab, papers: dict[str, dict[str, str]]) -> Course:
    """发布了、收了这几份的一门课。"""
    course = Course(tmp_path / "course")
    assert main(["--course", str(course.root), "release", lab.name]) == 0
    for student, cells in papers.items():
        course.save_paper(Paper(student, lab.name, cells))
    return course


def scores(likeness) -> dict[frozenset[str], float]:
    return {frozenset(likeness.names[n] for n in pair["who"]): max(pair["share"]) for pair in likeness.told["pairs"]}


# ---------------------------------------------------------------- 抄来改过样子

def renamed(source: str) -> str:
    """参数和局部变量都换了名字。"""
    tree = ast.parse(source)
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    words = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        new = f"my_{token.string}" if token.type == tokenize.NAME and token.string in names else token.string
        words.append((token.type, new))
    return tokenize.untokenize(words)


def commented(source: str) -> str:
    """每一行后面添一句自己的注释。"""
    lines = [line + ("  # 我想的是这样" if line.strip() and "'''" not in line and '"""' not in line else "")
             for line in source.splitlines()]
    return "# 我自己写的\n" + "\n".join(lines) + "\n"


def reordered(source: str) -> str:
    """函数倒过来排。"""
    lines, tree = source.splitlines(), ast.parse(source)
    return "\n\n\n".join("\n".join(lines[node.lineno - 1:node.end_lineno]) for node in reversed(tree.body)) + "\n"


COPIES = {"照抄": str, "换了名字": renamed, "换了注释": commented, "换了次序": reordered,
          "全都换了": lambda source: commented(renamed(reordered(source)))}


@pytest.mark.parametrize("name", ["lab02", "lab05", "lab12"])
def test_a_disguised_copy_stands_out(tmp_path, name):
    """样品答卷里没有一格相同的两份，算各写各的；任何一种抄法都要比其中最像的一对更像。"""
    lab = find_lab(name)
    right = {s.name: s.answers.cells for s in samples(lab) if not s.fails}
    papers = dict(right)
    for how, change in COPIES.items():
        papers[how] = {cell: change(source) for cell, source in reversed(right["model"].items())}
    found = scores(compare(made(tmp_path, lab, papers), lab, at_least=0.0))
    copies = {how: found[frozenset(("model", how))] for how in COPIES}
    honest = {pair: found[frozenset(pair)] for pair in itertools.combinations(right, 2)
              if not set(right[pair[0]].values()) & set(right[pair[1]].values())}
    assert honest, "样品里没有各写各的两份"
    assert min(copies.values()) > 0.8, copies
    assert max(honest.values()) < 0.5, max(honest.items(), key=lambda item: item[1])


def test_what_was_handed_out_is_not_alike(tmp_path):
    """没有动过的、只写了一格的答卷，不因为发下去的那些字而像。"""
    lab = find_lab("lab05")
    course = made(tmp_path, lab, {})
    released = json.loads((course.root / "release" / "lab05" / "lab05.ipynb").read_text())
    cells = {grade_id(c): text_of(c) for c in released["cells"] if grade_id(c) in lab.cells}
    for student, own in (("a", cells), ("b", cells), ("c", cells | {"pump": model(lab).cells["pump"]}),
                         ("d", next(s for s in samples(lab) if s.name == "select").answers.cells)):
        course.save_paper(Paper(student, lab.name, own))
    likeness = compare(course, lab, at_least=0.0)
    assert likeness.told["thin"] == [0, 1]
    assert max(scores(likeness).values()) < 0.3


def test_the_same_papers_give_the_same_numbers(tmp_path):
    lab = find_lab("lab05")
    course = made(tmp_path, lab, {s.name: s.answers.cells for s in samples(lab)[:8]})
    assert compare(course, lab, at_least=0.0).told == compare(course, lab, at_least=0.0).told


def test_the_marks_are_where_the_same_lines_are(tmp_path):
    lab = find_lab("lab05")
    own = "\n\n".join(model(lab).cells.values())
    strange = "def other(n):\n" + "".join(f"    n = {i} if n > {i * 7} else [{i}] * {i + 3} or 'a{i}'\n" for i in range(1, 20))
    course = made(tmp_path, lab, {"甲": {"ask": own}, "乙": {"ask": f"{strange}\n\n{own}"}})
    assert main(["--course", str(course.root), "similar", "lab05"]) == 0
    page = (course.root / "similar" / "lab05.html").read_text()
    theirs = next(part for part in page.split("<pre>")[1:] if "def other" in part)
    head, _, tail = theirs.partition("<span>def ask" if "<span>def ask" in theirs else "<mark>def ask")
    assert head.count("<span>") > 15, "自己写的那一段没有标"
    assert head.count("<mark>") <= 3
    assert tail.count("<mark>") > len(own.splitlines()) / 2


# ---------------------------------------------------------------- 与谁比

def test_every_token_is_found_in_the_source():
    """切成记号以后的每一个字，都说得出在原文的哪里：注释之后、类名前后也是。"""
    right = (s.answers.cells["chat"] for s in samples(find_lab("lab12")) if not s.fails)
    told = next(answer for answer in right if "class " in answer)
    source = "# 一行注释\n\n" + "total = 1 + 2  # 又一行\n" * 9 + told
    found = fingerprints._fingerprint(source, "python", set())
    rows = found.offsets.tolist()
    for at, letter in enumerate(found.filtered_code.rstrip("\n")):
        place = at + next((gone for where, gone in rows if where >= at), rows[-1][1])
        assert source[place] == letter or letter in "VFOSP", (at, source[place:place + 20])


def test_a_broken_paper_of_an_earlier_course_costs_only_itself(tmp_path):
    lab = find_lab("lab05")
    course = made(tmp_path, lab, {"li": model(lab).cells})
    old = Course(tmp_path / "old")
    old.save_paper(Paper("wu", "lab05", model(lab).cells))
    for name, text in (("bad", "{"), ("other", '{"x": 1}')):
        (old.root / "collected" / "lab05" / f"{name}.json").write_text(text)
    found = compare(course, lab, [old.root])
    assert (found.names, len(found.unread)) == (["li", "old：wu"], 2)


def test_a_group_is_not_compared_with_itself(tmp_path):
    lab = find_lab("lab05")
    course = made(tmp_path, lab, {name: model(lab).cells for name in ("甲", "乙", "丙")})
    team = {"甲": 1, "乙": 1, "丙": 2}
    found = compare(course, lab, at_least=0.0, together=lambda one, other: team[one] == team[other])
    assert set(scores(found)) == {frozenset("甲丙"), frozenset("乙丙")}
    (tmp_path / "groups.csv").write_text("姓名,组\n甲,一\n乙,一\n丙,二\n")
    assert main(["--course", str(course.root), "groups", "lab05", str(tmp_path / "groups.csv")]) == 0
    assert main(["--course", str(course.root), "similar", "lab05"]) == 0
    assert (course.root / "similar" / "lab05.html").read_text().count("<details>") == 2


def test_earlier_papers(tmp_path):
    """往年的课、一个文件夹：与它们比，它们之间不比。"""
    lab = find_lab("lab05")
    one, two = model(lab).cells, next(s for s in samples(lab) if s.name == "select").answers.cells
    (tmp_path / "old").mkdir()
    old = made(tmp_path / "old", lab, {"前辈": one, "前辈的朋友": one})
    for name in ("a", "b"):
        (tmp_path / "2024" / name).mkdir(parents=True)
        (tmp_path / "2024" / name / "x.ipynb").write_text(json.dumps(filled(lab, model(lab))))
    (tmp_path / "2024" / "b" / "y.ipynb").write_text("坏的")
    (tmp_path / "now").mkdir()
    now = made(tmp_path / "now", lab, {"甲": one, "乙": two})
    found = compare(now, lab, [old.root, tmp_path / "2024"], 0.9)
    assert set(scores(found)) == {frozenset(("甲", name)) for name in
                                  ("course：前辈", "course：前辈的朋友", "2024：a/x.ipynb", "2024：b/x.ipynb")}
    assert len(found.unread) == 1
    assert [len(group) for group in found.clusters] == [5]
    assert "乙" not in {found.names[n] for n in found.clusters[0]}
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="没有 lab05 的答卷"):
        compare(now, lab, [tmp_path / "empty"])


# ---------------------------------------------------------------- 存心写坏的

HOSTILE = {
    "html": "<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n</pre></details>\n" * 20,
    "bidi": "".join(f"x{i} = '\u202e\u2066 {i}' + f({i}) * {i} # \u200b\x1b[31m\n" for i in range(40)),
    "line": "x = [" + "1, 2, 3, f(4), " * (CELL // 20) + "]",
    "deep": "(" * (CELL - 10),
    "quotes": "'''\"\"\"f'{\\" * (CELL // 12),
    "backslashes": "\\" * (CELL - 10),
    "spaces": " " * (CELL - 10) + "x",
    "syntax": "def def ( ] } lambda : : : class\n" * 40,
    "nul": "x = '\x00'\x0c\x85\u2028\ny = f(x, 3)\n" * 40,
    "surrogate": "x = '?' # \ud800\n".encode("utf-8", "replace").decode() * 40,
    "empty": "",
    "c": "%%c\n// 答题格：ask\nint ask(void) { char s[9]; return s[0] == '\\'' ? 1 : 0; } /* " * 30,
    "newlines": "\n\r\n\r\ufeff" * 2000,
}


def test_hostile_papers_do_no_harm(tmp_path):
    lab = find_lab("lab05")
    papers = {name + twice: dict.fromkeys(lab.cells, text) for name, text in HOSTILE.items() for twice in ("", "-2")}
    papers["<b>&名字\u202e"] = papers["html"]
    course = Course(tmp_path / "course")
    assert main(["--course", str(course.root), "release", "lab05"]) == 0
    for number, (name, cells) in enumerate(papers.items()):
        course.save_paper(Paper(f"s{number}", lab.name, cells, owner=name, name=name))
    assert main(["--course", str(course.root), "similar", "lab05", "--at-least", "1"]) == 0
    path = course.root / "similar" / "lab05.html"
    assert path.stat().st_mode & 0o777 == 0o600
    page = path.read_text()
    for dangerous in ("<script", "<img", "<b>&", "\u202e", "\u2066", "\x1b", "\x00", "\x0c"):
        assert dangerous not in page, dangerous
    assert "default-src 'none'" in page
    assert len(page) < 8_000_000
    assert page.count("<pre>") == page.count("</pre>")


def test_a_paper_that_cannot_be_cut_is_left_out(monkeypatch):
    def endless(*_arguments):
        while True:
            pass

    monkeypatch.setattr(fingerprints, "_fingerprint", endless)
    monkeypatch.setattr(fingerprints, "ONE", 0.05)
    failed: list[int] = []
    assert fingerprints._paper(7, {"python": "x"}, {}, failed) == {}
    assert failed == [7]


def test_the_comparing_process_dies(tmp_path, monkeypatch):
    lab = find_lab("lab05")
    course = made(tmp_path, lab, {"甲": model(lab).cells, "乙": model(lab).cells})
    monkeypatch.setattr(similar, "CHILD", ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
    with pytest.raises(ValueError, match="用完了给它的时间或内存"):
        compare(course, lab)


def test_without_the_tool(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(similar, "lacking", lambda extra, *_: f"还没有装；补救：pip install 'sockscope[{extra}]'。")
    assert main(["--course", str(tmp_path), "similar", "lab05"]) == 1
    assert "sockscope[similar]" in capsys.readouterr().err


def test_c_is_compared_with_c(tmp_path):
    lab = find_lab("lab05")
    own = {s.name: s.answers.cells for s in samples(lab) if s.name in ("c", "c-poll", "model")}
    assert all(is_c(text) for text in own["c"].values())
    found = scores(compare(made(tmp_path, lab, own | {"抄": own["c"]}), lab, at_least=0.0))
    assert found[frozenset(("c", "抄"))] > 0.95
    assert found[frozenset(("c", "c-poll"))] < 0.5
    assert found[frozenset(("c", "model"))] < 0.1
