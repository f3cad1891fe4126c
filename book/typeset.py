"""排版：请 Jupyter Book 1 把来源排成网页。全仓库只有这里和 ``_config.yml`` 知道它。

用法：python book/typeset.py 输出的文件夹 中间产物的文件夹 [同时几个进程]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # 核对国际化网址的文法，导入时要编译一秒多，这里用不着

from jupyter_book.sphinx import build_sphinx  # noqa: E402

from sockscope.terminal import Parser, speak_chinese  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """返回退出码；警告就是错误。"""
    speak_chinese()
    parser = Parser(description="请 Jupyter Book 1 把来源排成网页（由 book/build.py 来叫）。")
    parser.add_argument("output", metavar="输出的文件夹")
    parser.add_argument("doctrees", metavar="中间产物的文件夹")
    parser.add_argument("at_once", nargs="?", type=int, default=1, metavar="同时几个进程")
    wanted = parser.parse_args()
    overrides = {"external_toc_path": str(ROOT / "_toc.yml"), "latex_individualpages": False, "nitpicky": True}
    result = build_sphinx(ROOT, wanted.output, doctreedir=wanted.doctrees, noconfig=True, path_config=ROOT / "_config.yml",
                          confoverrides=overrides, warningiserror=True, keep_going=True, jobs=wanted.at_once)
    return result if isinstance(result, int) else 1


if __name__ == "__main__":
    sys.exit(main())
