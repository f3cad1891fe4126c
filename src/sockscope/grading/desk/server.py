"""桌面的服务器：只听环回，不知道地址里的钥匙进不来；只有表单里的命令，没有别的。"""

from __future__ import annotations

import asyncio
import csv
import hmac
import html
import os
import secrets
import shutil
import signal
import tempfile
import webbrowser
from argparse import ArgumentParser
from pathlib import Path
from types import TracebackType
from typing import Any

from tornado import httpserver, netutil, web

from sockscope.grading.course.course import Course
from sockscope.grading.desk.forms import commands, takes, words
from sockscope.grading.desk.jobs import Busy, Job
from sockscope.grading.desk.pages import ELSEWHERE, Pages, viewable
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.jail.sandbox import sweep

__all__ = ["Desk", "serve"]

FOLDER = "sockscope-desk-"  # 临时文件夹以此开头，后面是桌面进程的编号
UPLOAD = 1 << 30  # 一次上传最大，字节
POLICY = ("default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
          "frame-ancestors 'none'; base-uri 'none'")
KINDS = {".html": "text/html; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".ipynb": "application/octet-stream"}


class Desk:
    """一张桌面：一门课，一把钥匙，至多一条正在运行的命令。用完 ``close()``。

    钥匙在路径里，不在 cookie 里：cookie 不分端口，同一台机器上别人的服务器也收得到。
    """

    def __init__(self, course: Course, parser: ArgumentParser) -> None:
        self.course, self.parsers = course, commands(parser)
        self.root = "/" + secrets.token_urlsafe(32)
        self.pages = Pages(course, self.parsers, self.root)
        sweep(FOLDER)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))  # 0700：传上来的文件，和带着钥匙的那一页
        self.job: Job | None = None
        self.back = f"{self.root}/"

    def application(self, port: int) -> web.Application:
        given = {"desk": self, "port": port}
        pages = [("", Home), (r"/lab/(lab\d\d)", LabPage), (r"/lab/(lab\d\d)/written/([^/]+)", Written), ("/job", JobPage),
                 ("/file/(.+)", File)]
        return web.Application([*((f"/[^/]+{path}/?", page, given) for path, page in pages), (".*", Nothing, given)])

    def start(self, words: list[str], trash: list[Path], back: str) -> None:
        """运行一条命令；上一条还没有结束抛 ``Busy``。"""
        if self.job and self.job.running:
            raise Busy("上一条命令还在运行。等它结束，或者先叫它停下。")
        self.job, self.back = Job(self.course.root, words, trash), back

    def entrance(self, address: str) -> Path:
        """一个只有自己读得了的网页，打开就到桌面：钥匙不写在浏览器的命令行里，别人用 ps 看不见。"""
        page = self.folder / "open.html"
        page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}">', encoding="utf-8")
        return page

    def close(self) -> None:
        if self.job:
            self.job.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Guarded(web.RequestHandler):
    """进得来的只有知道地址的浏览器；别的网站借不了它的手，也不能换一个名字指到这里（DNS rebinding）。"""

    def initialize(self, desk: Desk, port: int) -> None:
        self.desk, self.port = desk, port

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    def prepare(self) -> None:
        key = "/" + self.request.path[1:].partition("/")[0]
        if self.request.host not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}") \
                or not hmac.compare_digest(key.encode(), self.desk.root.encode()):
            raise web.HTTPError(403)

    def write_error(self, status_code: int, **told: Any) -> None:
        error = told.get("exc_info", (None, None))[1]
        if status_code == 403:  # 不是自己人，一个字也不多说
            self.finish("打不开。请用终端里印出的那个地址。")
        elif isinstance(error, ValueError):  # 课程文件夹里有什么不对：一句话
            self.refused(str(error))
        else:
            self.page("没有这一页" if status_code == 404 else "出了错")

    def log_exception(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not isinstance(error, ValueError):
            super().log_exception(kind, error, trace)

    def page(self, title: str, said: str = "") -> None:
        self.finish(self.desk.pages.framed(title, f"<p>{html.escape(said)}</p>"))

    def refused(self, why: str) -> None:
        self.set_status(400)
        self.page("没有做", why)

    # ------------------------------------------------------------ 表单

    def run(self, lab: str) -> None:
        """照填好的表单运行一条命令。"""
        name, here = self.get_body_argument("do", ""), self.request.path
        if not name:
            self.redirect(here, status=303)
            return
        parser = self.desk.parsers.get(name)
        if parser is None or name in ELSEWHERE or takes(parser, "lab") != bool(lab):
            raise web.HTTPError(404)
        trash: list[Path] = []
        told = {key: self.get_body_argument(key) for key in self.request.body_arguments}

        def stored(field: str) -> Path | None:
            files = self.request.files.get(f"{field}:file", [])
            if not files or not files[0]["filename"]:
                return None
            path = self.desk.folder / secrets.token_hex(8) / file_name(files[0]["filename"])
            path.parent.mkdir()
            path.write_bytes(files[0]["body"])
            trash.append(path.parent)
            return path

        self.begin(words(name, parser, told, lab, self.get_body_arguments("who"), stored), trash)

    def begin(self, words: list[str], trash: list[Path]) -> None:
        try:
            self.desk.start(words, trash, self.request.path)
        except Busy as why:
            self.refused(str(why))
        else:
            self.redirect(f"{self.desk.root}/job", status=303)


class Home(Guarded):
    def get(self) -> None:
        self.finish(self.desk.pages.home(self.desk.job))

    def post(self) -> None:
        self.run("")


class LabPage(Guarded):
    def get(self, name: str) -> None:
        self.finish(self.desk.pages.of_lab(find_lab(name), self.desk.job))

    def post(self, name: str) -> None:
        self.run(name)


class Written(Guarded):
    """一道书面题。填好的写成一张表，交给 ``mark``。"""

    def get(self, name: str, question: str) -> None:
        lab = find_lab(name)
        if question not in self.desk.course.written(lab):
            raise web.HTTPError(404)
        self.finish(self.desk.pages.written(lab, question, self.desk.job))

    def post(self, name: str, question: str) -> None:
        if self.get_body_argument("do", "") != "mark":
            self.redirect(self.request.path, status=303)
            return
        told = {key: self.get_body_argument(key) for key in self.request.body_arguments}
        people = [key.removeprefix("score:") for key in told if key.startswith("score:")]
        path = self.desk.folder / f"{secrets.token_hex(8)}.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("答卷", "题", "分", "评语"), *(
                (who, question, told[f"score:{who}"], told.get(f"comment:{who}", "")) for who in people)])
        self.begin(["mark", "--", name, str(path)], [path])


