#!/usr/bin/env python3
"""一个学生的服务器：笔记本和练习放进他的文件夹，已有的一个字也不动；再换成 JupyterLab。

``python start.py 参数…``，以学生自己的身份运行。由 JupyterHub 启动时，是它的 jupyterhub-singleuser。书在
``SOCKSCOPE_BOOK``（缺省是本文件所在的仓库），学生的文件夹是家目录里的 ``sockscope``。
"""

import os
import shutil
import sys
from pathlib import Path

BOOK = Path(os.environ.get("SOCKSCOPE_BOOK", Path(__file__).resolve().parents[1]))
GIVEN = ("chapters", "labs")


def hand_out(source: Path, target: Path) -> None:
    """``source`` 里他还没有的文件，抄一份给他。"""
    for path in sorted(source.rglob("*")):
        own = target / path.relative_to(source)
        if path.is_dir():
            own.mkdir(parents=True, exist_ok=True)
        elif not own.exists():
            shutil.copyfile(path, own)


def main() -> None:
    own = Path.home() / "sockscope"
    for name in GIVEN:
        (own / name).mkdir(parents=True, exist_ok=True)
        hand_out(BOOK / name, own / name)
    os.chdir(own)
    server = "jupyterhub.singleuser" if "JUPYTERHUB_API_TOKEN" in os.environ else "jupyterlab"
    os.execv(sys.executable, [sys.executable, "-m", server, *sys.argv[1:]])


if __name__ == "__main__":
    main()
