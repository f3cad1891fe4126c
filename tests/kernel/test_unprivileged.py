"""普通用户：没有一点特权，也能跑完这里的全部测试。

测试本身以 root 运行时，另起一个 nobody 的进程，给它一个碰得到的设备节点和一个碰得到的解释器；
本来就是普通用户时，其余的测试已经是证明。
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534
WHO = "import os, sys; print(os.geteuid(), sys.prefix, sys.version_info[:2] >= (3, 11), os.__file__)"
PROGRAM = """
import os, pathlib, re, sys
status = pathlib.Path("/proc/self/status").read_text()
assert os.geteuid() == {uid}, "应当是 nobody"
assert re.search(r"CapEff:\\s*0+$", status, re.M), "不应有任何特权"
assert sys.prefix == {prefix!r}, f"解释器不是想要的那个：{{sys.prefix}}"
assert os.__file__.startswith(sys.base_prefix), "标准库不是它自己的"
import pytest
sys.exit(pytest.main(["tests/kernel", "-q", "-rs", "-m", "not soak and not slow", "-p", "no:xdist",
                      "--deselect", "tests/kernel/test_unprivileged.py"]))
"""


def capabilities() -> int:
    found = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    return int(found[1], 16)


@pytest.fixture
def device() -> Iterator[str]:
    """自己的 TUN 设备节点，谁都读得写得（/dev/net/tun 在有的机器上是 0600）。"""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    node = folder / "tun"
    os.mknod(node, stat.S_IFCHR, os.makedev(10, 200))
    node.chmod(0o666)
    yield str(node)
    shutil.rmtree(folder)


def environment(device: str) -> dict[str, str]:
    packages = [sysconfig.get_path("purelib"), str(ROOT / "src")]
    return {"PATH": "/usr/bin:/bin", "SOCKSCOPE_TUN": device, "PYTHONPATH": ":".join(packages),
            "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.path.dirname(device), "LANG": "C.UTF-8", "CI": "1"}


def as_nobody(command: list[str], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def interpreter(env: dict[str, str]) -> tuple[str, str]:
    """nobody 真的运行得了的解释器，和它的 ``sys.prefix``。

    家目录不让别人进时，venv 里的解释器会悄悄改用系统的标准库：所以要看它说自己是谁。
    """
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        if python is None:
            continue
        try:
            said = as_nobody([python, "-c", WHO], env=env).stdout.split()
        except PermissionError:
            continue
        if len(said) == 4 and said[2] == "True" and (python != sys.executable or said[1] == sys.prefix):
            return python, said[1]
    pytest.fail("没有一个 nobody 运行得了的 Python 3.11 以上。")


@pytest.mark.slow
def test_everything_here_works_without_privilege(device):
    if not capabilities():
        assert os.geteuid() != 0, "其余的测试就是在没有特权时跑的"
        return
    env = environment(device)
    python, prefix = interpreter(env)
    done = as_nobody([python, "-c", PROGRAM.format(uid=NOBODY, prefix=prefix)], env=env)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout, done.stdout
