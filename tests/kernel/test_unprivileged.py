"""普通用户：没有一点特权，也能跑完这里的全部测试。

测试本身以 root 运行时，另起一个 nobody 的进程，给它一个碰得到的设备节点和一个碰得到的解释器；
本来就是普通用户时，其余的测试已经是证明。
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.tun import own_tun

ROOT = Path(__file__).parents[2]
NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
WHO = f"""
import os, sys
print(os.geteuid(), sys.prefix, sys.version.startswith('{VERSION}.') and os.access(sys.executable, os.X_OK), os.__file__)
"""
REVEAL = """
mount --bind "$1" /mnt && mount -t tmpfs -o mode=755 none "$2" && mkdir -p "$1" && mount --bind /mnt "$1" || exit
shift 2; exec "$@"
"""
PROGRAM = """
import os, pathlib, re, sys
status = pathlib.Path("/proc/self/status").read_text()
assert os.geteuid() == {uid}, "应当是 nobody"
assert re.search(r"CapEff:\\s*0+$", status, re.M), "不应有任何特权"
assert sys.prefix == {prefix!r}, f"解释器不是想要的那个：{{sys.prefix}}"
assert os.__file__.startswith(sys.base_prefix), "标准库不是它自己的"
import pytest
sys.exit(pytest.main([{room!r}, "-q", "-rs", "-m", "not soak and not slow", "-p", "no:xdist",
                      "--deselect", "tests/kernel/test_unprivileged.py"]))
"""


def capabilities() -> int:
    found = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    return int(found[1], 16)


@pytest.fixture
def device() -> Iterator[str]:
    with own_tun() as node:
        yield node


def environment(device: str) -> dict[str, str]:
    packages = [sysconfig.get_path("purelib"), str(ROOT / "src")]
    return {"PATH": "/usr/bin:/bin", "SOCKSCOPE_TUN": device, "PYTHONPATH": ":".join(packages),
            "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.path.dirname(device), "LANG": "C.UTF-8", "CI": "1"}


def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def candidates() -> Iterator[list[str]]:
    """以 nobody 的身份叫起一个解释器的命令：正在用的；系统的；还是正在用的，不过它在的地方换成谁都进得去的。"""
    yield [*DROP, sys.executable]
    system = (f"{folder}/{name}" for folder in ("/usr/bin", "/usr/local/bin") for name in (f"python{VERSION}", "python3"))
    yield from ([*DROP, python] for python in system if os.path.exists(python))
    base = Path(sys.base_prefix)
    yield ["unshare", "--mount", "sh", "-c", REVEAL, "sh", str(base), str(base.parents[-2]), *DROP, sys.executable]


def interpreter(env: dict[str, str]) -> tuple[list[str], str]:
    """nobody 真的运行得了的、同一版的解释器：怎样叫起它，和它的 ``sys.prefix``。

    家目录不让别人进时，venv 里的解释器会悄悄改用系统的标准库（setpriv 在执行它的那一刻还有特权，进得去）：
    所以要看它说自己是谁，还叫不叫得起自己。
    """
    for command in candidates():
        said = run([*command, "-c", WHO], env).stdout.split()
        if len(said) == 4 and said[2] == "True" and (command[-1] != sys.executable or said[1] == sys.prefix):
            return command, said[1]
    pytest.fail(f"没有一个 nobody 运行得了的 Python {VERSION}。")


@pytest.mark.slow
@pytest.mark.parametrize("room", ["tests/kernel", pytest.param("tests/packetdrill", marks=pytest.mark.soak)])
def test_everything_here_works_without_privilege(device, room):
    if not capabilities():
        assert os.geteuid() != 0, "其余的测试就是在没有特权时跑的"
        return
    env = environment(device)
    python, prefix = interpreter(env)
    done = run([*python, "-c", PROGRAM.format(uid=NOBODY, prefix=prefix, room=room)], env)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    skipped = re.findall(r"^SKIPPED.*$", done.stdout, re.M)
    assert all("这个内核（" in line for line in skipped), done.stdout  # 内核太旧，与特权无关
