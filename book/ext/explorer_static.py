"""书页里的交互实验：只有用到它的页面才带上脚本；每条录制写成一个脚本，点到才取。

脚本很多，画图占去构建的大半时间，所以与排版同时进行，录制和程序都没有变的实验不重画。
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from recorded import used
from sockscope import experiments, places
from sockscope.render.palette import stylesheet
from sockscope.widgets.report import origin, report

STYLE = re.compile("<style>.*?</style>", re.DOTALL)
PARTS = {  # 页上有左边的东西，就带上右边的脚本和样式
    "widgets.explorer.explorer": ("sockscope/figure.css", "sockscope/explorer.css", "sockscope/explorer.js", "host.js"),
    "widgets.kernel_panel.kernel_panel": ("sockscope/kernel_panel.css", "sockscope/kernel_panel.js", "kernel_host.js"),
}
STAMP = "made-of.txt"


def classic(module: str, name: str) -> str:
    """ES 模块 → 普通脚本：file:// 上浏览器不许加载模块。只改出口那一处，交给 ``window`` 上的 ``name``。"""
    return "(() => {\n" + module.replace("export default {", f"window.{name} = {{") + "\n})();\n"


def scripts(name: str) -> Iterator[tuple[str, str]]:
    """一个实验的全部录制脚本：``(文件名, 内容)``；剪掉第 k 个包的那次叫 ``变体~k``。"""
    wanted, recorded = experiments.get(name), experiments.Recording.load(name)
    for key, trace in recorded.variants.items():
        yield key, _script(wanted, key, trace, [])
    for key, group in recorded.drops.items():
        for place, (signature, trace) in enumerate(group.items()):
            yield f"{key}~{place}", _script(wanted, f"{key}~{place}", trace, [signature])


def _script(wanted: experiments.Experiment, key: str, trace: Any, drop: list[str]) -> str:
    made = report(wanted, drop, trace, origin(trace))
    made |= {shape: STYLE.sub("", made[shape], count=1) for shape in ("wide", "narrow")}  # 样式一页一份，见 figure.css
    body = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    return f"sockscopeRecorded({json.dumps(wanted.name)},{json.dumps(key)},{body});\n"


def draw(name: str, folder: Path, made_of: str) -> None:
    """写下一个实验的全部脚本；上一次写下的还是新的就不动。"""
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == made_of:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for key, text in scripts(name):
        (folder / f"{key}.js").write_text(text, encoding="utf-8")
    stamp.write_text(made_of)


# ---------------------------------------------------------------- 与排版同时

class Studio:
    """画图的进程：一个实验一件活。``at_once`` 为 1 就留到最后自己画。"""

    def __init__(self, folder: Path, at_once: int) -> None:
        self.folder, self.program = folder, program()
        self.pool: Executor | None = ProcessPoolExecutor(at_once) if at_once > 1 else None
        self.work: dict[str, Future[None]] = {}
        self.put_off: list[Callable[[], None]] = []

    def order(self, name: str) -> None:
        """要一个实验的脚本。"""
        made_of = f"{self.program} {digest(places.recordings() / f'{name}.json')}"
        task = name, self.folder / name, made_of
        if self.pool is None:
            self.put_off.append(lambda: draw(*task))
        else:
            self.work[name] = self.pool.submit(draw, *task)

    def finish(self) -> None:
        """等全部画完。"""
        for later in self.put_off:
            later()
        for future in self.work.values():
            future.result()
        if self.pool is not None:
            self.pool.shutdown()


def program() -> str:
    """画图的程序的摘要。"""
    total = hashlib.sha256()
    for path in sorted(places.PACKAGE.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def begin(app: Sphinx) -> None:
    """``builder-inited``：网页要脚本，趁排版的时候画。"""
    if app.builder.format == "html":
        app.sockscope_studio = Studio(Path(app.outdir) / "_static" / "recordings", app.parallel)  # type: ignore[attr-defined]
        for name in experiments.names(recorded=True):
            app.sockscope_studio.order(name)  # type: ignore[attr-defined]


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：用得着的页面才带脚本与样式。"""
    for name in PARTS.keys() & used(app.env).get(pagename, set()):
        for part in PARTS[name]:
            if part.endswith(".css"):
                app.add_css_file(part)
            else:
                app.add_js_file(part, defer="defer")


def write(app: Sphinx, problem: Exception | None) -> None:
    """``build-finished``：写下部件的脚本、样式，等录制的脚本画完。"""
    if app.builder.format != "html":
        return
    app.sockscope_studio.finish()  # type: ignore[attr-defined]
    if problem:
        return
    static = Path(app.outdir) / "_static" / "sockscope"
    static.mkdir(exist_ok=True)
    for module, name in (("explorer", "sockscopeExplorer"), ("kernel_panel", "sockscopeKernelPanel")):
        script, style = ((places.PACKAGE / "widgets" / f"{module}.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
        (static / f"{module}.js").write_text(classic(script, name), encoding="utf-8")
        (static / f"{module}.css").write_text(style, encoding="utf-8")
    (static / "figure.css").write_text(stylesheet(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", begin)
    app.connect("html-page-context", dress)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
