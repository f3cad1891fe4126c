"""内核的进程：一个 ipykernel 关在沙箱里，答题格由 ``conductor`` 一格一格送进来。

由 ``runner`` 装入，所以特权已经放下，资源的上限已经设好。五个 zmq 套接字是考场文件夹里的文件，没有 TCP。
签名的钥匙只给这一个内核用，用完就扔：学生的代码与它同住一个进程，本来就冒充得了它，冒充也不过是在自己的输出里写字。
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SAID = 40_000  # 一格里一个流交出的字数；再多也没有人收（conductor 的 TEXT 更小），却会占满内存，或把一句话撑得太长


def main(task: dict[str, Any], channel: Any, _questions: Any) -> None:
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # None 就是“导入不了”，类型桩不知道；没有人来调试，装它却要半秒
    from ipykernel import iostream, kernelapp
    from jupyter_client.session import Session
    from traitlets.config import Config

    class App(kernelapp.IPKernelApp):
        def init_connection_file(self) -> None:
            """钥匙在管道里给过了，不落在文件里。"""

        def write_connection_file(self, **_: Any) -> None:
            """也不写。"""

        def log_connection_info(self) -> None:
            """也不说。"""

    stand_in()
    vars(kernelapp)["IOPubThread"] = without_tcp(iostream.IOPubThread)
    iostream.OutStream.write = capped(iostream.OutStream.write)  # type: ignore[assignment, method-assign]  # 它没有别的关口
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 0
    start: Callable[..., Any] = App
    app = start(config=config, **task["connection"])
    app.session = Session(parent=app, key=task["key"].encode())
    app.initialize([])
    shell: Any = app.shell
    shell._tee = lambda channel: contextlib.nullcontext()  # IPython 把打印的一切另存一份，没有尽头，也没有人看
    shell.push({"check": sys.modules["sockscope.grading"].check}, interactive=False)
    shell.register_magic_function(in_c, "cell", "c")
    channel.say(ready=True, troubles={})
    app.start()
    os._exit(0)


def in_c(_line: str, _cell: str) -> None:
    """``%%c`` 的一格：编译是检查的事。"""
    print("（这一格用 C 写成，执行笔记本时不编译；检查的判定里有编译器的话。）")


def without_tcp(thread: Callable[..., Any]) -> Callable[..., Any]:
    """子进程的打印本要绕一个 TCP 端口回来；这里不要它。"""
    def made(socket: Any, pipe: bool = False, **options: Any) -> Any:
        return thread(socket, pipe=False, **options)
    return made


def capped(write: Callable[[Any, str], int | None]) -> Callable[[Any, str], int | None]:
    """没完没了的 print()：攒到下一次送出的有多少，要看机器多快，快的机器上一句话就太长了。所以说够了就不再攒。"""
    said: dict[tuple[str, Any], int] = {}

    def short(stream: Any, text: str) -> int | None:
        if not isinstance(text, str):
            return write(stream, text)
        key = stream.name, stream.parent_header.get("msg_id")
        before = said.get(key, 0)
        said[key] = before + len(text)
        if before < SAID:
            write(stream, text[:SAID - before])
        return len(text)
    return short


def stand_in() -> None:
    """沙箱里没有本包；答题格里若写了自检，就当它说过了。"""
    package, grading = types.ModuleType("sockscope"), types.ModuleType("sockscope.grading")
    vars(package).update(grading=grading)
    vars(grading).update(check=lambda *_arguments, **_options: None)
    sys.modules |= {"sockscope": package, "sockscope.grading": grading}
