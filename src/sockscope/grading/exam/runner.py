"""学生代码的进程：装好答题格，叫一次函数，把它说的话交回去。

由 ``student.Student`` 作为程序启动（``python -I -S runner.py``）。每项检查都要启动一回，所以不导入本包，
也不导入 json、ast、linecache：它们要花的时间与解释器自己启动差不多。

它与批改的一方之间只有三根管道：标准输入收任务（marshal，写成一行十六进制）和问话，标准输出交回答（一行一句 JSON），
标准错误给学生随便打印。交回的一切都只是学生代码的“说法”：分数只看批改的一方自己看见的事。

答题格逐个装入，格里逐句执行，而且只执行定义（import、def、class、赋值、if、try）：一句出错不连累别的，
随手试一下的调用也不会在批改时又跑一遍。
"""

from __future__ import annotations

import _ast
import gc
import itertools
import marshal
import os
import signal
import socket
import sys
import threading
import time
from _json import encode_basestring_ascii as quote

TYPE_CHECKING = False  # 不导入 typing：它要花的时间比这里省下的还多；检查类型的程序认得这个名字
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, BinaryIO, NoReturn

    Trouble = dict[str, Any]

MOST = 400  # 图里最多画这么多次调用
SHOWN = 24
LOADING = 2.0  # 装入全部答题格的时限，秒
DEFINITIONS = (_ast.Import, _ast.ImportFrom, _ast.FunctionDef, _ast.AsyncFunctionDef, _ast.ClassDef,
               _ast.Assign, _ast.AnnAssign, _ast.AugAssign, _ast.If, _ast.Try)


class Channel:
    """交回答的管道；学生代码关掉了它，就只是说不出话。"""

    def __init__(self, fd: int) -> None:
        self.fd, self.lock, self.told = fd, threading.Lock(), 0

    def say(self, **message: Any) -> None:
        data = (encode(message) + "\n").encode()
        with self.lock:
            while data:
                try:
                    data = data[os.write(self.fd, data):]
                except OSError:
                    return

    def tell_call(self, **call: Any) -> None:
        """一次套接字调用开始或返回了：只为画图。"""
        self.told += 1
        if self.told <= 2 * MOST:
            self.say(call=call)


def encode(value: Any) -> str:
    """写成 JSON：只有我们自己交回的那几种类型。"""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(str(k))}: {encode(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(encode, value)) + "]"
    text = repr(value)
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text, text)


# ---------------------------------------------------------------- 套接字：照常工作，顺便说一声

class Spoken:
    """一次调用：开始时说一遍，结束时把结果再说一遍。"""

    def __init__(self, channel: Channel, number: int, sock: socket.socket, name: str, args: tuple[Any, ...]) -> None:
        self.channel, self.number, self.args = channel, number, args
        self.fields = {"socket": getattr(sock, "label", ""), "name": name}
        self.outcome: dict[str, Any] = {}

    def __enter__(self) -> Spoken:
        text = ", ".join(show(a) for a in self.args)
        self.channel.tell_call(number=self.number, t=time.monotonic_ns(), args=text, **self.fields,
                               thread=threading.current_thread().name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self.outcome = {"errno": getattr(error, "errno", None), "error": type(error).__name__}
        self.channel.tell_call(number=self.number, end=time.monotonic_ns(), **self.outcome)


def listen_in(channel: Channel) -> None:
    """让 ``socket.socket`` 把每次调用说出来。"""
    original, numbers, labels = socket.socket, itertools.count(1), itertools.count(1)

    class Socket(socket.socket):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.label = f"s{next(labels)}"

        def _real_close(self, *args: Any) -> None:
            with spoken(self, "close", ()):
                super()._real_close(*args)  # type: ignore[misc]  # socket.socket 有它；类型桩里没有

    def spoken(sock: socket.socket, name: str, args: tuple[Any, ...]) -> Spoken:
        return Spoken(channel, next(numbers), sock, name, args)

    def wrap(name: str) -> None:
        method = getattr(original, name)

        def call(self: Socket, *args: Any, **options: Any) -> Any:
            with spoken(self, name, args) as entry:
                value = method(self, *args, **options)
                entry.outcome = {"result": f"{value[0].label}, {show(value[1])}" if name == "accept" else show(value)}
            return value

        call.__name__, call.__doc__ = name, method.__doc__
        setattr(Socket, name, call)

    for name in ("accept", "bind", "listen", "connect", "connect_ex", "send", "sendall", "sendto", "sendmsg", "recv",
                 "recv_into", "recvfrom", "recvmsg", "shutdown", "setsockopt"):
        wrap(name)
    Socket.__name__ = Socket.__qualname__ = "socket"
    vars(socket).update(socket=Socket, SocketType=Socket)


def show(value: Any) -> str:
    """一个参数或结果的文字，不长。"""
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return repr(data) if len(data) <= SHOWN else f"{data[:SHOWN // 2]!r}…（{len(data)} 字节）"
    if value is None:
        return ""
    if isinstance(value, socket.socket):
        return str(getattr(value, "label", ""))
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


# ---------------------------------------------------------------- 答题格

PLACES: dict[str, str] = {}  # 编译时用的文件名 → 答题格


class Overtime(BaseException):
    """装一格花了太久。"""


def load(prelude: str, cells: list[tuple[str, str, bytes]], folder: str) -> tuple[dict[str, Any], dict[str, Trouble | None]]:
    """把开场白和答题格装进一个名字空间；返回它，和每格的第一个错误（没有则为 None）。C 写的一格带着它的共享库。"""
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(prelude, "<开场>", "exec"), space)
    deadline = time.monotonic() + LOADING
    if cells and all(library for _, _, library in cells):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # 全是 C，就照 C 程序的规矩
    troubles = {}
    for name, source, library in cells:
        space.update({"library": library, "path": f"{folder}{name}.so"} if library else {})
        # C 的构造函数里没有 Python：超时由内核来结束
        signal.signal(signal.SIGALRM, signal.SIG_DFL if library else overtime)
        troubles[name] = load_cell(name, source, space, deadline, f"<{name}.c>" if library else f"<{name}>")
    return space, troubles


