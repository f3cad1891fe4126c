"""页内内核（``python -m bench.page_kernel``）：在真的 Chromium 里启动它，全部实验各做一遍，与录制比较；两章逐格运行。

同时量：启动时取多少字节，多久能用，第一幅图要多久，之后的五十次各多久，浏览器用多少内存。
结果写进 book/measurements/page_kernel.json，附录 F 的那张表由它而来。要先有 make page-kernel；不要构建好的书。

用法：python -m bench.page_kernel [--print] [--site 文件夹] [实验…]
"""

from __future__ import annotations

import datetime
import functools
import http.server
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import Untested
from sockscope import experiments
from sockscope.cells.recordings import sources
from sockscope.terminal import Parser, speak_chinese

__all__ = ["Visit", "main", "measured", "opened"]

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "page-kernel" / "site"
ASSETS = ROOT / "book" / "_assets" / "page_kernel"
TARGET = ROOT / "book" / "measurements" / "page_kernel.json"
FORMAT = "sockscope-page-kernel/1"
FIRST = "closing"  # 读者点的第一个
NEXT = 50
NOTEBOOKS = ("chapters/03_connecting.ipynb", "chapters/05_closing.ipynb")
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ASK = """async (question) => {
    const before = performance.now(), errors = [], stop = new AbortController();
    const late = setTimeout(() => stop.abort(), 600_000); // 只为不永远等下去
    const onoutput = (output) => { if (output.ename) errors.push(`${output.ename}: ${output.evalue}`); };
    const answer = await sockscopePageKernel.ask(question, {onoutput, signal: stop.signal})
        .catch(({message}) => ({wrong: message}));
    clearTimeout(late);
    return {answer, errors, ms: Math.round(performance.now() - before)};
}"""


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    parser = Parser(prog="python -m bench.page_kernel", description="页内内核：全部实验在浏览器里各做一遍，与录制比较。")
    parser.add_argument("--print", action="store_true", dest="printed", help="只打印，不写 book/measurements/page_kernel.json")
    parser.add_argument("--site", type=Path, default=SITE, metavar="文件夹", help="另一个页内内核（build.py --kernel），只打印")
    parser.add_argument("experiments", nargs="*", metavar="实验", help="只做这几个（不写文件）；缺省是全部，和两章的单元格")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.experiments) - set(experiments.names(recorded=True))):
        print(f"没有这样的实验：{'、'.join(unknown)}。", file=sys.stderr)
        return 1
    try:
        told = measured(asked.experiments, asked.site.resolve())
    except Untested as reason:
        print(f"未测：{reason}", file=sys.stderr)
        return 1
    text = json.dumps(told, ensure_ascii=False, indent=1)
    if asked.printed or asked.experiments or asked.site != SITE:
        print(text)
    else:
        TARGET.write_text(f"{text}\n", encoding="utf-8")
    return 0


def measured(wanted: list[str] | None = None, site: Path | None = None) -> dict[str, Any]:
    """启动一次，全部做一遍。``wanted`` 只做这几个实验，不量别的；``site`` 缺省是书带着的那一个。"""
    with opened(site or SITE) as visit:
        told = visit.about()
        if not wanted:
            told["times"] = visit.times()
        told["experiments"] = dict(visit.compared(wanted or experiments.names(recorded=True)))
        if not wanted:
            told["cells"] = {notebook: dict(visit.cells(notebook)) for notebook in NOTEBOOKS}
            told["memory"]["after"] = visit.memory()
    return told


# ---------------------------------------------------------------- 一次访问

