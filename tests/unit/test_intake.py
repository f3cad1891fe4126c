"""收卷：各家平台的名字，坏文件，重复与迟交；来历不明的文件里只有答题格的文字进得来。"""

from __future__ import annotations

import io
import json
import os
import zipfile
from datetime import datetime

import pytest

from sockscope.grading.course import source
from sockscope.grading.course.collect import collect
from sockscope.grading.course.delivery import arrivals
from sockscope.grading.course.intake import CELL, Unreadable, read
from sockscope.grading.course.mishaps import FORMS
from sockscope.grading.course.sample import blank, filled, form, write_class
from sockscope.grading.course.source import grade_id, model, text_of
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.student import Answers

LAB = find_lab("lab05")
WRITTEN = ["why"]


def notebook(**changes) -> bytes:
    return json.dumps(filled(LAB, model(LAB)) | changes, ensure_ascii=False).encode()


def test_a_good_notebook_is_read_whole():
    paper = read(notebook(), LAB, WRITTEN)
    assert paper.cells == model(LAB).cells
    assert list(paper.written) == WRITTEN
    assert paper.notes == []


def test_cells_are_known_by_their_first_line_when_the_metadata_is_gone():
    book = filled(LAB, model(LAB))
    for cell in book["cells"]:
        cell["metadata"] = {}
    paper = read(json.dumps(book).encode(), LAB, WRITTEN)
    assert paper.cells == model(LAB).cells
    assert paper.notes == ["缺少why"]


@pytest.mark.parametrize("trick", FORMS, ids=lambda t: t.name)
def test_tricks_with_the_file_bring_nothing_in(trick):
    data = form(LAB, trick)
    if not trick.collected:
        with pytest.raises(Unreadable):
            read(data, LAB, WRITTEN)
        return
    paper = read(data, LAB, WRITTEN)
    assert set(paper.cells) <= set(LAB.cells)
    assert "os.system" not in str(paper.cells)
    json.dumps(paper.json(), ensure_ascii=False).encode()


def test_nothing_but_the_text_of_known_cells_matters():
    plain, dirty = read(form(LAB, FORMS[0]), LAB, WRITTEN), read(json.dumps(filled(LAB, blank(LAB))).encode(), LAB, WRITTEN)
    assert plain.digest == dirty.digest


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 19, 8, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def test_a_zip_with_chinese_names(tmp_path):
    (tmp_path / "all.zip").write_bytes(zipped({"张三_12_assignsubmission_file/lab05.ipynb": notebook(),
                                               "__MACOSX/._lab05.ipynb": b"junk", "readme.txt": b"hello"}))
    got = collect(tmp_path / "all.zip", LAB, WRITTEN)
    assert list(got.papers) == ["张三_12"]
    assert got.refused == []


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_zip_named_in_an_encoding_it_does_not_name(tmp_path, encoding):
    """中文 Windows 打的包：名字是 GBK，又不说明；别的程序也有写 UTF-8 而不说明的。"""
    latin = "王五/lab05.ipynb".encode(encoding)
    data = zipped({"x" * len(latin): notebook()}).replace(b"x" * len(latin), latin)
    (tmp_path / "gbk.zip").write_bytes(data)
    assert list(collect(tmp_path / "gbk.zip", LAB, WRITTEN).papers) == ["王五"]


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "bomb.zip").write_bytes(zipped({"a/lab05.ipynb": bytes(64 << 20)}))
    got = collect(tmp_path / "bomb.zip", LAB, WRITTEN)
    assert got.papers == {}
    assert "太大" in got.refused[0][1]


