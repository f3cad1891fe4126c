"""``python -m sockscope.measure``：在这台机器上重新量一遍，写进 book/measurements/。"""

from collections.abc import Callable

from sockscope.measure import batches, idle, narrow
from sockscope.measure.race import NO_COMPILER, measure
from sockscope.measure.results import PLACE
from sockscope.terminal import Parser, speak_chinese


def main(arguments: list[str] | None = None) -> None:
    speak_chinese()
    parser = Parser(prog="python -m sockscope.measure", description="在这台机器上重新测量第 07 章的 Unix 域与环回，要几分钟，"
                    "写进 book/measurements/。")
    parser.add_argument("--idle", action="store_true", help="量的是第 12 章的空闲连接，十几秒")
    parser.add_argument("--narrow", action="store_true", help="量的是第 14 章的细网线，四五分钟")
    parser.add_argument("--batches", action="store_true", help="量的是第 14 章的一次系统调用发几个数据报，几秒")
    asked = parser.parse_args(arguments)
    for wanted, how in ((asked.idle, idle.measure), (asked.narrow, narrow.measure), (asked.batches, batches.measure)):
        if wanted:
            return measure_other(how)
    made = measure(lambda done, total, what: print(f"\r{done}/{total}  {what}          ", end="", flush=True), recorded=True)
    assert made is not None
    PLACE.parent.mkdir(exist_ok=True)
    made.save()
    print("\r" + made.origin if made.compiler else "\r" + NO_COMPILER)


def measure_other(how: Callable[..., idle.Idle | narrow.Narrow | batches.Batches]) -> None:
    made = how(lambda what: print(f"\r{what}          ", end="", flush=True), recorded=True)
    made.save()
    print("\r" + made.origin)


if __name__ == "__main__":
    main()