class Visit:
    """一个只有页内内核的网页，开在真的 Chromium 里。"""

    def __init__(self, browser: Any, base: str, sent: dict[str, int]) -> None:
        self.browser, self.sent = browser, sent
        self.page = browser.new_page()
        self.page.set_default_timeout(0)
        self.page.goto(base)
        self.before = self.memory()
        self.clicked = time.monotonic()
        said = self.page.evaluate("sockscopePageKernel.start().then(() => '', ({message}) => message)")
        if said:
            raise Untested(said)
        self.awake, self.bytes = self.since_click(), sum(sent.values())

    def since_click(self) -> int:
        """点了启动以后多少毫秒。"""
        return round(1000 * (time.monotonic() - self.clicked))

    def about(self) -> dict[str, Any]:
        kernel = self.page.evaluate("sockscopePageKernel.about")
        return {"format": FORMAT, "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                "kernel": f"Linux {kernel['kernel'].partition('-')[0]}", "python": kernel["python"],
                "browser": f"Chromium {self.browser.version.split('.')[0]}", "cores": os.cpu_count(),
                "bytes": self.bytes, "awake_ms": self.awake, "memory": {"before": self.before, "awake": self.memory()}}

    def ask(self, **question: Any) -> dict[str, Any]:
        told: dict[str, Any] = self.page.evaluate(ASK, question)
        return told

    def times(self) -> dict[str, Any]:
        """第一幅图，和之后的五十次：各从点下去到报告到手。"""
        self.ask(do="run", experiment=FIRST, parameters={})
        first, told = self.since_click(), []
        rest = [name for name in experiments.names(recorded=True) if experiments.get(name).chapter.isdigit()]  # 真程序不在里面
        for name in [name for name in rest if name != FIRST][:NEXT]:
            found = self.ask(do="run", experiment=name, parameters={})
            told.append((found["ms"], found["ms"] - found["answer"].get("protocol_ms", 0)))
            report(f"{name} {found['ms']} 毫秒")
        whole, beyond = ([round(one) for one in column] for column in zip(*told, strict=True))
        return {"first_figure_ms": first, "next": len(whole), "median_ms": round(statistics.median(whole)), "p95_ms": p95(whole),
                "beyond_protocol_median_ms": round(statistics.median(beyond)), "beyond_protocol_p95_ms": p95(beyond)}

    def compared(self, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """各做一遍，与录制比较。"""
        for name in names:
            found = self.ask(do="compare", experiment=name, parameters={})
            told = {**verdict(found["answer"]), "ms": found["ms"]}
            report(f"{name} {told['ms']} 毫秒 {told['verdict']} {told.get('says', '')} {told.get('why', '')}")
            yield name, told

    def cells(self, notebook: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """一本笔记本逐格运行。"""
        for cell, source in sources(notebook):
            found = self.ask(do="cell", notebook=notebook, cell=cell, source=source)
            said = found["answer"].get("wrong") or found["answer"].get("same") or ""
            told = {"verdict": "differs", "says": said, "ms": found["ms"]} if said else {"verdict": "same", "ms": found["ms"]}
            report(f"{notebook} {cell} {told['ms']} 毫秒 {said} {'；'.join(found['errors']) if said else ''}")
            yield cell, told

    def memory(self) -> int:
        """浏览器的渲染进程（连同 Web Worker）此刻占的内存，MiB（共用的按份算，proc_pid_smaps(5) 的 Pss）。"""
        session = self.browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        return round(sum(pss(one["id"]) for one in processes if one["type"] == "renderer") / 1024)


def report(line: str) -> None:
    """进展。"""
    print(f"  {line.rstrip()}", file=sys.stderr, flush=True)


def verdict(answer: dict[str, str]) -> dict[str, str]:
    """一次比较的结果：same、differs 或 impossible，第一处不同，来历。"""
    if "wrong" in answer:
        return {"verdict": "impossible", "says": answer["wrong"], "why": answer["wrong"]}
    told = {"verdict": "differs" if answer["same"] else "same", "says": answer["same"], "why": answer["why"]}
    return {name: value for name, value in told.items() if value}


def pss(process: int) -> int:
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)[0])


def p95(values: list[int]) -> int:
    return sorted(values)[int(len(values) * 0.95)]


# ---------------------------------------------------------------- 网站与浏览器

@contextmanager
def opened(site: Path) -> Iterator[Visit]:
    """启动好的页内内核。没有它、没有 Chromium，抛 ``Untested``。"""
    if not (site / "current.json").exists():
        raise Untested("还没有页内内核，先运行 make page-kernel。")
    chosen = os.environ.get("SOCKSCOPE_BROWSER")
    path = next(filter(None, map(shutil.which, [chosen] if chosen else BROWSERS)), None)
    if path is None:
        raise Untested("没有 Chromium；sudo apt-get install chromium 之后再测。")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Untested("没有 Playwright；运行 make environment。") from None
    with website(site) as (base, sent), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        try:
            yield Visit(browser, base, sent)
        finally:
            browser.close()


@contextmanager
def website(site: Path) -> Iterator[tuple[str, dict[str, int]]]:
    """一个只有页内内核的网站：根地址，和每个文件送出去多少字节。"""
    sent: dict[str, int] = {}

    class Counting(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def send_header(self, keyword: str, value: str) -> None:
            if keyword.lower() == "content-length":
                sent[self.path] = sent.get(self.path, 0) + int(value)
            super().send_header(keyword, value)

    with tempfile.TemporaryDirectory() as folder:
        lay(Path(folder), site)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=folder)) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/", sent
            finally:
                server.shutdown()
                thread.join()


def lay(folder: Path, site: Path) -> None:
    """摆好网站：书里的那两个脚本，构建好的内核，一个空白的网页。"""
    for source in ASSETS.iterdir():
        shutil.copy(source, folder)
    current = (site / "current.json").read_text(encoding="utf-8")
    (folder / json.loads(current)["version"]).symlink_to(site / json.loads(current)["version"])
    told = current.replace('"', "&quot;")
    page = f'<!doctype html><meta charset=utf-8><script src="client.js" data-kernel="{told}"></script>'
    (folder / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
