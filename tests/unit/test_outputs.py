"""执行过的笔记本的输出：哪些留得下。纯的，不要沙箱。"""

from __future__ import annotations

import base64
import struct
import zlib

import pytest
from tests.pictures import png

from sockscope.grading.executed import outputs

EVIL = "<script>alert(1)</script>"


def with_header(*fields: int, data: bytes = b"") -> bytes:
    """头由自己来写的一张图：宽、高、位深、色彩、压缩、滤波、隔行。"""
    head = struct.pack(">IIBBBBB", *fields)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b"")
    return outputs.SIGNATURE + b"".join(outputs._written(*chunk) for chunk in chunks)


def without(name: bytes) -> bytes:
    """少了一块的图。"""
    chunks = outputs._chunks(png())
    return outputs.SIGNATURE + b"".join(outputs._written(*chunk) for chunk in chunks if chunk[0] != name)


@pytest.mark.parametrize("bad", [
    b"", b"\x89PNG\r\n\x1a\n", png()[:-1], png() + b"x", png().replace(b"IDAT", b"IDAx"),
    png(width=1 << 20, height=1 << 20, data=b""), png(data=zlib.compress(bytes(100_000))), png(data=b"junk"), png(width=0),
    b"<svg onload=alert(1)>", png(extra=bytes(1 << 20)), without(b"IHDR"), without(b"IEND"),
    outputs.SIGNATURE + outputs._written(b"IHDR", b"short") + outputs._written(b"IEND", b""),
    with_header(1, 1, 8, 5, 0, 0, 0, data=bytes(2)), with_header(1, 1, 3, 0, 0, 0, 0, data=bytes(2)),
    with_header(8, 8, 8, 0, 0, 0, 1), with_header(8, 8, 8, 0, 0, 0, 0, data=bytes(71)),
], ids=["empty", "signature", "cut", "trailing", "checksum", "huge", "bomb", "junk", "flat", "svg", "long", "headless", "endless",
        "short header", "colour", "depth", "interlaced and empty", "one byte short"])
def test_what_is_not_a_picture(bad):
    assert outputs.picture(base64.b64encode(png()).decode()) == png()
    assert outputs.picture(base64.b64encode(bad).decode()) == b""


def test_the_receiving_side_trusts_nobody():
    """交出输出的一方也可能被攻破：收的一方自己再数一遍。"""
    one = outputs.Ran()
    one.take("html", EVIL)
    for _ in range(100):
        one.take("text", EVIL * 1000)
    one.end("<b>", ["<b>", 5])
    assert sum(len(o.text) for o in one.outputs) <= outputs.TEXT
    assert {o.kind for o in one.outputs} == {"text"}
    assert (one.ending, one.lost) == ("done", {"long"})


def test_an_output_is_escaped_and_a_picture_is_data():
    one = outputs.Ran()
    one.take("stdout", EVIL)
    one.take("png", base64.b64encode(png(extra=b"Comment\0" + EVIL.encode())).decode())
    one.take("png", "not base64!")
    shown = [output.html() for output in one.outputs]
    assert shown[0] == '<pre class="stdout">&lt;script&gt;alert(1)&lt;/script&gt;</pre>'
    assert shown[1].startswith('<img alt="输出的图" src="data:image/png;base64,')
    assert len(shown) == 2
    assert one.lost == {"picture"}


def test_too_many_outputs_are_counted_as_too_long():
    one = outputs.Ran()
    for _ in range(outputs.MOST + 1):
        one.take("stdout", "x")
    assert len(one.outputs) == outputs.MOST
    assert one.lost == {"long"}


@pytest.mark.parametrize(("ending", "note"), [
    ("", "没有运行到这一格。"), ("dead", outputs.ENDINGS["dead"]), ("anything else", "")])
def test_what_the_teacher_is_told(ending, note):
    one = outputs.Ran()
    if ending:
        one.end(ending, ["rich", {}, "nonsense"])
    assert one.notes() == [said for said in (note, outputs.LOST["rich"] if ending else "") if said]


def test_only_what_is_seen_is_kept():
    assert outputs.visible("a\x1b]0;title\x07b\x1b[1;31mc\x1bMd\u202e\t\n\u3000") == "abcd·\t\n\u3000"


@pytest.mark.parametrize("good", [
    with_header(8, 8, 8, 0, 0, 0, 1, data=bytes(75)), with_header(8, 2, 1, 0, 0, 0, 0, data=bytes(4)),
    with_header(2, 2, 8, 6, 0, 0, 0, data=bytes(18))], ids=["interlaced", "one bit", "transparent"])
def test_other_kinds_of_picture(good):
    assert outputs.picture(base64.encodebytes(good).decode()) == good
