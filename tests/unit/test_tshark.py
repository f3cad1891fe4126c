"""tshark 与我们对全部录制里的包各说一遍，每一处不同都有缘由（``tests/tshark.py``）。一个实验的全部录制合成一个文件。"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from tests.tshark import differences

from sockscope.experiments import Recording, names
from sockscope.trace import Trace

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("tshark") and not os.environ.get("CI"), reason="没有 tshark")]


def traces(name: str) -> Iterator[Trace]:
    whole = Recording.load(name)
    yield from whole.variants.values()
    for group in whole.drops.values():
        yield from group.values()


@pytest.mark.parametrize("name", names())
def test_every_difference_has_its_reason(name: str) -> None:
    assert list(differences(traces(name))) == []
