"""批改的测试要有网线。在 CI 上没有就是失败；在别处说明缺什么，跳过。"""

from __future__ import annotations

import os

import pytest

from sockscope.grading.jail.sandbox import Sandbox, refusal
from sockscope.live import capability


@pytest.fixture(scope="session", autouse=True)
def cable() -> None:
    """这台机器能造网线；不能则照实说。"""
    found = capability()
    if found.level != "cable":
        (pytest.fail if os.environ.get("CI") else pytest.skip)(found.sentence)


@pytest.fixture(scope="module")
def sandbox():
    """真的沙箱；造不出来在 CI 上是失败，别处说明缺什么。"""
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    made = Sandbox()
    yield made
    made.close()
