"""在哪里排，书都一样，一个字节也不差：普通用户、没有 TUN、不许造命名空间、假装是 macOS、没有 C 编译器。

一次要排半分钟，所以只在 ``make soak`` 里跑；每一页的内容相同，``tests/unit/test_platforms.py`` 平时就看着。
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from bench import Untested
from bench.matrix import rooms

ROOT = Path(__file__).parents[2]
PRETEND = [str(ROOT / "tests/unit/pretend.py"), "darwin"]


def typeset(room: rooms.Room, folder: Path, *before: str, **env: str) -> Path:
    """在 ``room`` 里把全书排到 ``folder``。"""
    folder.mkdir()
    folder.chmod(0o777)
    told = {**os.environ, **room.env, **env, "PYTHONDONTWRITEBYTECODE": "1"}
    told["PYTHONPATH"] = ":".join(filter(None, [str(ROOT / "src"), room.env.get("PYTHONPATH")]))
    places = [str(ROOT / "book/typeset.py"), str(folder / "html"), str(folder / "doctrees")]
    command = [*room.before, room.python, "-X", "warn_default_encoding", *before, *places, "1"]
    done = subprocess.run(command, cwd=room.root, env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "html"


def differences(one: Path, two: Path) -> Iterator[str]:
    """两个文件夹里不一样的、只有一边有的文件；Sphinx 自己的记录除外。"""
    names = [{str(path.relative_to(top)) for path in top.rglob("*") if path.is_file() and path.name != ".buildinfo"}
             for top in (one, two)]
    yield from sorted(names[0] ^ names[1])
    _, unlike, odd = filecmp.cmpfiles(one, two, names[0] & names[1], shallow=False)
    yield from (*unlike, *odd)


@pytest.fixture(scope="module")
def shelf():
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def here(shelf):
    return typeset(rooms.Room(), shelf / "here")


@pytest.mark.soak
@pytest.mark.parametrize(("room", "before", "env"), [
    (rooms.nobody, [], {}), (rooms.no_namespaces, [], {}), (rooms.no_compiler, [], {}),
    (lambda: nullcontext(rooms.Room()), [], {"SOCKSCOPE_TUN": "/nowhere"}),
    (lambda: nullcontext(rooms.Room()), [], {"SOCKSCOPE_CAPTURE": "recording", "LC_ALL": "C", "TZ": "Pacific/Apia"}),
    (lambda: nullcontext(rooms.Room()), PRETEND, {}),
], ids=["nobody", "no-namespaces", "no-compiler", "no-tun", "recording-c-apia", "darwin"])
def test_the_pages_are_the_same_byte_for_byte(room, before, env, here, shelf, request):
    try:
        with room() as chosen:
            there = typeset(chosen, shelf / request.node.callspec.id, *before, **env)
            assert list(differences(here, there)) == []
    except Untested as reason:
        pytest.skip(str(reason))


def test_a_difference_of_one_byte_is_seen(tmp_path):
    for name, text in (("one", "a"), ("two", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.html").write_text(text)
        (tmp_path / name / "same.html").write_text("x")
    (tmp_path / "two" / "more.html").write_text("x")
    assert list(differences(tmp_path / "one", tmp_path / "two")) == ["more.html", "page.html"]
