"""拍《教师手册》的画面：真的走一遍从发布到成绩表的路，终端上的字与浏览器里的页存进 book/_assets/teaching/。

用法：python book/screenshots.py        （即 make screenshots，要几分钟）

课程在一个临时的家目录里，名字是样品班编的，种子是定死的，所以重拍一次变化很小。图由 Chromium 直接存成 WebP。
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright
from terminal import Terminal

from sockscope.terminal import Parser, speak_chinese

TARGET = Path(__file__).with_name("_assets") / "teaching"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run"]
QUALITY, SCALE = 28, 2
PATIENCE = 60  # 等一台 JupyterLab 应答的上限，秒
COMMAND = "python -m sockscope.grading"
CLUSTER = "tls://127.0.0.1:8786"
GOOD, CLOSED = "赵伟0_1000", "吴伟5_1005"  # 样品班里的两个：范例；用 close() 代替半关闭的
MOODLE = "class/{}_assignsubmission_file"  # 样品班里一个人的文件夹
LAB = """
import os, sys
from jupyterlab.labapp import LabApp
from sockscope.serve.__main__ import arguments
os.environ["JUPYTER_CONFIG_DIR"] = os.path.join(sys.prefix, "etc", "jupyter")
LabApp.launch_instance(argv=[*(a for a in arguments(os.getcwd(), 0) if "workspaces" not in a),
                             "--LabApp.workspaces_dir=" + os.path.expanduser("~/workspaces"),
                             "--LabApp.expose_app_in_browser=True"])
