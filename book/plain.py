"""不用 Jupyter Book：把 ``_config.yml`` 写成一份普通的 ``conf.py``，任何版本的 Sphinx 都能照它排同样的来源。

用法：python book/plain.py conf.py 所在的文件夹
    然后：sphinx-build -b html -c 那个文件夹 . 输出的文件夹
"""

from __future__ import annotations

from pathlib import Path
from pprint import pformat
from typing import Any

from sockscope.terminal import Parser, speak_chinese

ROOT = Path(__file__).resolve().parent.parent
GONE = {"sphinx_jupyterbook_latex", "jupyter_book"}  # 只为排 LaTeX，和 Jupyter Book 自己的


def settings() -> dict[str, Any]:
    """Jupyter Book 由 ``_config.yml`` 得出的全部配置，去掉只有它自己懂的。"""
    from jupyter_book.config import get_final_config

    found, _ = get_final_config(user_yaml=ROOT / "_config.yml", sourcedir=ROOT, cli_config={
        "external_toc_path": str(ROOT / "_toc.yml"), "latex_individualpages": False, "nitpicky": True})
    found["extensions"] = [name for name in found["extensions"] if name not in GONE]
    for name in ("html_static_path", "templates_path"):
        found[name] = [str(ROOT / path) for path in found[name]]
    for name in ("html_favicon", "html_logo"):
        found[name] = str(ROOT / found[name])
    return {name: value for name, value in found.items() if not name.startswith("latex")}


def main() -> None:
    """写下 ``conf.py``。"""
    speak_chinese()
    parser = Parser(description="把 _config.yml 写成一份普通的 conf.py。")
    parser.add_argument("folder", type=Path, metavar="文件夹", help="conf.py 所在的文件夹；没有就新建")
    folder = parser.parse_args().folder
    lines = ["import sys", f"sys.path[:0] = [{str(ROOT / 'book' / 'ext')!r}, {str(ROOT / 'src')!r}]"]
    lines += [f"{name} = {pformat(value)}" for name, value in settings().items()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conf.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
