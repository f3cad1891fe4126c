"""``sockscope watch -- curl http://server/``：看一个现成的程序在网线上做了什么。

程序在 ``client`` 上运行，对端是 ``server``，中间一根看得见每个包的网线；两台主机的名字在里面认得。程序自己的输入输出照常，
结束以后给出图：缺省用文字画在终端里（写到标准错误：标准输出是程序的），也可以存成 SVG、网页、pcapng 和轨迹文件。
退出码就是程序的。
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from sockscope.live import Network, Program, Unavailable, capability
from sockscope.live.pace import patience
from sockscope.render import pcap, svg, text
from sockscope.terminal import Parser
from sockscope.trace import Trace, save
from sockscope.watch import page
from sockscope.watch.servers import SERVERS, serve

__all__ = ["main"]

LISTENING = 10.0  # 等服务器开始听的上限，秒
GRACE = 2.0  # 叫停以后，等它自己收拾的时间，秒
GLANCE = 0.002
WRITERS: dict[str, Callable[[Trace, str, bool], object]] = {
    "text": lambda trace, path, details: _write(path, text.render(trace, details=details) + "\n"),
    "svg": lambda trace, path, details: _write(path, svg.render(trace, details=details)),
    "html": lambda trace, path, details: _write(path, page.render(trace, details=details)),
    "pcap": lambda trace, path, _: pcap.save(trace, path), "trace": lambda trace, path, _: save(trace, path),
}
KINDS = {"text": "文字的图", "svg": "图，SVG", "html": "网页：图和每个事件的说明，一个文件，不联网也打得开",
         "pcap": "Wireshark 能打开的 pcapng", "trace": "轨迹本身，sockscope.load() 读得回来"}
TIMED_OUT, NOT_RUNNABLE, NOT_FOUND = 124, 126, 127  # 同 timeout(1)、env(1)
EXAMPLES = """\
例子：
  sockscope watch -- curl http://server/
  sockscope watch --local --server "python3 -m http.server 8000" -- curl http://localhost:8000/
  sockscope watch --serve echo --delay 20 -- nc -N server 7
  sockscope watch --server "redis-server --bind 0.0.0.0 --protected-mode no" --html a.html -- redis-cli -h server PING
