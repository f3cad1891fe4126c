"""书页里的交互实验：只有用到它的页面才带上脚本；一个实验的全部录制是一包（packs.py），点到才取。

画图占去构建的大半时间，所以与排版同时进行，录制和程序都没有变的实验不重画。
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import packs
from later import SCRIPTS as PACKS
from recorded import used
from sockscope import experiments, places
from sockscope.render import pcap
from sockscope.render.palette import figures, properties
from sockscope.render.sheets import rules
from sockscope.widgets.report import origin, report

PARTS = {  # 页上有左边的模块做的东西，就带上右边的脚本和样式
    "widgets.explorer": ("sockscope/figure.css", "sockscope/explorer.css", *PACKS, "sockscope/explorer.js", "host.js"),
    "widgets.kernel_panel": ("sockscope/kernel_panel.css", "sockscope/kernel_panel.js", "kernel_host.js"),
    "widgets.address_explorer": ("sockscope/address_explorer.css",),
    "pages.puzzles": ("sockscope/figure.css", *PACKS, "puzzles.js"),
    "measure": ("sockscope/panel.css",),
    "pages.ledger.everything": ("ledger.js",),
    "pages": ("sockscope/pages.css",),
}
SHEETS = ("widgets/explorer.css", "widgets/kernel_panel.css", "widgets/address_explorer.css", "measure/panel.css",
          "pages/pages.css")
KERNEL = places.ROOT / "_build" / "page-kernel" / "site"  # 做过 make page-kernel 才有
SCRIPTS = {"explorer": "sockscopeExplorer", "kernel_panel": "sockscopeKernelPanel"}


def classic(module: str, name: str) -> str:
    """ES 模块 → 普通脚本：file:// 上浏览器不许加载模块。只改出口那一处，交给 ``window`` 上的 ``name``。"""
    return "(() => {\n" + module.replace("export default {", f"window.{name} = {{") + "\n})();\n"


def reports(name: str) -> dict[str, dict[str, Any]]:
    """一个实验的全部录制：变体 → 报告；剪掉第 k 个包的那次叫 ``变体~k``。"""
    wanted, recorded = experiments.get(name), experiments.Recording.load(name)
    found = {}
    for key, trace in recorded.variants.items():
        found[key] = _report(wanted, trace, [])
        for place, (signature, cut) in enumerate(recorded.drops.get(key, {}).items()):
            found[f"{key}~{place}"] = _report(wanted, cut, [signature])
    return found


def _report(wanted: experiments.Experiment, trace: Any, drop: list[str]) -> dict[str, Any]:
    """一条录制的报告，和它的抓包文件。样式一页一份，见 figure.css。"""
    packets = base64.b64encode(pcap.dumps(trace)).decode() if trace.packets else None
    return report(wanted, drop, trace, origin(trace), styled=False) | {"pcap": packets}


def draw(name: str, folder: Path, made_of: str) -> None:
    """写下一个实验的那一包；上一次写下的还是新的就不动。"""
    target, stamp = folder / f"{name}.js", f"// {made_of}\n"
    if target.exists() and target.read_text(encoding="utf-8").startswith(stamp):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(stamp + packs.pack(f"recordings/{name}", reports(name)), encoding="utf-8")


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
        task = name, self.folder, made_of
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
    """画图的程序和它读的表的摘要。"""
    total = hashlib.sha256()
    for path in sorted(path for kind in ("py", "toml", "css") for path in places.PACKAGE.rglob(f"*.{kind}")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def begin(app: Sphinx) -> None:
    """``builder-inited``：写下部件的脚本和样式；录制的脚本趁排版的时候画。"""
    if app.builder.format == "html":
        write_parts(Path(app.outdir) / "_static" / "sockscope")
        bring_kernel(Path(app.outdir) / "_static" / "page_kernel")
        app.sockscope_studio = Studio(Path(app.outdir) / "_static" / "recordings", app.parallel)  # type: ignore[attr-defined]
        for name in experiments.names(recorded=True):
            app.sockscope_studio.order(name)  # type: ignore[attr-defined]


def dress(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """``html-page-context``：用得着的页面才带脚本与样式。"""
    bring(app, parts(used(app.env).get(pagename, set())))


def bring(app: Sphinx, wanted: Collection[str]) -> None:
    """给这一页带上这些脚本和样式；有交互实验的，还有页内内核的那一半。"""
    if "host.js" in wanted and (kernel := page_kernel()):
        app.add_js_file("clean.js", defer="defer", priority=489)
        app.add_js_file("page_kernel/client.js", defer="defer", priority=490, **{"data-kernel": kernel})
    for part in wanted:
        if part.endswith(".css"):
            app.add_css_file(part)
        else:
            app.add_js_file(part, defer="defer")


def parts(made: set[str]) -> list[str]:
    """页上的东西由这些函数做成（``widgets.explorer.explorer``……）：要带哪些脚本和样式。"""
    return [part for module, wanted in PARTS.items() if any(f"{name}.".startswith(f"{module}.") for name in made)
            for part in wanted]


def page_kernel() -> str:
    """页内内核的版本和大小，写给 client.js；没有做过则为空。"""
    current = KERNEL / "current.json"
    return current.read_text(encoding="utf-8") if current.exists() else ""


def bring_kernel(folder: Path) -> None:
    """把页内内核放进书里，旧的版本拿走。"""
    kept = json.loads(page_kernel() or "{}").get("version", "")
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.is_dir() and old.name != kept:
            shutil.rmtree(old)
    if kept:
        if not (folder / kept).exists():
            shutil.copytree(KERNEL / kept, folder / kept)
        (folder / "current.json").write_text(page_kernel(), encoding="utf-8")  # JupyterLab 里的部件从这里知道


def write_parts(folder: Path) -> None:
    """部件的脚本、全部样式表和颜色。"""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {Path(sheet).name: rules(sheet) for sheet in SHEETS}
    texts |= {f"{module}.js": classic((places.PACKAGE / "widgets" / f"{module}.js").read_text(encoding="utf-8"), name)
              for module, name in SCRIPTS.items()}
    texts |= {"figure.css": figures() + rules("render/figure.css"), "colours.css": properties()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def finish(app: Sphinx, _problem: Exception | None) -> None:
    """``build-finished``：等录制的包画完。"""
    if app.builder.format == "html":
        app.sockscope_studio.finish()  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", begin)
    app.connect("html-page-context", dress)
    app.connect("build-finished", finish)
    app.add_css_file("sockscope/colours.css", priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
