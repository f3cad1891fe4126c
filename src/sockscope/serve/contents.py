"""JupyterLab 里的文件：教师的那一份不在读者面前。

仓库里有它（``teacher/``：范例和样品答卷），文件夹的列表里没有，写出路径来也打不开；``make serve ARGS=--teacher`` 才有。
这只是不把答案摆在面前；真的没有答案的，是 ``make student`` 做的那一份。
"""

from __future__ import annotations

from posixpath import normpath
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

__all__ = ["ReadersFiles"]

TEACHERS = "teacher"


def top(path: str) -> str:
    """路径最外面的一层；根是空串。"""
    return normpath("/" + path).strip("/").split("/")[0].casefold()


class ReadersFiles(AsyncLargeFileManager):
    """没有 ``teacher/`` 的文件。"""

    async def is_hidden(self, path: str) -> bool:
        return top(path) == TEACHERS or bool(await super().is_hidden(path))  # type: ignore[no-untyped-call]

    async def get(self, path: str, *more: Any, **others: Any) -> dict[str, Any]:
        model: dict[str, Any] = await super().get(path, *more, **others)  # type: ignore[no-untyped-call]
        if model["type"] == "directory" and model["content"] and not top(path):
            model["content"] = [entry for entry in model["content"] if top(entry["name"]) != TEACHERS]
        return model