"""


def main(arguments: list[str]) -> int:
    """``sockscope watch`` 之后的那些参数。返回退出码；做不到抛 ``Unavailable``、``ValueError``，都是一句中文。"""
    options = _options(arguments)
    for path in filter(None, (getattr(options, kind) for kind in KINDS)):
        _try_to_write(path)
    if capability().level != "cable":
        raise Unavailable("看一个程序要有网线。" + capability().sentence)
    net = Network("client", "server", delay=options.delay / 1000, title="$ " + shlex.join(options.program))
    try:
        net.cable.loss = options.loss
        code = _watch(net, options)
    except _NotRun as refused:
        print(refused, file=sys.stderr)
        return refused.code
    finally:
        net.close()
    _show(net.trace, options)
    return code


class _NotRun(Exception):
    """程序没有运行起来：没有可看的，只有一句话和退出码。"""

    def __init__(self, why: OSError) -> None:
        super().__init__(str(why))
        self.code = NOT_FOUND if isinstance(why, FileNotFoundError) else NOT_RUNNABLE


# ---------------------------------------------------------------- 命令行

def _options(arguments: list[str]) -> argparse.Namespace:
    """``--`` 之后的一个字也不看；没有写 ``--`` 的，第一个不是选项的词就是程序。"""
    parser = _parser()
    place = arguments.index("--") if "--" in arguments else None
    options = parser.parse_args(arguments[:place])
    if place is not None:
        options.program += arguments[place + 1:]
    if not options.program:
        parser.error("要看的程序写在 -- 后面，如 sockscope watch -- curl http://server/")
    if options.server is not None and not options.server:
        parser.error("--server 后面要写一条命令")
    return options


def _parser() -> Parser:
    parser = Parser(prog="sockscope watch", epilog=EXAMPLES,
                    description="在主机 client 上运行一个程序，看它与主机 server 在网线上做了什么。")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--server", metavar="命令", type=_command, help="在 server 上运行的程序；等它开始听，再运行你的程序")
    other.add_argument("--serve", metavar="名字", default="http", type=_served,
                       help=f"server 上用内置的服务：{'、'.join(SERVERS)}（缺省是 http），换端口写 http:8080；none 是什么也不听")
    parser.add_argument("--local", action="store_true", help="服务也在 client 上：程序连 127.0.0.1，看的是环回网口")
    parser.add_argument("--delay", metavar="毫秒", type=_milliseconds, default=1.0, help="网线的时延，缺省 1")
    parser.add_argument("--loss", metavar="概率", type=_odds, default=0.0, help="网线弄丢包的概率，0.1 或 10%%")
    parser.add_argument("--timeout", metavar="秒", type=_seconds, help="到时候还没有结束就停下它，退出码 124")
    parser.add_argument("--no-calls", action="store_true", help="不看系统调用（不用 strace），只要包和状态")
    parser.add_argument("--details", action="store_true", help="图上还写着重复的确认、快速重传、SACK、ECN 与 TCP 的选项")
    for kind, what in KINDS.items():
        parser.add_argument(f"--{kind}", metavar="文件", help=what + ("；- 是标准输出" if kind == "text" else ""))
    parser.add_argument("program", metavar="程序", nargs=argparse.REMAINDER, help="要看的程序和它的参数，最好写在 -- 后面")
    return parser


def _number(written: str, low: float, high: float, what: str) -> float:
    percent = written.endswith("%")
    try:
        value = float(written.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{what}，不能是 {written!r}")
    return value


def _milliseconds(written: str) -> float:
    return _number(written, 0, 60_000, "时延是 0 到 60000 毫秒")


def _odds(written: str) -> float:
    return _number(written, 0, 1, "概率在 0 到 1 之间")


def _command(written: str) -> list[str]:
    try:
        return shlex.split(written)
    except ValueError:
        raise argparse.ArgumentTypeError("--server 的引号不成对") from None


def _seconds(written: str) -> float:
    return _number(written, 0.001, 86_400, "时限要大于 0 秒")


def _served(written: str) -> str:
    name, _, port = written.partition(":")
    if name not in (*SERVERS, "none"):
        raise argparse.ArgumentTypeError(f"没有叫 {name!r} 的内置服务；有：{'、'.join(SERVERS)}、none")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError(f"端口要在 1 到 65535 之间，不能是 {port!r}")
    return written


# ---------------------------------------------------------------- 运行

def _watch(net: Network, options: argparse.Namespace) -> int:
    """运行服务器和程序，等到大家静下来；返回退出码。"""
    if options.local:
        net.client.watch_loopback()
    calls = not options.no_calls and _can_see_calls(net)
    if options.server is None and options.serve != "none":
        serve(net.client if options.local else net.server, options.serve)
    with _Server(net, options.server or [], options.local, calls) as server:
        code = _run(net, options, calls)
        server.complain()
    return code


def _run(net: Network, options: argparse.Namespace, calls: bool) -> int:
    try:
        program = net.client.program(*options.program, calls=calls, stdin=None, stdout=None, stderr=None)
    except OSError as refused:
        raise _NotRun(refused) from None
    code = _wait(program, options.timeout)
    net.settle()
    return code


def _can_see_calls(net: Network) -> bool:
    """看不了系统调用，说一句，照样看包和状态。"""
    from sockscope.live.tracer import find_strace

    try:
        find_strace(net.client)
    except Unavailable as lacking:
        print(f"图里没有程序的调用：{lacking}", file=sys.stderr)
        return False
    return True


class _Server:
    """server 上运行的程序（没有命令则什么也不做）。它说的话留在一个没有名字的文件里，出了事才说。"""

    def __init__(self, net: Network, command: list[str], local: bool, calls: bool) -> None:
        self.net, self.command, self.calls = net, command, calls
        self.host = net.client if local else net.server
        self.said = os.memfd_create("server")
        self.program: Program | None = None

    def __enter__(self) -> _Server:
        if self.command:
            self.program = self.host.program(
                *self.command, calls=self.calls, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)
            self.wait_until_it_listens(self.program)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.said)

    def wait_until_it_listens(self, program: Program) -> None:
        """等到有人在听，或者它显然不是来听的（睡着了，走了）。"""
        deadline = time.monotonic() + patience(LISTENING)
        while not _listening(self.host.require_namespace().pid) and program.poll() is None and time.monotonic() < deadline:
            if program.tracing is not None and program.tracing.rests():
                break
            time.sleep(GLANCE)
        if program.poll():
            raise ValueError(self.why(program.returncode))
        self.net.settle()

    def complain(self) -> None:
        """它半路上没有了：说一句。"""
        if self.program is not None and self.program.poll():
            print(self.why(self.program.returncode), file=sys.stderr)

    def why(self, code: int) -> str:
        """服务器为什么没有了：它最后的那句话。"""
        words = os.pread(self.said, 1 << 16, 0).decode(errors="replace").strip().splitlines()
        how = f"退出码 {code}" if code >= 0 else f"被 {signal.Signals(-code).name} 终止"
        return f"{self.host.name} 上的服务器程序已经结束（{how}）{'：' + words[-1] if words else '，什么也没有说。'}"


def _listening(pid: int) -> bool:
    """主机上有没有人在听：TCP 的 LISTEN（0A），或绑好的 UDP 套接字（proc_pid_net(5)）。"""
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            with open(f"/proc/{pid}/net/{name}") as file:
                rows = [row.split() for row in file.read().splitlines()[1:]]
        except OSError:  # 没有 IPv6
            continue
        if any(name.startswith("udp") or row[3] == "0A" for row in rows):
            return True
    return False


def _wait(program: Program, timeout: float | None) -> int:
    """等它结束；到了时限，或读者按了 Ctrl+C，就停下它。"""
    try:
        code = program.wait(timeout)
    except subprocess.TimeoutExpired:
        print(f"过了 {timeout:g} 秒还没有结束，停下它。", file=sys.stderr)
        _stop(program, signal.SIGTERM)
        return TIMED_OUT
    except KeyboardInterrupt:
        _stop(program, signal.SIGINT)
        return 130
    return code if code >= 0 else 128 - code


def _stop(program: Program, number: signal.Signals) -> None:
    program.send_signal(number)
    try:
        program.wait(GRACE)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


# ---------------------------------------------------------------- 给出来

def _show(trace: Trace, options: argparse.Namespace) -> None:
    wanted = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind)}
    if not wanted:
        print(text.render(trace, details=options.details), file=sys.stderr)
    for kind, path in wanted.items():
        try:
            WRITERS[kind](trace, path, options.details)
        except OSError as error:
            raise _unwritable(path, error) from None


def _write(path: str, words: str) -> None:
    if path == "-":
        sys.stdout.write(words)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(words)


def _try_to_write(path: str) -> None:
    """程序运行之前就看好：地方写得进去。"""
    if path == "-":
        return
    try:
        with open(path, "a", encoding="utf-8"):
            pass
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: str, error: OSError) -> ValueError:
    return ValueError(f"写不了 {path}：{error.strerror}。换一个地方再试。")
