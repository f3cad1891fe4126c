"""假装是另一个系统，再运行一个脚本：``python pretend.py darwin|win32 脚本 [参数……]``。

另一个系统的 Python 没有的模块和名字写在 ``platforms.json`` 里，取自 typeshed（CPython 各平台的标准库存根），这里把它们
一一拿走；错误号的数也换掉。标准库与第三方库先导入好：要看的是 sockscope 自己，不是它们。
"""

from __future__ import annotations

import builtins
import errno
import importlib
import json
import os
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

TABLE = Path(__file__).with_name("platforms.json")
OTHERS = """
    asyncio ctypes.util multiprocessing.pool shutil socket subprocess tempfile tomllib urllib.request
    IPython.display anywidget distributed ipywidgets jupyter_server.serverapp nbclient nbformat
    scapy.layers.inet scapy.layers.inet6 scapy.layers.sctp scapy.utils
""".split()  # noqa: SIM905
ELSEWHERE = 1000  # 别的系统的错误号不是 Linux 的数


class Missing:
    """一个不存在的方法：``hasattr`` 也说没有。"""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, *_: Any) -> NoReturn:
        raise AttributeError(self.name)


def pretend(platform: str) -> None:
    """从此刻起，本进程像是在 ``platform`` 上。"""
    for name in OTHERS:
        importlib.import_module(name)
    missing = json.loads(TABLE.read_text(encoding="utf-8"))[platform]
    for name in missing["modules"]:
        sys.modules[name] = None  # type: ignore[assignment]
    for owner, names in missing["names"].items():
        for name in names:
            take_away(owner, name)
    errors = dict(errno.errorcode)
    errno.errorcode.clear()
    for number, name in errors.items():
        setattr(errno, name, number + ELSEWHERE)
        errno.errorcode[number + ELSEWHERE] = name
    os.strerror = lambda number: f"error {number}"
    builtins.open = without_proc(open)
    sys.platform = platform
    # Windows 上不写编码的 open() 不是 UTF-8；解释器要带 -X warn_default_encoding
    warnings.filterwarnings("error", category=EncodingWarning, module="sockscope")


def without_proc(real: Any) -> Any:
    """没有 /proc 的 ``open()``。"""
    def opening(file: Any, *args: Any, **options: Any) -> Any:
        if str(file).startswith("/proc"):
            raise FileNotFoundError(errno.ENOENT, "没有 /proc", file)
        return real(file, *args, **options)
    return opening


def take_away(owner: str, name: str) -> None:
    if owner == "socket.socket":
        setattr(sys.modules["socket"].socket, name, Missing(name))
    elif hasattr(sys.modules[owner], name):
        delattr(sys.modules[owner], name)


if __name__ == "__main__":
    pretend(sys.argv[1])
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")
