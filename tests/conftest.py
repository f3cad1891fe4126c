"""全部测试共用的几样东西：仓库在哪里，构建好的书，提供它的静态网站。"""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # 由 sh 的 & 启动的，子进程会继承“不理会”，Ctrl + C 的测试就没有意义
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """仓库的根目录。"""
    return ROOT


LONG = ["test_pages", "test_accessibility", "test_explorer", "test_reading"]  # 一个文件一个工人：最长的先开始


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """要看书的测试里，第一个文件最先来，由它构建；其余的最后来，长的在前：中间的与构建同时进行（Makefile 里的 -n）。"""
    readers = list(dict.fromkeys(item.path for item in items if "book" in getattr(item, "fixturenames", ())))
    long = {path: LONG.index(path.stem) - len(LONG) for path in readers if path.stem in LONG and path.parent.name == "browser"}
    place = {path: 2 + long.get(path, 1) / 10 for path in readers} | dict.fromkeys(readers[:1], -1)
    items.sort(key=lambda item: place.get(item.path, 0))


@pytest.fixture(scope="session")
def book() -> Path:
    """构建好的书（_build/html）：没有、旧了就构建；别人正在构建，就等他做完。"""
    done = subprocess.run([sys.executable, "book/build.py"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"书没有构建成功。\n{done.stdout}{done.stderr}")
    return ROOT / "_build" / "html"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site(book: Path) -> Iterator[str]:
    """一个普通的静态网站，内容是构建好的书；返回根地址，以 / 结尾。"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=book)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class House:
    """make serve 启动的那台服务器：根地址（以 / 结尾）、令牌、读者看到的两个地址。"""

    base: str
    token: str
    book: str
    lab: str


SERVE = """
import pathlib, sys, threading
from sockscope.serve.__main__ import serve

threading.Thread(target=threading.Event().wait).start()  # 服务器停了，也还有线程在等活：不该留住它
serve(pathlib.Path(sys.argv[1]), 0)
"""

def notebook(source: str) -> str:
    """只有一格的笔记本。"""
    return nbformat.writes(nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id="play")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
                  "language_info": {"name": "python"}}))


PLAY = 'from sockscope import explorer\nexplorer("closing")'
ELSEWHERE = f"import os\nos.environ['SOCKSCOPE_CAPTURE'] = 'recording'\n{PLAY}"  # 像 Windows 上一样，做不了现场实验


@pytest.fixture(scope="session")
def house(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """真实的 JupyterLab 与书，开在仓库的一份副本上：在里面运行和保存都不会弄脏仓库。"""
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(book, root / "_build" / "html")
    shutil.copytree(ROOT / "chapters", root / "chapters")
    for folder in ("labs", "teacher"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "play.ipynb").write_text(notebook(PLAY))
    (root / "elsewhere.ipynb").write_text(notebook(ELSEWHERE))
    quiet = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", SERVE, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet, cwd=root) as process:
        lab = next(found for line in process.stdout if (found := re.search(r"http://\S+/lab\?token=(\w+)", line)))
        base = lab[0].split("lab?")[0]
        yield House(base, lab[1], f"{base}book/?token={lab[1]}", lab[0])
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