def overtime(*_: object) -> NoReturn:
    raise Overtime


def load_cell(name: str, source: str, space: dict[str, Any], deadline: float, where: str) -> Trouble | None:
    PLACES[where] = name
    try:
        tree: Any = compile(source, where, "exec", _ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"type": type(error).__name__, "text": str(getattr(error, "msg", error)),
                "cell": name, "line": getattr(error, "lineno", 0)}
    first = None
    signal.setitimer(signal.ITIMER_REAL, max(0.05, deadline - time.monotonic()))
    try:
        for statement in tree.body:
            if isinstance(statement, DEFINITIONS):
                first = first or run(statement, where, space)
    except Overtime:
        first = {"type": "Overtime", "text": f"过了 {LOADING:.0f} 秒还没有装好", "cell": name, "line": 0}
    signal.setitimer(signal.ITIMER_REAL, 0)
    return first


def run(statement: _ast.stmt, where: str, space: dict[str, Any]) -> Trouble | None:
    try:
        exec(compile(_ast.Module([statement], []), where, "exec"), space)
    except Overtime:
        raise
    except BaseException as error:
        return describe(error)
    return None


def describe(error: BaseException) -> Trouble:
    """一个异常：类名、文字、在哪一格第几行。"""
    place: Trouble = {"cell": "", "line": 0}
    step = error.__traceback__
    while step is not None:
        place = place_of(step.tb_frame.f_code.co_filename, step.tb_lineno) or place
        step = step.tb_next
    try:
        text = str(error)
    except BaseException:
        text = ""
    return {"type": type(error).__name__, "text": text[:300], "errno": errno_of(error), **place}


def errno_of(error: BaseException) -> int | None:
    number = getattr(error, "errno", None)
    return number if type(number) is int else None


def place_of(filename: str, line: int | None) -> Trouble | None:
    """``<ask>`` 第 3 行；C 写的说不出第几行；不是答题格里的则为 None。"""
    return {"cell": PLACES[filename], "line": 0 if filename.endswith(".c>") else line} if filename in PLACES else None


def standing(own: int) -> list[Trouble]:
    """每个线程此刻停在答题格的哪一行，主线程在最前。"""
    gc.disable()  # 3.11 里，_current_frames 碰上垃圾回收会锁死（python/cpython#106883）；考到这里，反正快结束了
    places = []
    for ident, top in sorted(sys._current_frames().items(), key=lambda f: f[0] != threading.main_thread().ident):
        frame: Any = top
        while frame is not None and ident != own:
            if place := place_of(frame.f_code.co_filename, frame.f_lineno):
                places.append({**place, "function": frame.f_code.co_name})
                break
            frame = frame.f_back
    return places[:8]


# ---------------------------------------------------------------- 参数与返回值

def build(argument: dict[str, Any]) -> Any:
    """任务里的一个参数：普通值，字节串，或在这里现做的套接字。"""
    kind, value = next(iter(argument.items()))
    return BUILDERS[kind](value)


