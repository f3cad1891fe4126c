"""命令行：``python -m sockscope machine | run | record``。"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any, NoReturn

from sockscope import experiments
from sockscope.experiments.experiment import Experiment, today
from sockscope.live import Unavailable, capability, machine
from sockscope.tcp import violations
from sockscope.trace import Trace, TraceError, compare


def main(arguments: list[str] | None = None) -> int:
    """入口。返回进程的退出码；读者会遇到的错误都只是一句话。"""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (Unavailable, ValueError, FileNotFoundError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(1, f"看不懂这条命令（{message}）；{self.prog} --help 说明用法。\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sockscope", description="看得见的套接字：在终端里做书里的实验。")
    commands = parser.add_subparsers(required=True, metavar="命令")
    command = commands.add_parser("machine", help="这台机器能做什么")
    command.set_defaults(command=_machine)
    command = commands.add_parser("run", help="做一个实验，用文字画出轨迹")
    command.add_argument("experiment", help="实验的名字：" + "、".join(experiments.names()))
    command.add_argument("parameters", nargs="*", metavar="名字=值", help="参数，如 how=SHUT_WR duplicate=1")
    command.add_argument("--pcap", metavar="文件", help="另存为 Wireshark 能打开的文件")
    command.set_defaults(command=_run)
    command = commands.add_parser("record", help="把实验的每一种取值录下来（只改写与旧录制不同的）")
    command.add_argument("experiments", nargs="*", metavar="实验", help="缺省是全部")
    command.add_argument("--force", action="store_true", help="相同的也重写")
    command.set_defaults(command=_record)
    return parser


def _machine(_options: argparse.Namespace) -> int:
    print(capability().sentence)
    for title, works, note in machine():
        print(f"  {'有' if works else '无'}  {title}  {note}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from sockscope.render import pcap, text

    wanted = experiments.get(options.experiment)
    trace = wanted.observe(**_values(wanted, options.parameters))
    print(text.render(trace))
    if options.pcap:
        try:
            pcap.save(trace, options.pcap)
        except OSError as error:
            raise ValueError(f"写不了 {options.pcap}：{error.strerror}。换一个地方再试。") from None
    return 0


def _values(wanted: Experiment, pairs: list[str]) -> dict[str, Any]:
    """把命令行上的 ``名字=值`` 换成参数的真值：与选项的文字相同者当之，是否可写 1、0。"""
    values: dict[str, Any] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        options = [v for p in wanted.parameters if p.name == name for v, _ in p.options]
        same = [v for v in options if text == (str(int(v)) if isinstance(v, bool) else str(v))]
        values[name] = same[0] if same else text
    return values


# ---------------------------------------------------------------- 录制

def _record(options: argparse.Namespace) -> int:
    if capability().level != "cable":
        raise Unavailable("录制要能抓包。" + capability().sentence)
    for name in options.experiments or experiments.names():
        _record_one(experiments.get(name), options.force)
    return 0


def _record_one(wanted: Experiment, force: bool) -> None:
    """录下全部变体，外加 ``cut_variants`` 里剪掉每一个包的样子。规范形式没有变的，旧录制原样留下。"""
    try:
        old = experiments.Recording.load(wanted.name)
    except (FileNotFoundError, TraceError):
        old = experiments.Recording(wanted.name)
    new = experiments.Recording(wanted.name)
    variants = wanted.variants()
    for count, values in enumerate(variants, 1):
        _progress(wanted, count, len(variants), "变体")
        key = wanted.key(values)
        new.variants[key] = _fresh(wanted, old.variants.get(key), force, **values)
    for values in wanted.cut_variants():
        _record_cuts(wanted, values, old, new, force)
    new.save()
    changed = sum(new.variants[k] != old.variants.get(k) for k in new.variants)
    recut = sum(trace != old.drops.get(k, {}).get(s) for k, cuts in new.drops.items() for s, trace in cuts.items())
    print(f"\r{wanted.name}：{len(variants)} 个变体中 {changed} 个、"
          f"{sum(map(len, new.drops.values()))} 种剪法中 {recut} 种与旧录制不同。")


def _record_cuts(wanted: Experiment, values: dict[str, Any], old: experiments.Recording,
                 new: experiments.Recording, force: bool) -> None:
    key = wanted.key(values)
    new.drops[key] = {}
    cuts = new.variants[key].signatures
    for count, signature in enumerate(cuts, 1):
        _progress(wanted, count, len(cuts), "剪刀")
        before = old.drops.get(key, {}).get(signature)
        new.drops[key][signature] = _fresh(wanted, before, force, drop=[signature], **values)


def _fresh(wanted: Experiment, before: Trace | None, force: bool, /, **options: Any) -> Trace:
    """新录一条；与旧的规范形式相同就还用旧的。违反状态机的轨迹不许录。"""
    trace = wanted.run(**options)
    trace = replace(trace, recorded=today(), kernel=trace.kernel.partition("-")[0])  # 发行版的后缀不是内核的版本
    if broken := violations(trace):
        raise ValueError(f"{wanted.name} 的轨迹违反 RFC 9293 的状态机：{broken[0]}")
    return before if before is not None and not force and compare(before, trace) is None else trace


def _progress(wanted: Experiment, count: int, total: int, what: str) -> None:
    print(f"\r{wanted.name}  {what} {count}/{total}   ", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
