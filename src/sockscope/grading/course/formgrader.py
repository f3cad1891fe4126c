"""formgrader 的服务器：看答卷，批书面题；学生写的东西在里面只是文字，跑不起来。

一共四道门。笔记本是我们拼的，学生的字都在代码块里（``gradebook.assembled``）；页面不许用外面的脚本，不许向外面发请求
（Content-Security-Policy，nbgrader 原来要从 CDN 取的 MathJax 换成 ``jupyter/`` 里的模板）；服务器没有内核，没有终端，
在 Lab 里打开答卷也运行不了；formgrader 里的 autograde 按钮一格也不运行，一分也不改（``course.CONFIG``）。
"""

from __future__ import annotations

import os
import sys

from sockscope import places

__all__ = ["command", "environment"]

TEMPLATES = places.PACKAGE / "grading" / "course" / "jupyter"
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",  # formgrader 与 JupyterLab 自己的页面要用
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'", "base-uri": "'self'", "form-action": "'self'", "frame-ancestors": "'self'",
}


def command(*options: str) -> list[str]:
    """在课程文件夹里运行的命令；``options`` 是另外给 JupyterLab 的选项。"""
    headers = {"Content-Security-Policy": "; ".join(f"{name} {allowed}" for name, allowed in POLICY.items())}
    return [sys.executable, "-m", "jupyterlab", "--ServerApp.allow_root=True",
            "--ServerApp.terminals_enabled=False", f"--ServerApp.tornado_settings={({'headers': headers})!r}",
            "--KernelSpecManager.allowed_kernelspecs={'none'}", "--KernelSpecManager.ensure_native_kernel=False", *options]


def environment() -> dict[str, str]:
    """那条命令的环境变量：我们的模板排在前面。"""
    paths = [str(TEMPLATES), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    return {**os.environ, "JUPYTER_PATH": os.pathsep.join(paths)}
