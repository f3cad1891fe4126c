"""测量用的布景：学生的那一份书、教师的那一份、账户。都在隔离里，随它消失。"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from bench import Untested
from sockscope import places


def students_copy(target: Path) -> None:
    """``tools/student`` 给学生的那些文件，加上构建好的书；旁边的 ``teachers/`` 是教师的：另有 ``teacher/``，学生打不开。"""
    if not (places.ROOT / "_build" / "html" / "index.html").exists():
        raise Untested("书还没有构建；先运行 make book。")
    left_out = re.findall(r"':\(exclude\)(\S+)'", (places.ROOT / "tools" / "student").read_text(encoding="utf-8"))
    archive(target, ".", *(f":(exclude){path}" for path in left_out))
    shutil.copytree(places.ROOT / "_build" / "html", target / "_build" / "html")
    archive(target.with_name("teachers"), "src", "teacher", "labs", "book", "chapters", "recordings", "pyproject.toml")


def archive(target: Path, *paths: str) -> None:
    """提交了的文件里的这些。"""
    target.mkdir()
    packed = subprocess.run(["git", "archive", "HEAD", "--", *paths], cwd=places.ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(target)], input=packed, check=True)


def accounts(names: list[str], group: str, password: str) -> None:
    """系统的账户，家目录别人进不去。"""
    run("groupadd", group)
    for name in names:
        run("useradd", "--create-home", "--groups", group, "--shell", "/bin/sh", name)
        Path("/home", name).chmod(0o700)
    run("chpasswd", told="".join(f"{name}:{password}\n" for name in names))


def only_for(group: str, folder: Path) -> None:
    """这个文件夹只有 root 和这一组的人打得开。"""
    shutil.chown(folder, group=group)
    folder.chmod(0o750)


def run(*command: str, told: str = "") -> None:
    done = subprocess.run(command, input=told, capture_output=True, text=True)
    if done.returncode:
        raise Untested(f"{' '.join(command)}：{done.stderr.strip()}")
