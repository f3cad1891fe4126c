"""命令行：``sockscope machine | run | watch | record | compare``（或 ``python -m sockscope``）。"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import Any

from sockscope import __version__, experiments, places
from sockscope.experiments import tools
from sockscope.experiments.experiment import Experiment
from sockscope.experiments.recorder import record
from sockscope.live import Unavailable, capability, machine
from sockscope.pages.tools import everything as watched
from sockscope.terminal import Parser, speak_chinese


def main(arguments: list[str] | None = None) -> int:
    """入口。返回进程的退出码。"""
    speak_chinese()
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["watch"]:  # 后面是别人的命令行，一个字也不动
        return _spoken(_watch, given[1:])
    parser = _parser()
    options, rest = parser.parse_known_args(given)
    command: Callable[..., int] = options.command
    if command is _compare:
        return command(rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return _spoken(command, options)


def _spoken(command: Callable[[Any], int], given: Any) -> int:
    """读者会遇到的错误都只是一句话。"""
    try:
        return command(given)
    except (Unavailable, ValueError, FileNotFoundError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> Parser:
    parser = Parser(prog="sockscope", description="看得见的套接字：在终端里做书里的实验。")
    commands = parser.add_subparsers(required=True, metavar="命令")
    command = commands.add_parser("machine", help="这台机器能做什么")
    command.set_defaults(command=_machine)
    command = commands.add_parser("run", help="做一个实验，用文字画出轨迹")
    command.add_argument("experiment", metavar="实验", help="实验的名字：" + "、".join(experiments.names()))
    command.add_argument("parameters", nargs="*", default=[], metavar="名字=值", help="参数，如 how=SHUT_WR duplicate=1")
    command.add_argument("--pcap", metavar="文件", help="另存为 Wireshark 能打开的文件")
    command.add_argument("--details", action="store_true", help="末尾还有一段：重复的确认、快速重传、SACK、ECN 与 TCP 的选项")
    command.set_defaults(command=_run)
    command = commands.add_parser("watch", help="看一个现成的程序（curl、nc、你自己的）在网线上做了什么", add_help=False)
    command.set_defaults(command=_watch)
    command = commands.add_parser("record", help="把实验的每一种取值录下来（只改写与旧录制不同的）")
    command.add_argument("experiments", nargs="*", metavar="实验", help="缺省是全部")
    command.add_argument("--force", action="store_true", help="相同的也重写")
    command.add_argument("--jobs", type=int, default=0, metavar="几个", help="同时做几个实验；缺省按核数来定，结果与它无关")
    command.add_argument("--tools", action="store_true", help="录症状那一页上 ss、nstat……的输出，不录实验")
    command.set_defaults(command=_record)
    command = commands.add_parser("compare", help="你的内核与书：全部实验和单元格再做一遍，逐个比较", add_help=False)
    command.set_defaults(command=_compare)
    parser.add_argument("--version", action="version", help="是哪一版", version=f"sockscope {__version__}")
    return parser


def _compare(arguments: list[str]) -> int:
    from sockscope.cells import my_kernel

    return my_kernel.main(arguments)


def _watch(arguments: list[str]) -> int:
    from sockscope import watch

    return watch.main(arguments)


def _machine(_options: argparse.Namespace) -> int:
    print(capability().sentence)
    for title, works, note in machine():
        print(f"  {'有' if works else '无'}  {title}  {note}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from sockscope.render import pcap, text

    wanted = experiments.get(options.experiment)
    refused: list[str] = []
    trace = wanted.observe(on_refused=refused.append, **_values(wanted, options.parameters))
    if capability().level == "cable":  # 缺的是这个实验自己要用的
        print("".join(refused), end="\n" * bool(refused), file=sys.stderr)
    print(text.render(trace, details=options.details))
    if options.pcap:
        try:
            pcap.save(trace, options.pcap)
        except OSError as error:
            raise ValueError(f"写不了 {options.pcap}：{error.strerror}。换一个地方再试。") from None
    return 0


def _values(wanted: Experiment, pairs: list[str]) -> dict[str, Any]:
    """把命令行上的 ``名字=值`` 换成参数的真值：与选项的文字相同者当之，是否可写 1、0；别的整数是自己填的。"""
    values: dict[str, Any] = {}
    typed = {experiments.DELAY, *(p.name for p in wanted.parameters if p.typed)}
    for pair in pairs:
        name, _, text = pair.partition("=")
        options = [v for p in wanted.parameters if p.name == name for v, _ in p.options]
        same = [v for v in options if text == (str(int(v)) if isinstance(v, bool) else str(v))]
        number = name in typed and re.fullmatch(r"-?\d{1,9}", text)
        values[name] = same[0] if same else int(text) if number else text
    return values


# ---------------------------------------------------------------- 录制

def _record(options: argparse.Namespace) -> int:
    """录好一个说一句；做不成的最后一起说，别的照录。"""
    if capability().level != "cable":
        raise Unavailable("录制要能抓包。" + capability().sentence)
    places.require_room()
    if options.tools:
        print(f"录了 {tools.record(watched())} 次观看。")
        return 0
    problems: list[str] = []
    for said, found in record(options.experiments, force=options.force, workers=options.jobs, on_progress=_progress):
        print(f"\r{said}")
        problems += found
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


def _progress(done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\r{done}/{total}  ", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
