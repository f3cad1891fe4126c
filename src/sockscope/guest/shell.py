"""一本笔记本一个 IPython：书页里的单元格在它里面运行，前面的格子留下的名字后面的用得着。

显示出来的东西与录制时一样记成数据（``cells.kernel.show_data``），所以能与书上的录制比较；交给书页的是画好的样子（``shown``）。
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type

from sockscope.cells.kernel import MIME, show_data
from sockscope.cells.made import for_pages
from sockscope.cells.outputs import difference, drawn, kept
from sockscope.cells.recordings import Book

__all__ = ["Shells"]

Tell = Callable[[dict[str, Any]], None]
Message = dict[str, Any]


class Publisher(DisplayPublisher):
    """display() 显示的东西：一份输出。"""

    def publish(self, data: dict[str, Any], metadata: Any = None, *_: Any, **__: Any) -> None:
        self._say({"output_type": "display_data", "data": data, "metadata": {}})

    def _say(self, message: Message) -> None:
        shell: Any = self.shell
        shell.say(message)

    def clear_output(self, wait: bool = False) -> None:
        """书页上不擦掉什么。"""


class Hook(DisplayHook):
    """最后一行的值：一份输出。"""

    def write_output_prompt(self) -> None:
        """不写 Out[1]。"""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        shell: Any = self.shell
        shell.say({"output_type": "execute_result", "data": format_dict, "metadata": {}})

    def finish_displayhook(self) -> None:
        """没有要补写的换行。"""


class Shell(InteractiveShell):
    """一个不碰终端的 IPython：输出一份份交给 ``say``。"""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    say = AnyTrait()

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        self.say({"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": stb})

    def init_sys_modules(self) -> None:
        """几个 shell 各有各的 __main__，不占 ``sys.modules`` 里的那一个。"""

    def enable_gui(self, gui: Any = None) -> None:
        """没有界面可用。"""


class Stream(io.TextIOBase):
    """单元格里的标准输出：写一段交一段。"""

    def __init__(self, name: str, say: Callable[[Message], None]) -> None:
        self.name, self._say = name, say

    def write(self, text: str) -> int:
        if text:
            self._say({"output_type": "stream", "name": self.name, "text": text})
        return len(text)

    def writable(self) -> bool:
        return True


class Shells:
    """各本笔记本的 IPython。"""

    def __init__(self) -> None:
        self.open: dict[str, Any] = {}

    def run(self, notebook: str, cell: str, source: str, tell: Tell) -> dict[str, Any]:
        """运行一格，输出随时交给 ``tell``；返回 ``error``（有没有出错）和 ``same``（与录制的不同，一句话）。

        源码改过、没有录过的，``same`` 为 None。
        """
        shell = self.open.get(notebook) or self.open.setdefault(notebook, _new())
        messages: list[Message] = []

        def say(message: Message) -> None:
            messages.append(message)
            for one in _told(message):
                tell(one)

        with _streams(say), _current(shell):
            shell.say = say
            result = shell.run_cell(source, store_history=True)
        return {"error": not result.success, "same": _same(notebook, cell, source, messages)}


def _told(message: Message) -> list[Message]:
    """交给书页的样子：画好的东西不带数据，别的照旧。"""
    if message["output_type"] in ("error", "stream"):
        return [message]
    ready = {kind: data for kind, data in message["data"].items() if kind != MIME}
    return [{**message, "data": ready}]


def _same(notebook: str, cell: str, source: str, messages: list[Message]) -> str | None:
    book = Book.load(notebook).outputs(cell, source) if cell else None
    return None if book is None else difference(book, kept(messages))


def _new() -> Any:
    """一个新的 IPython。它不写历史、不改 ``sys`` 的钩子；书里的东西做成书页里的样子。"""
    from traitlets.config import Config

    for_pages()
    quiet = Config()
    quiet.HistoryManager.enabled = False
    quiet.Completer.use_jedi = False
    before = sys.displayhook, sys.excepthook
    shell: Any = Shell(config=quiet, colors="nocolor")  # type: ignore[no-untyped-call]
    sys.displayhook, sys.excepthook = before
    show_data(shell, live=drawn)
    return shell


@contextmanager
def _streams(say: Callable[[Message], None]) -> Iterator[None]:
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Stream("stdout", say), Stream("stderr", say)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def _current(shell: Any) -> Iterator[None]:
    """``get_ipython()`` 找到的是正在运行的这一个。"""
    singletons: list[Any] = [Shell, *InteractiveShell._walk_mro()]
    before = [kind._instance for kind in singletons]
    for kind in singletons:
        kind._instance = shell
    try:
        yield
    finally:
        for kind, one in zip(singletons, before, strict=True):
            kind._instance = one
