"""数据在哪里：只有这个模块知道。

源码树里，数据就在仓库的顶层（``recordings/``、``labs/``、``chapters/``、``book/``）；装好的包里，同样的布局在
``sockscope/data`` 之下（``pyproject.toml`` 的 force-include）。别的模块只写相对的路径。
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

__all__ = ["PACKAGE", "ROOT", "recordings", "require_room"]

PACKAGE = Path(str(files("sockscope")))
"""本包的文件夹。"""


def _root() -> Path:
    inside = PACKAGE / "data"
    return inside if inside.is_dir() else PACKAGE.parents[1]


ROOT = _root()
"""数据的根：仓库，或装好的包里的 ``data``。"""


def recordings() -> Path:
    """录制所在的文件夹；一个实验一个文件，``cells/`` 里是单元格的，``kernels/`` 里是别的内核的。"""
    return ROOT / "recordings"


def require_room() -> None:
    """录制写得进去；写不进去（装好的包在 root 的文件夹里）抛 ``ValueError``。"""
    if not os.access(recordings(), os.W_OK):
        raise ValueError(f"录制要写进 {recordings()}，而这里写不进去；请在本书的仓库里录制。")