class JobPage(Guarded):
    def get(self) -> None:
        self.finish(self.desk.pages.job(self.desk.job, self.desk.back))

    def post(self) -> None:
        if self.desk.job:
            self.desk.job.stop()
        self.redirect(f"{self.desk.root}/job", status=303)


class File(Guarded):
    def get(self, name: str) -> None:
        path = viewable(self.desk.course, self.desk.course.root / name)
        if path is None or path.suffix not in KINDS:
            raise web.HTTPError(404)
        self.set_header("Content-Type", KINDS[path.suffix])
        if path.suffix != ".html":
            self.set_header("Content-Disposition", "attachment")
        self.finish(path.read_bytes())


class Nothing(Guarded):
    def get(self) -> None:
        raise web.HTTPError(404)


def file_name(told: str) -> str:
    """浏览器说的文件名，只留最后一段和写得出的字。"""
    name = "".join(c for c in Path(told).name if c.isprintable())[-80:]
    return "file" if name in ("", ".", "..") else name


def serve(course: Course, parser: ArgumentParser, port: int = 0, browser: bool = True) -> None:
    """开到 Ctrl + C 为止。端口被占了抛 ``OSError``。"""
    desk = Desk(course, parser)
    try:
        asyncio.run(_serve(desk, port, browser))
    finally:
        desk.close()


async def _serve(desk: Desk, port: int, browser: bool) -> None:
    sockets = netutil.bind_sockets(port, "127.0.0.1")
    port = sockets[0].getsockname()[1]
    server = httpserver.HTTPServer(desk.application(port), max_body_size=UPLOAD, max_buffer_size=UPLOAD)
    server.add_sockets(sockets)
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    address = f"http://127.0.0.1:{port}{desk.root}/"
    print(f"桌面在 {address}\n只有这台机器上拿着这个地址的人打得开。按 Ctrl + C 结束。", flush=True)
    if browser:
        webbrowser.open(desk.entrance(address).as_uri())
    await over.wait()
    server.stop()
    await server.close_all_connections()
