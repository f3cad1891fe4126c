"""层次：导入的箭头只朝一个方向，核心只用标准库。"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "sockscope"

# 每一层可以导入的层。
ALLOWED = {
    "places": set(),
    "terminal": set(),
    "pool": set(),
    "trace": set(),
    "tcp": {"trace"},
    "render": {"trace", "tcp", "places"},
    "live": {"trace", "places"},
    "experiments": {"trace", "tcp", "live", "places", "pool"},
    "cells": {"trace", "render", "live", "experiments", "places", "pool", "terminal"},
    "measure": {"trace", "render", "live", "cells", "places", "terminal"},
    "grading": {"trace", "tcp", "render", "live", "experiments", "places", "pool", "terminal"},
    "pages": {"trace", "tcp", "render", "live", "experiments", "cells", "grading", "places"},
    "widgets": {"trace", "tcp", "render", "live", "experiments", "cells", "pages", "places"},
    "watch": {"trace", "render", "live", "places", "terminal"},
    "guest": {"trace", "live", "experiments", "cells", "widgets", "terminal"},
    "serve": {"trace", "render", "live", "experiments", "widgets", "places", "terminal"},
}
STANDARD_ONLY = ["places.py", "trace", "tcp.py", "render"]
LIBRARIES: dict[str, set[str]] = {}    # 图、文字与抓包文件不用任何库


def layer(module: str) -> str:
    """``sockscope.live.cable`` 属于 live 层。"""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> set[str]:
    """一个文件导入的全部模块，相对导入还原成绝对的。"""
    package = ["sockscope", *path.relative_to(SOURCE).with_suffix("").parts][:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "sockscope" else {module}
    return found


def files() -> list[Path]:
    """除屋顶（包的 __init__ 和命令行）以外的全部模块。"""
    return [path for path in sorted(SOURCE.rglob("*.py"))
            if path.parent != SOURCE or path.name not in {"__init__.py", "__main__.py"}]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_arrows_point_one_way(path):
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    used = {layer(name) for name in imports(path) if name.startswith("sockscope.")} - {own}
    assert used <= ALLOWED[own], f"{own} 层不该导入 {used - ALLOWED[own]}"


def test_core_uses_the_standard_library_only():
    for name in STANDARD_ONLY:
        for path in [SOURCE / name] if name.endswith(".py") else sorted((SOURCE / name).rglob("*.py")):
            outside = {module.split(".")[0] for module in imports(path)} - sys.stdlib_module_names - {"sockscope"}
            assert outside <= LIBRARIES.get(path.name, set()), path.name


def test_every_layer_is_known():
    names = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in files()}
    assert names <= set(ALLOWED), "新模块要先在 ALLOWED 里说明它属于哪一层"


def test_no_module_is_named_after_nothing():
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [path for path in files() if path.stem in vague] == []
