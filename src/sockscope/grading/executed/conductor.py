"""把一本笔记本一格一格送进内核，把输出里的文字和图交出去。用的是 nbclient。

它自己也关在沙箱里（同一个考场文件夹，另一个进程命名空间），由 ``runner`` 装入：内核说的每句话都可能是学生的代码冒充的，
所以读这些话的进程，没有什么可偷，也没有什么可弄坏。不认的种类、太长的文字、看不懂的话，到它这里为止；
它交出去的，批改的一方还要再看一遍（``outputs``）。
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from errno import EAGAIN
from queue import Empty
from typing import TYPE_CHECKING, Any, NoReturn

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat import v4
from traitlets import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

MESSAGE = 32 << 20  # 内核的一句话最长，字节；再长，zmq 就与它断开，不再连
WAITING = 2  # 没有读的话最多存几句，多了堵在内核那边
GARBAGE = 10_000  # 看不懂的话最多听几句
TEXT, PICTURE, PICTURES, OUTPUTS = 20_000, 700_000, 4, 60  # 一格：文字几个字，一张图（base64）几个字、几张，一共几块


class Garbled(Exception):
    """内核没完没了地说看不懂的话。"""


class Channel(AsyncZMQSocketChannel):
    """不合规矩的话当作没有说；每读一句让一让，再多的话也挡不住看表。"""

    heard = 0

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # 父类覆盖祖父类时就是这样
        while self.heard < GARBAGE:
            await asyncio.sleep(0)
            if not await self.socket.poll(None if timeout is None else int(timeout * 1000)):
                raise Empty
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
                message = await self._recv()
                if all(isinstance(message[part], dict) for part in ("header", "parent_header", "content")):
                    return message
            self.heard += 1
        raise Garbled


class Client(AsyncKernelClient):
    """连着内核的一头。内核还在不在，问它的套接字还有没有人听。"""

    broken: asyncio.Future[Any]
    shell_channel_class = iopub_channel_class = control_channel_class = Type(Channel)

    async def is_alive(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            return probe.connect_ex(f"{self.ip}-{self.shell_port}") in (0, EAGAIN)

    _async_is_alive = is_alive

    def interrupt(self) -> None:
        self.control_channel.send(self.session.msg("interrupt_request", {}))


class Conductor(NotebookClient):
    """nbclient，只是输出另收。"""

    page: Page
    kc: Client

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> None:
        kind, content = msg["header"].get("msg_type"), msg["content"]
        if kind == "status" and content.get("execution_state") == "idle":
            raise CellExecutionComplete
        self.page.take(kind, content)


class Page:
    """一格的输出，装满为止。``lost``：没有收下的种类。"""

    def __init__(self) -> None:
        self.outputs: list[tuple[str, list[str]]] = []
        self.lost: set[str] = set()
        self.text = self.pictures = 0

    def take(self, kind: Any, content: dict[str, Any]) -> None:
        if kind == "stream":
            self.write("stderr" if content.get("name") == "stderr" else "stdout", content.get("text"))
        elif kind == "error":
            lines = content.get("traceback")
            if isinstance(lines, list) and all(isinstance(line, str) for line in lines[:OUTPUTS]):
                self.write("error", "\n".join(lines[:OUTPUTS]))
        elif kind in ("display_data", "execute_result") and isinstance(content.get("data"), dict):
            self.show(content["data"])

    def write(self, kind: str, text: Any) -> None:
        if not isinstance(text, str):
            return
        fits = text[:TEXT - self.text]
        self.text += len(fits)
        if len(fits) < len(text):
            self.lost.add("long")
        if self.outputs and self.outputs[-1][0] == kind in ("stdout", "stderr"):
            self.outputs[-1][1].append(fits)
        elif fits and self.room():
            self.outputs.append((kind, [fits]))

    def show(self, data: dict[str, Any]) -> None:
        picture = data.get("image/png")
        if isinstance(picture, str) and len(picture) <= PICTURE and self.pictures < PICTURES and self.room():
            self.pictures += 1
            self.outputs.append(("png", [picture]))
        else:
            self.write("text", data.get("text/plain"))
        self.lost |= {"rich"} if set(data) - {"text/plain", "image/png"} else set()

    def room(self) -> bool:
        if len(self.outputs) >= OUTPUTS:
            self.lost.add("long")
        return len(self.outputs) < OUTPUTS


def connected(key: str, connection: dict[str, Any]) -> Client:
    context = zmq.asyncio.Context()
    context.maxmsgsize, context.rcvhwm, context.sndhwm = MESSAGE, WAITING, 100
    client = Client(context=context, session=Session(key=key.encode()), **connection)
    client.start_channels(stdin=False, hb=False)
    monitor = client.iopub_channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    client.broken = asyncio.ensure_future(monitor.recv_multipart())
    return client


async def one(conductor: Conductor, index: int, seconds: float, grace: float) -> str:
    """执行一格，返回怎样结束的：done、overtime（打断了）、stuck（打不断）、dead（没了）、deaf（听不见了）、garbled（看不懂）。"""
    conductor.page, broken = Page(), conductor.kc.broken
    run = asyncio.ensure_future(conductor.async_execute_cell(conductor.nb.cells[index], index))
    ending = "done"
    await asyncio.wait({run, broken}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if not run.done():
        ending = "overtime"
        conductor.kc.interrupt()
        await asyncio.wait({run}, timeout=grace)
    if run.done() and isinstance(run.exception(), DeadKernelError):
        return "dead"
    if broken.done():
        return "deaf"
    if not run.done():
        return "stuck"
    return "garbled" if run.exception() else ending


async def perform(task: dict[str, Any], say: Callable[..., None]) -> None:
    cells = [v4.new_code_cell(source) for _, source in task["sources"]]
    conductor = Conductor(v4.new_notebook(cells=cells), timeout=None, allow_errors=True,
                          iopub_timeout=int(task["whole"]))  # 答复先到，输出后到，隔多久要看机器；时限在 one 里
    conductor.log.setLevel(logging.CRITICAL)
    conductor.kc = connected(task["key"], task["connection"])
    await conductor.kc.wait_for_ready(timeout=task["start"])
    deadline = time.monotonic() + task["whole"]
    for index, (number, _) in enumerate(task["sources"]):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        ending = await one(conductor, index, min(task["each"], left), task["grace"])
        for kind, parts in conductor.page.outputs:
            say(cell=number, kind=kind, text="".join(parts))
        say(cell=number, ended=ending, lost=sorted(conductor.page.lost))
        if ending in ("stuck", "dead", "deaf"):
            break
    say(finished=True)


def main(task: dict[str, Any], channel: Any, questions: Any) -> None:
    questions.readline()  # 等内核就绪
    asyncio.run(leave(perform(task, channel.say)))


async def leave(work: Coroutine[Any, Any, None]) -> NoReturn:
    """做完就走，不等还挂着的读写。"""
    await work
    os._exit(0)
