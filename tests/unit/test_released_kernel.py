"""从发布的书里取页内内核：摘要都对才换上，不对的一句话，原来的不动。"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "book" / "page_kernel"))
from debian import Refused
from released import take

FILES = {"v86.wasm": b"wasm", "state.zst": b"state"}
PARTS = [b"one", b"", b"three"]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def book(path: Path, spoil: str = "", version: str = "", **more: bytes) -> Path:
    """一本带着页内内核的书；``spoil`` 是要弄坏的文件。"""
    files = {name: {"size": len(content), "sha256": digest(content)} for name, content in {**FILES, **more}.items()}
    manifest = json.dumps({"files": files, "disk": {"parts": [digest(part) for part in PARTS]}}).encode()
    version = version or digest(manifest)
    inside = {"manifest.json": manifest, "v86-LICENSE": b"BSD", **FILES, **more,
              **{f"disk/{number}.gz": part for number, part in enumerate(PARTS) if part}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("html/_static/page_kernel/current.json", json.dumps({"version": version, "bytes": 9}))
        for name, content in inside.items():
            archive.writestr(f"html/_static/page_kernel/{version}/{name}", b"spoilt" if name == spoil else content)
    return path


def test_it_is_taken_whole(tmp_path):
    site = tmp_path / "site"
    version, total = take(book(tmp_path / "book.zip"), site)
    assert total == 9
    assert json.loads((site / "current.json").read_text()) == {"version": version, "bytes": 9}
    found = {str(path.relative_to(site / version)) for path in (site / version).rglob("*") if path.is_file()}
    assert found == {"manifest.json", "v86-LICENSE", "v86.wasm", "state.zst", "disk/0.gz", "disk/2.gz"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.zip", "site"]


@pytest.mark.parametrize(("make", "said"), [
    (lambda path: book(path, spoil="state.zst"), "state.zst 与清单不符"),
    (lambda path: book(path, spoil="disk/2.gz"), "disk/2.gz 与清单不符"),
    (lambda path: book(path, spoil="manifest.json"), "清单与版本不符"),
    (lambda path: book(path, version="../../etc"), "不是一本发布的书"),
    (lambda path: book(path, **{"../x": b"x"}), "文件名 '../x' 不对"),
    (lambda path: path.write_bytes(b"not a zip") and path, "不是一本发布的书"),
    (lambda path: path, "不是一本发布的书"),
    (lambda path: zipfile.ZipFile(path, "w").close() or path, "里没有页内内核"),
], ids=range(8))
def test_what_is_wrong_is_one_sentence_and_nothing_is_lost(tmp_path, make, said):
    site = tmp_path / "site"
    site.mkdir()
    (site / "current.json").write_text("old")
    with pytest.raises(Refused) as refused:
        take(make(tmp_path / "book.zip"), site)
    assert said in str(refused.value)
    assert (site / "current.json").read_text() == "old"
    assert not (tmp_path / "site.new").exists()