def test_paths_in_a_zip_lead_nowhere(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "evil.zip").write_bytes(zipped({"../../../out/lab05.ipynb": notebook()}))
    assert list(collect(tmp_path / "in" / "evil.zip", LAB, WRITTEN).papers) == ["out"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["evil.zip", "in"]


def test_links_and_pipes_are_not_opened(tmp_path):
    for name in ("link", "pipe", "good"):
        (tmp_path / name).mkdir()
    (tmp_path / "link" / "lab05.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe" / "lab05.ipynb")
    (tmp_path / "good" / "lab05.ipynb").write_bytes(notebook())
    got = collect(tmp_path, LAB, WRITTEN)
    assert list(got.papers) == ["good"]
    assert [why for _, why in got.refused] == ["不是普通文件（符号链接或设备），没有打开"] * 2


def test_the_last_of_several_counts(tmp_path):
    """Canvas 的附件号说哪一份在后；文件名里的 -2 是谁写的，说不准。"""
    one, two = (json.dumps(filled(LAB, model(LAB), written=text)).encode() for text in ("第一次", "第二次"))
    for name, data in (("li_5_11_lab05-2.ipynb", two), ("li_5_10_lab05.ipynb", one)):
        (tmp_path / name).write_bytes(data)
    got = collect(tmp_path, LAB, WRITTEN)
    assert got.papers["li_5"].written["why"] == "第二次"
    assert got.refused == [("li_5_10_lab05.ipynb", "li_5 交了不止一份，取的是 li_5_11_lab05-2.ipynb")]


def test_late_is_what_the_platform_wrote_and_the_time_is_kept(tmp_path):
    for name in ("on_LATE_1_2_lab05.ipynb", "ok_5_6_lab05.ipynb"):
        (tmp_path / name).write_bytes(notebook())
        os.utime(tmp_path / name, (2_000_000_000,) * 2)
    papers = collect(tmp_path, LAB, WRITTEN).papers
    assert {name: (paper.late, paper.timed) for name, paper in papers.items()} == {"on_1": (True, False), "ok_5": (False, False)}
    assert {datetime.fromisoformat(paper.attempt).timestamp() for paper in papers.values()} == {2_000_000_000}


def test_something_else_is_one_sentence(tmp_path):
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    with pytest.raises(ValueError, match="不是文件夹，也不是 zip"):
        list(arrivals(tmp_path / "x.rar"))


def test_a_whole_sample_class_is_collected(tmp_path):
    made = write_class(LAB, tmp_path, 90)
    got = collect(tmp_path, LAB, WRITTEN)
    assert len(got.papers) == sum(m.collected for m in made.values())
    assert {path for path, _ in got.refused} == {path for path, m in made.items() if not m.collected}


def test_a_zip_of_too_many_files_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("sockscope.grading.course.delivery.MOST_FILES", 1)
    (tmp_path / "all.zip").write_bytes(zipped({"张三/lab05.ipynb": notebook(), "李四/lab05.ipynb": notebook()}))
    with pytest.raises(ValueError, match="有 2 个文件，太多了"):
        collect(tmp_path / "all.zip", LAB, WRITTEN)


def test_what_is_damaged_in_a_zip_is_said_and_the_rest_is_taken(tmp_path):
    data = bytearray(zipped({"张三/lab05.ipynb": notebook(), "李四/lab05.ipynb": notebook(), "__MACOSX/李四/lab05.ipynb": b"x",
                             "王五/.ipynb_checkpoints/lab05.ipynb": b"x", "读我.txt": b"x"}))
    start = data.index(b"lab05.ipynb") + len(b"lab05.ipynb")
    data[start:start + 40] = bytes(40)
    (tmp_path / "all.zip").write_bytes(data)
    got = collect(tmp_path / "all.zip", LAB, WRITTEN)
    assert list(got.papers) == ["李四"]
    (path, why), = got.refused
    assert path == "张三/lab05.ipynb"
    assert why.startswith("在 zip 里损坏了或加了密")


@pytest.mark.parametrize("when", [(1980, 1, 1, 0, 0, 0), (2026, 0, 0, 0, 0, 0)], ids=["unknown", "absurd"])
def test_a_zip_without_a_time_is_never_late(tmp_path, when):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        entry = zipfile.ZipInfo("张三/lab05.ipynb")
        entry.date_time = when
        archive.writestr(entry, notebook())
    (tmp_path / "all.zip").write_bytes(held.getvalue())
    paper = collect(tmp_path / "all.zip", LAB, WRITTEN).papers["张三"]
    assert (paper.late, paper.attempt) == (False, "")


@pytest.mark.parametrize("cell", ["text", {"cell_type": "code", "metadata": None, "source": None},
                                  {"cell_type": "code", "metadata": {"nbgrader": [1]}, "source": ["x"]},
                                  {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": 5}}, "source": "x"}])
def test_a_cell_of_any_shape_is_no_answer(cell):
    book = json.loads(notebook())
    book["cells"].append(cell)
    assert read(json.dumps(book).encode(), LAB, WRITTEN).cells == read(notebook(), LAB, WRITTEN).cells


@pytest.mark.parametrize("data", [b"[]", b"{}", b"3", b'{"cells": {}}'])
def test_json_that_is_no_notebook_is_one_sentence(data):
    with pytest.raises(Unreadable, match=r"^不是笔记本（没有单元格）$"):
        read(data, LAB, WRITTEN)


def test_a_cell_too_long_is_left_out_and_said():
    cells = model(LAB).cells
    long = "# 答题格：ask\n" + "汉" * (CELL // 3)
    paper = read(json.dumps(filled(LAB, Answers(cells | {"ask": long}))).encode(), LAB, WRITTEN)
    assert set(paper.cells) == set(cells) - {"ask"}
    assert paper.notes == ["答题格 ask 太长（超过 64 KB），没有收", "缺少ask"]


def test_source_may_be_lines_but_nothing_else():
    book = filled(LAB, model(LAB))
    for cell in book["cells"]:
        cell["source"] = text_of(cell).splitlines(True) if grade_id(cell) != "relay" else ["# 答题格：relay", 3]
    paper = read(json.dumps(book).encode(), LAB, WRITTEN)
    assert paper.cells == model(LAB).cells | {"relay": ""}


def test_the_digest_follows_what_was_written_and_nothing_else():
    one, same, other = (read(json.dumps(filled(LAB, model(LAB), written=text)).encode(), LAB, WRITTEN) for text in "aab")
    same.student, same.late, same.file = "李四", True, "x.ipynb"
    assert one.digest == same.digest != other.digest


def test_other_files_are_passed_over_and_the_nameless_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("lab05.ipynb", ".ipynb_checkpoints/li_lab05.ipynb"):
        (tmp_path / name).write_bytes(notebook())
    got = collect(tmp_path, LAB, WRITTEN)
    assert (got.papers, got.aside) == ({}, [("lab05.ipynb", "看不出是谁交的；把学生的名字写进文件夹或文件名")])


def spoiled(data: bytes, kind: str) -> bytes:
    """把 zip 里的一个文件弄坏：内容改一个字节、说它加了密、说它用的是没有的压缩法。两个头都要改（APPNOTE 4.3）。"""
    broken = bytearray(data)
    for head, flags in ((data.index(b"PK\3\4"), 6), (data.index(b"PK\1\2"), 8)):
        if kind == "encrypted":
            broken[head + flags] |= 1
        elif kind == "unknown method":
            broken[head + flags + 2] = 77
    if kind == "damaged":
        broken[data.index(b"PK\1\2") - 10] ^= 0xFF
    return bytes(broken)


@pytest.mark.parametrize("kind", ["damaged", "encrypted", "unknown method"])
def test_what_cannot_be_unpacked_is_refused_and_named(tmp_path, kind):
    (tmp_path / "all.zip").write_bytes(spoiled(zipped({"张三/lab05.ipynb": notebook()}), kind))
    got = collect(tmp_path / "all.zip", LAB, WRITTEN)
    assert got.papers == {}
    (path, why), = got.refused
    assert path == "张三/lab05.ipynb"
    assert why.startswith("在 zip 里损坏了或加了密（")


def test_a_name_in_no_encoding_is_kept_as_it_stands(tmp_path):
    data = zipped({"xx/lab05.ipynb": notebook()}).replace(b"xx/", b"\x81\x20/")
    (tmp_path / "odd.zip").write_bytes(data)
    assert list(collect(tmp_path / "odd.zip", LAB, WRITTEN).papers) == ["ü,220"]


# ---------------------------------------------------------------- 练习的来源

def test_a_lab_without_its_notebook_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="这里没有 lab05 的范例"):
        source.path(LAB)


@pytest.mark.parametrize(("old", "times"), [("no such text", 0), ("sock.", model(LAB).cells["ask"].count("sock."))])
def test_a_wrong_sample_must_change_exactly_one_place(old, times):
    wrong = {"name": "x", "story": "x", "cell": "ask", "old": old, "new": "", "fails": []}
    assert times != 1
    with pytest.raises(ValueError, match=rf"lab05 的 x：要改的原文在答题格 ask 里出现了 {times} 次：\n    {old}"):
        source._spoiled(LAB, model(LAB), wrong)
