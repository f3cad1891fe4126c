"""附录 F 里页内内核的那张表（soak）：重做一遍，每个实验、每一格都还是那个结果；说得出来历的条目都还成立。"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bench import Untested, page_kernel

from sockscope.pages.page_kernel import load

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fresh(chromium: str) -> dict[str, Any]:
    """此刻的一遍；没有页内内核就先做。"""
    if not (page_kernel.SITE / "current.json").exists():
        done = subprocess.run([sys.executable, "book/page_kernel/build.py"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    with ThreadPoolExecutor(1) as another:  # 这个线程里已经开着别的测试的 Playwright
        return another.submit(page_kernel.measured).result()


def told(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {name: (one["verdict"], one.get("why", "")) for name, one in found.items()}


@pytest.mark.soak
def test_the_table_is_what_happens_today(fresh):
    assert told(fresh["experiments"]) == told(load()["experiments"])


@pytest.mark.soak
def test_the_cells_are_what_they_were(fresh):
    for notebook, cells in load()["cells"].items():
        assert told(fresh["cells"][notebook]) == told(cells)


@pytest.mark.soak
def test_the_kernel_is_the_one_that_the_page_names(fresh):
    assert (fresh["kernel"], fresh["python"]) == (load()["kernel"], load()["python"])


def test_without_a_built_kernel_it_says_so(tmp_path):
    with pytest.raises(Untested, match="make page-kernel"), page_kernel.opened(tmp_path):
        pass
