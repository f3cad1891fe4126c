"""页内内核的包：内核取 Debian 为 i386 编过的最新一版，锁里的就是它。"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "book" / "page_kernel"
FOUND = """linux-image-6.1.0-50-686 - Linux 6.1 for older PCs (signed)
linux-image-6.10.0-0.deb12.1-686 - Linux 6.10 for older PCs (signed)
linux-image-6.5.0-0.deb12.4-686 - Linux 6.5 for older PCs (signed)
"""


@pytest.fixture(scope="module")
def debian():
    spec = importlib.util.spec_from_file_location("page_kernel_debian", HERE / "debian.py")
    module = sys.modules["page_kernel_debian"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_newest_kernel_is_taken(debian, monkeypatch):
    apt = object.__new__(debian.Apt)
    monkeypatch.setattr(debian.Apt, "_run", lambda self, *command: FOUND)
    assert apt.kernel() == "linux-image-6.10.0-0.deb12.1-686"
    monkeypatch.setattr(debian.Apt, "_run", lambda self, *command: "")
    with pytest.raises(debian.Refused, match="没有 bookworm 的 i386 内核"):
        apt.kernel()


def test_the_lock_has_one_kernel_and_names_its_source(debian):
    kernels = [package for package in debian.read_lock() if package.name.startswith("linux-image-")]
    assert len(kernels) == 1
    assert kernels[0].source.startswith("linux-signed-i386 ")