def socket_of(wanted: dict[str, Any], channel: Channel) -> socket.socket:
    """按要求做一个套接字：先绑，再听或连，或者接住一个连接。"""
    sock = socket.socket(wanted["family"], wanted["type"])
    if wanted.get("bind") is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(build(wanted["bind"]))
    if wanted.get("connect") is not None:
        sock.connect(build(wanted["connect"]))
    if wanted.get("listen"):
        sock.listen(wanted["listen"])
    if wanted.get("accept"):
        channel.say(listening=True)
        conn, _ = sock.accept()
        sock.close()
        return conn
    return sock


BUILDERS: dict[str, Callable[[Any], Any]] = {
    "value": lambda v: v, "bytes": bytes.fromhex, "tuple": lambda v: tuple(build(a) for a in v),
    "list": lambda v: [build(a) for a in v]}


def plain(value: Any, depth: int = 0) -> dict[str, Any]:
    """返回值写成 JSON：只认这几种确切的类型，别的只说它是什么。"""
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return {"value": value if kind is not str else value[:1_000_000]}
    if kind is int:
        return {"value": value} if abs(value) < 1 << 64 else {"other": "int"}
    if kind in (bytes, bytearray, memoryview):
        return {"bytes": bytes(value).hex()}
    if kind in (list, tuple) and depth < 6:
        return {kind.__name__: [plain(v, depth + 1) for v in value[:10_000]]}
    if kind is dict and depth < 6:
        return {"dict": [[plain(k, depth + 1), plain(v, depth + 1)] for k, v in list(value.items())[:10_000]]}
    if isinstance(value, int) and isinstance(value, (socket.AddressFamily, socket.SocketKind)):
        return {"value": int(value)}
    return {"other": kind.__name__}


# ---------------------------------------------------------------- 一次任务

def limit(limits: dict[str, int], uid: int, tighter: dict[str, int]) -> None:
    """放下全部权能；批改时再换成谁也不是的用户，收紧资源（setrlimit(2)）。普通用户遇到什么，学生代码就遇到什么。"""
    import resource

    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    for name, value in {**limits, **tighter}.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if not limits:  # 在沙箱里，bubblewrap 和换用户已经做完了这一步
        import ctypes
        import struct

        libc = ctypes.CDLL(None)
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        libc.capset(struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 0, 0, 0, 0, 0, 0))


def answer_questions(channel: Channel, questions: BinaryIO, dismissed: threading.Event) -> None:
    """批改的一方问“停在哪里”，就照实说；它放下管道，就是说可以走了。"""
    own = threading.get_ident()
    for line in questions:
        if line.strip() == b"where":
            channel.say(stands=standing(own))
    dismissed.set()


def main() -> None:
    channel = Channel(os.dup(1))
    questions = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.setsid()
    channel.say(pid=os.getpid())
    task = marshal.loads(bytes.fromhex(questions.readline().decode()))
    limit(task["limits"], task["uid"], task.get("tighter", {}))
    os.chdir(task["folder"])
    os.umask(0o022)  # 不随启动它的人
    if "program" in task:
        return hand_over(task, channel, questions)
    listen_in(channel)
    space, troubles = load(task["prelude"], task["cells"], task["folder"])
    exec(compile(task["driver"], "<考官>", "exec"), space)
    if task["function"] not in space:
        return channel.say(missing=task["function"], troubles=troubles)
    BUILDERS["path"] = lambda name: task["folder"] + name
    BUILDERS["socket"] = lambda wanted: socket_of(wanted, channel)
    try:
        arguments = [build(a) for a in task["arguments"]]
    except OSError as error:
        return channel.say(unprepared=describe(error))
    threading.current_thread().name = "main"
    channel.say(ready=True, troubles=troubles)
    dismissed = threading.Event()
    threading.Thread(target=answer_questions, args=(channel, questions, dismissed), name="where", daemon=True).start()
    attempt(channel, space[task["function"]], arguments, dismissed)


def hand_over(task: dict[str, Any], channel: Channel, questions: BinaryIO) -> None:
    """不叫函数，交给另一个程序：执行笔记本时的内核或 nbclient。它自己的包在 ``task["packages"]`` 里。"""
    sys.path[:0] = task["packages"]
    sys.pycache_prefix, sys.dont_write_bytecode = task["bytecode"], not task["fresh"]
    space: dict[str, Any] = {"__name__": "program"}
    try:
        exec(compile(task["program"], "<程序>", "exec"), space)
        space["main"](task, channel, questions)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))


def attempt(channel: Channel, function: Callable[..., Any], arguments: list[Any], dismissed: threading.Event) -> None:
    """叫一次学生的函数，交回结果；然后留着不走，好让批改的一方看清它没有关掉的东西。"""
    value = None
    try:
        value = function(*arguments)
        channel.say(returned=plain(value))
    except BaseException as error:
        channel.say(raised=describe(error))
    dismissed.wait()
    del value


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)