"""


# ---------------------------------------------------------------- 终端

def before(terminal: Terminal) -> None:
    """发布、收卷、批改：打断一次，接着批，再看全班。"""
    keep("machine", terminal.type(f"{COMMAND} machine"))
    keep("release", terminal.type(f"{COMMAND} release lab05"))
    keep("sample", terminal.type(f"{COMMAND} sample lab05 class"),
         terminal.type(f"cp {MOODLE.format(CLOSED)}/lab05.ipynb {MOODLE.format(GOOD)}/lab05-9.ipynb"))
    keep("collect", terminal.type(f"{COMMAND} collect lab05 class"))
    keep("take", terminal.type(f"{COMMAND} collect lab05 class --take {MOODLE.format(GOOD)[6:]}/lab05.ipynb | tail -n 2"))
    keep("grade", terminal.type(f"{COMMAND} grade lab05", stop_at=" 12/"), terminal.type(f"{COMMAND} grade lab05"))
    keep("again", terminal.type(f"{COMMAND} grade lab05 {CLOSED} --only half_close --again"))
    with cluster(terminal):
        keep("cluster", terminal.type(f"{COMMAND} grade lab05 {GOOD} {CLOSED} --again --scheduler {CLUSTER} --keys keys"))
    keep("execute", terminal.type(f"{COMMAND} execute lab05 {CLOSED}"))
    keep("summary", terminal.type(f"{COMMAND} summary lab05"))


def after(terminal: Terminal) -> None:
    """书面题看过几份之后：规矩、反馈与成绩表。"""
    keep("rules", terminal.type(f"{COMMAND} due lab05 2030-11-20T23:59"), terminal.type(f"{COMMAND} late --rate 10 --floor 50"),
         terminal.type(f"{COMMAND} extend lab05 钱伟1 --late 2 --why 补交"), terminal.type(f"{COMMAND} points lab05"))
    keep("feedback", terminal.type(f"{COMMAND} feedback lab05"))
    keep("export", terminal.type(f"{COMMAND} export lab05"),
         terminal.type("grep -e Student -e 赵伟 -e 钱伟 course/export/lab05/canvas.csv"))


@contextmanager
def cluster(terminal: Terminal) -> Iterator[None]:
    """一个 dask 的调度进程，两个工作进程。"""
    terminal.type(f"{COMMAND} keys keys")
    commands = ["dask scheduler --host 127.0.0.1 --port 8786 --no-dashboard",
                *[f"dask worker {CLUSTER} --nthreads 4 --no-dashboard --no-nanny"] * 2]
    with ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(subprocess.Popen(
                command.split(), cwd=terminal.home,
                env={**terminal.environment, "DASK_CONFIG": str(terminal.home / "keys")}, stderr=subprocess.DEVNULL))
            stack.callback(process.terminate)
        yield


def keep(name: str, *said: str) -> None:
    """存下终端上的一段。"""
    print(f"• {name}", flush=True)
    (TARGET / f"{name}.txt").write_text("".join(said), encoding="utf-8")


# ---------------------------------------------------------------- 浏览器

def shoot(page: Page, name: str, top: float = 0, bottom: float = 0) -> None:
    """存下整页宽、从 ``top`` 到 ``bottom`` 的一条；``bottom`` 为 0 就到窗口的底。"""
    size = page.viewport_size
    clip = {"x": 0, "y": top, "width": size["width"], "height": (bottom or size["height"]) - top, "scale": SCALE}
    page.mouse.move(0, 0)
    image = page.context.new_cdp_session(page).send("Page.captureScreenshot", {
        "format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": clip})
    print(f"• {name}.webp", flush=True)
    (TARGET / f"{name}.webp").write_bytes(base64.b64decode(image["data"]))


def edge(found: Locator, bottom: bool = False) -> float:
    """一样东西在文档里的上沿或下沿。"""
    place = "bottom" if bottom else "top"
    return found.evaluate(f"e => e.getBoundingClientRect().{place} + window.scrollY")


@contextmanager
def served(terminal: Terminal, command: list[str], folder: Path, page: str = "") -> Iterator[str]:
    """一台 JupyterLab，返回它打印的、以 ``page`` 结尾的地址；用完停下。"""
    folder.mkdir(exist_ok=True)
    with subprocess.Popen([sys.executable, *command], cwd=folder, env=terminal.environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            said = (re.search(rf"http://127\.0\.0\.1:\d+/{page}", line) for line in process.stdout)
            address = next(found[0] for found in said if found)
            threading.Thread(target=process.stdout.read, daemon=True).start()
            answering(int(re.search(r":(\d+)/", address)[1]))
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # 连同它启动的 JupyterLab


def answering(port: int) -> None:
    """等到端口上真的有人听：Jupyter 先打印地址，后监听。等不到抛 ``TimeoutError``。"""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if not sock.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise TimeoutError(f"等了 {PATIENCE} 秒，端口 {port} 上还没有人听")


def self_check(terminal: Terminal, page: Page) -> None:
    """学生的笔记本：用 close() 代替半关闭，检查没有通过，图就在下面。"""
    folder = terminal.home / "student"
    folder.mkdir()
    (folder / "lab05.ipynb").write_text(json.dumps(mistaken(terminal.home)), encoding="utf-8")
    with served(terminal, ["-c", LAB], folder, r"lab\?token=\w+") as address:
        page.set_viewport_size({"width": 960, "height": 1330})
        page.goto(address.replace("/lab?", "/lab/tree/lab05.ipynb?"))
        page.locator(".jp-Notebook h1").wait_for()
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
        page.evaluate("""async () => {
            const {commands, shell} = window.jupyterapp;
            shell.collapseLeft();
            await commands.execute('notebook:run-all-cells');
        }""")
        page.wait_for_function("""() => window.jupyterapp.shell.currentWidget.content.widgets.some(
            cell => cell.model.sharedModel.getSource().includes('lab05.half_close') && cell.model.outputs?.length)""")
        page.locator(".jp-MarkdownCell", has_text="第一步 提问").evaluate("e => e.scrollIntoView()")  # 看不见的格子不画
        page.locator(".sockscope-verdict.failed svg:visible").first.wait_for()
        shoot(page, "selfcheck")


def mistaken(home: Path) -> dict[str, Any]:
    """发布的笔记本，只填了第一格，而且填错了；种子写定，图就写定。"""
    from sockscope.grading.course.source import grade_id, samples
    from sockscope.grading.exam.lab import find_lab

    book = json.loads((home / "course/release/lab05/lab05.ipynb").read_text(encoding="utf-8"))
    wrong = next(s for s in samples(find_lab("lab05")) if s.name == "close-to-finish")
    for cell in book["cells"]:
        if grade_id(cell) == "ask":
            cell["source"] = wrong.answers.cells["ask"]
        elif grade_id(cell) == "half_close":
            cell["source"] = 'check("lab05.half_close", seed=5)'
    return book


def hand_grading(terminal: Terminal, page: Page) -> None:
    """formgrader：全班的一页；给范例的书面题打分，写一句评语。"""
    settings = {"ServerApp": {"open_browser": False, "port": 0}, "IdentityProvider": {"token": ""}}
    (terminal.home / ".jupyter").mkdir(exist_ok=True)
    (terminal.home / ".jupyter" / "jupyter_server_config.json").write_text(json.dumps(settings))
    with served(terminal, ["-m", "sockscope.grading", "formgrader"], terminal.home) as address:
        page.set_viewport_size({"width": 1000, "height": 700})
        page.goto(f"{address}formgrader/gradebook/lab05/lab05", wait_until="networkidle")
        page.get_by_role("button", name="Show All Names").click()
        shoot(page, "formgrader", bottom=edge(page.locator("tbody tr").nth(9), bottom=True) + 8)
        papers = page.evaluate("fetch('/formgrader/api/submitted_notebooks/lab05/lab05').then(r => r.json())")
        wanted = next(paper["id"] for paper in papers if paper["student"] == GOOD)
        page.goto(f"{address}formgrader/submissions/{wanted}/", wait_until="networkidle")  # 旧的分要先取来
        answer_for_marks(page)


def answer_for_marks(page: Page) -> None:
    """在书面题那一格给 3 分、写评语，等到存好，拍下来。"""
    panel = page.locator(".nbgrader_cell", has=page.locator("input.score#why"))
    for box, text in (("textarea.comment", "说得对。再说说：那个 RST 是谁发的？"), ("input.score", "3")):
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            panel.locator(box).fill(text)
            panel.locator(box).dispatch_event("change")
    stuck = page.locator("body > .help, .navbar-fixed-top")  # 粘在窗口上的，会盖住要拍的
    stuck.evaluate_all("found => found.forEach(e => e.remove())")
    first = page.locator(".nbgrader_cell", has=page.locator("input.score#relay_reset"))
    shoot(page, "marking", edge(first) - 60, edge(panel, bottom=True) + 16)


def class_page(terminal: Terminal, page: Page) -> None:
    page.set_viewport_size({"width": 720, "height": 700})
    page.goto((terminal.home / "course/summary/lab05.html").as_uri())
    shoot(page, "summary", bottom=edge(page.locator("body"), bottom=True) + 16)


def desk_page(terminal: Terminal, page: Page) -> None:
    with served(terminal, ["-m", "sockscope.grading", "desk", "--no-browser"], terminal.home, r"\S+") as address:
        page.set_viewport_size({"width": 1100, "height": 700})
        page.goto(f"{address}lab/lab05")
        shoot(page, "desk", bottom=edge(page.locator("details").nth(3), bottom=True) + 8)


def executed_page(terminal: Terminal, page: Page) -> None:
    page.set_viewport_size({"width": 720, "height": 700})
    page.goto((terminal.home / f"course/executed/{CLOSED}/lab05/lab05.html").as_uri())
    first = page.get_by_role("heading", name="第一步")
    shoot(page, "executed", edge(first) - 16, edge(page.locator(".sockscope-verdict").first, bottom=True) + 16)


def student_page(terminal: Terminal, page: Page) -> None:
    page.set_viewport_size({"width": 780, "height": 700})  # 放得下宽的图
    page.goto((terminal.home / f"course/feedback/{CLOSED}/lab05/lab05.html").as_uri())
    shoot(page, "feedback", bottom=edge(page.locator(".sockscope-verdict").first, bottom=True) + 16)


# ---------------------------------------------------------------- 一遍

@contextmanager
def browser() -> Iterator[Page]:
    """一张清晰的、浅色的、只许看本机的页。"""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=QUIET)
        context = chromium.new_context(device_scale_factor=SCALE, locale="zh-CN", color_scheme="light")
        context.route(lambda url: not url.startswith(("http://127.0.0.1:", "file:")), lambda route: route.abort())
        context.set_default_timeout(120_000)  # 毫秒；机器忙的时候，JupyterLab 起得慢
        yield context.new_page()
        chromium.close()


def main() -> int:
    speak_chinese()
    Parser(description="重拍《教师手册》的画面：真的走一遍从发布到成绩表，要几分钟。").parse_args()
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(Path(folder).resolve())
        (terminal.home / "course").mkdir()
        (terminal.home / "course" / "seed").write_text("看得见的套接字")
        before(terminal)
        with browser() as page:
            hand_grading(terminal, page)
            after(terminal)
            class_page(terminal, page)
            desk_page(terminal, page)
            executed_page(terminal, page)
            student_page(terminal, page)
            self_check(terminal, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
