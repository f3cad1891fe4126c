"""房间：不改机器，只布置一个进程的四周。交出怎样在里面运行：前面加什么命令，用哪个解释器，在哪个文件夹，哪些环境变量。"""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import Untested

__all__ = ["ROOT", "Room"]

ROOT = Path(__file__).parents[2]
NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
REVEAL = """
mount --bind "$1" /mnt && mount -t tmpfs -o mode=755 none "$2" && mkdir -p "$1" && mount --bind /mnt "$1" || exit
shift 2; exec "$@"
"""
POWERLESS = """
echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all --inh-caps -all -- "$@"
"""
COMPILERS = ("cc", "gcc", "c99", "clang", "tcc")


@dataclass(frozen=True)
class Room:
    """在里面运行的办法。"""

    before: list[str] = field(default_factory=list)
    python: str = sys.executable
    root: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)


@contextmanager
def limited(files: int) -> Iterator[Room]:
    """至多这么多描述符；这台机器不许放到这么多，就放到它许的最多。"""
    command = ["prlimit", f"--nofile={files}:{files}"]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        files = min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield Room(["prlimit", f"--nofile={files}:{files}"])


@contextmanager
def masked(mask: str) -> Iterator[Room]:
    yield Room(["sh", "-c", f'umask {mask} && exec "$@"', "sh"])


@contextmanager
def folder() -> Iterator[Path]:
    """自己的、谁都进得去的文件夹。"""
    made = Path(tempfile.mkdtemp(prefix="sockscope-matrix-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def locale(language: str, charmap: str) -> Iterator[Room]:
    """现做一个区域设置，不装进机器。"""
    with folder() as place:
        name = f"{language}.{charmap}"
        try:
            subprocess.run(["localedef", "--no-archive", "-i", language, "-f", charmap, str(place / name)],
                           capture_output=True, check=False)
        except FileNotFoundError:
            raise Untested("没有 localedef；sudo apt-get install locales 之后再来。") from None
        if not (place / name).is_dir():
            raise Untested(f"这台机器做不出 {name}；sudo apt-get install locales 之后再来。")
        yield Room(env={"LOCPATH": str(place), "LC_ALL": name})


@contextmanager
def long_tmpdir() -> Iterator[Room]:
    with folder() as place:
        deep = place / "一个 很长的 文件夹" / ("long name " * 9).strip()
        deep.mkdir(parents=True)
        yield Room(env={"TMPDIR": str(deep)})


@contextmanager
def odd_path() -> Iterator[Room]:
    """仓库的副本，路径里有空格和汉字；解释器还是那一个，导入的是副本。"""
    with folder() as place:
        copy = place / "我的 书 (副本)" / "sockets"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=lambda at, names: (
            {"_build", ".git", *(n for n in names if n.startswith(".venv"))} if Path(at) == ROOT else {"__pycache__"}))
        yield Room(root=copy)


@contextmanager
def no_compiler() -> Iterator[Room]:
    """PATH 里的程序都在，只是没有 C 编译器。"""
    with folder() as place:
        for path in reversed([Path(p) for p in os.environ["PATH"].split(":") if os.path.isdir(p)]):
            for program in path.iterdir():
                if not (program.name.startswith(COMPILERS) or "-gcc" in program.name):
                    (place / program.name).unlink(missing_ok=True)
                    (place / program.name).symlink_to(program)
        yield Room(env={"PATH": str(place)})


# ---------------------------------------------------------------- 普通用户

@contextmanager
def nobody(*, within: tuple[str, ...] = ()) -> Iterator[Room]:
    """nobody，给它一个碰得到的 TUN 设备和一个碰得到的解释器。"""
    if os.geteuid():
        raise Untested("要以 root 运行，才变得成 nobody；你已经是普通用户，别的各项就是证明。")
    with folder() as place:
        device, home = place / "tun", place / "home"
        os.mknod(device, stat.S_IFCHR, os.makedev(10, 200))
        device.chmod(0o666)
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        base = Path(sys.base_prefix)
        reveal = ["unshare", "--mount", "sh", "-c", REVEAL, "sh", str(base), str(base.parents[-2])]
        hidden = not reachable(base)
        yield Room([*(reveal if hidden else []), *DROP, *within], env={
            "SOCKSCOPE_TUN": str(device), "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": sysconfig.get_path("purelib")})


@contextmanager
def no_namespaces() -> Iterator[Room]:
    """nobody，而且一个命名空间也不许造：先进一个用户命名空间，在里面把上限定为零，再放下全部权能。"""
    with nobody(within=("unshare", "--user", "--map-root-user", "sh", "-c", POWERLESS, "sh")) as room:
        yield room


def reachable(path: Path) -> bool:
    """别人进不进得了这个文件夹。"""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))
