"""一个学生在浏览器里做的事，走 JupyterHub 的网址：登录、翻书、拨交互实验、运行单元格、自检、交作业。"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx
import websocket

from bench import Untested

PATIENCE = 300.0  # 秒：八个人同时来，慢也等得到
MARKER = re.compile(r'<script id="sockscope-server" type="application/json">(.*?)</script>')
Answer = TypeVar("Answer")


def timed(work: Callable[..., Answer], *arguments: Any) -> tuple[float, Answer]:
    """用了几秒，和结果。"""
    started = time.monotonic()
    answer = work(*arguments)
    return time.monotonic() - started, answer


class Student:
    """``hub`` 是 JupyterHub 的根地址，不带末尾的斜线。"""

    def __init__(self, hub: str, name: str, password: str) -> None:
        self.hub, self.name, self.password = hub, name, password
        self.home = f"{hub}/user/{name}"
        self.web = httpx.Client(timeout=PATIENCE, follow_redirects=True)
        self.told: dict[str, Any] = {}

    # ------------------------------------------------------------ 进门

    def enter(self) -> None:
        """登录，等自己的服务器起来，打开书的首页。"""
        self.web.get(f"{self.hub}/hub/login")
        form = {"username": self.name, "password": self.password, "_xsrf": self.web.cookies.get("_xsrf", path="/hub/") or ""}
        said = self.web.post(f"{self.hub}/hub/login", data=form)
        if said.status_code != 200:
            raise Untested(f"{self.name} 登录不了：HTTP {said.status_code}。")
        page, over = self.read("index.html"), time.monotonic() + PATIENCE
        while not (found := MARKER.search(page)):
            if time.monotonic() > over:
                raise Untested(f"{self.name} 的服务器没有起来。")
            time.sleep(0.2)
            page = self.read("index.html")
        self.told = json.loads(found[1])

    def read(self, page: str) -> str:
        """书的一页；服务器还没有起来，就是 JupyterHub 的等候页。"""
        self.web.get(f"{self.hub}/hub/spawn/{self.name}") if not self.told else None
        return self.web.get(f"{self.home}/book/{page}").text

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """自己服务器的一个接口；不成功就抛出 ``httpx.HTTPStatusError``。"""
        return self.web.request(method, f"{self.home}/{path}", headers={"X-XSRFToken": self.told["xsrf"]},
                                **more).raise_for_status()

    # ------------------------------------------------------------ 书与交互实验

    def turn(self, page: str) -> int:
        """翻到一页，连同它引的样式和脚本，返回一共几个字节。"""
        text = self.read(page)
        if not MARKER.search(text):
            raise Untested(f"{self.name} 打不开 {page}。")
        base = httpx.URL(f"{self.home}/book/{page}")
        wanted = {base.join(found) for found in re.findall(r'(?:src|href)="([^"]+\.(?:js|css)[^"]*)"', text)}
        return len(text) + sum(len(self.web.get(url).raise_for_status().content) for url in wanted)

    def play(self, how: str) -> str:
        """书页里的交互实验拨一次；返回图下方的那几个字（实时、录制……）。"""
        asked = {"experiment": "closing", "parameters": {"how": how}, "drop": []}
        report = self.ask("POST", "sockscope/run", json=asked).json()
        return str(report["label"])

    # ------------------------------------------------------------ 笔记本与作业

    def kernel(self) -> Kernel:
        return Kernel(self, self.ask("POST", "api/kernels", json={"name": "python3"}).json()["id"])

    def save(self, path: str, book: dict[str, Any]) -> None:
        """像 JupyterLab 那样存一本笔记本。"""
        self.ask("PUT", f"api/contents/{path}", json={"type": "notebook", "format": "json", "content": book})

    def submit(self, course: str, lab: str) -> None:
        """作业列表里按“交”。"""
        said = self.ask("POST", "assignments/submit", json={"course_id": course, "assignment_id": lab}).json()
        if not said["success"]:
            raise Untested(f"{self.name} 没有交成：{said}")


class Kernel:
    """一个内核，经 JupyterHub 的 WebSocket。用完 ``close()``。"""

    def __init__(self, student: Student, number: str) -> None:
        self.student, self.number = student, number
        jar = student.web.cookies.jar
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar if f"/user/{student.name}/".startswith(cookie.path))
        address = f"{student.home}/api/kernels/{number}/channels".replace("http://", "ws://", 1)
        self.socket = websocket.create_connection(address, cookie=cookies, timeout=PATIENCE)

    def run(self, code: str) -> list[dict[str, Any]]:
        """运行一格，返回它的输出消息的内容。"""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
                  "date": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": False}
        self.socket.send(json.dumps({"channel": "shell", "header": header, "parent_header": {}, "metadata": {},
                                     "content": content, "buffers": []}))
        return list(self._outputs(header["msg_id"]))

    def _outputs(self, wanted: str) -> Iterator[dict[str, Any]]:
        replied = idle = False
        while not (replied and idle):
            told = self.socket.recv()
            if isinstance(told, bytes):  # 带着二进制的：部件的图，不是这里要的
                continue
            message = json.loads(told)
            if message["content"].get("execution_state") in ("restarting", "dead"):
                raise Untested(f"{self.student.name} 的内核死了。")
            if message["parent_header"].get("msg_id") != wanted:
                continue
            kind, content = message["msg_type"], message["content"]
            replied |= kind == "execute_reply"
            idle |= kind == "status" and content["execution_state"] == "idle"
            if kind in ("execute_result", "display_data", "stream", "error"):
                yield content

    def close(self) -> None:
        self.socket.close()
        self.student.ask("DELETE", f"api/kernels/{self.number}")
