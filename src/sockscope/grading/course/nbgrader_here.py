"""在本进程里用 nbgrader：装得快，写下的文件从出生起就只有自己打得开。

它要装入 jsonschema，那里若找得到 rfc3987_syntax，就花三四秒编一份我们用不着的 IRI 语法；新建成绩库时，
它另起一个进程去问 alembic 一个版本号，又是一两秒。两样都在这里省下；发布与写成绩的，仍然是它。
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sockscope.grading.course.private import private

__all__ = ["nbgrader_here"]

IRI = "rfc3987_syntax"


@contextmanager
def nbgrader_here() -> Iterator[Any]:
    """装好的 ``nbgrader`` 包；在 ``with`` 里，它与本进程写下的文件都只有自己打得开，也不说闲话。"""
    with private(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader 与较新的 SQLAlchemy 之间的闲话
        yield _loaded()


def _loaded() -> Any:
    waiting = "nbgrader" not in sys.modules and IRI not in sys.modules
    if waiting:
        sys.modules[IRI] = None  # type: ignore[assignment]  # 导入它就是 ImportError，jsonschema 便不要它
    try:
        import nbgrader.api
        import nbgrader.apps
    finally:
        if waiting:
            del sys.modules[IRI]
    nbgrader.api.get_alembic_version = newest_schema
    return nbgrader


def newest_schema() -> str:
    """新建的成绩库是哪一版：问的是同一个 alembic，只是不另起进程。"""
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())
