"""``python -m sockscope.measure``：在这台机器上重新量一遍，写进 book/measurements/。"""

from sockscope.measure import idle
from sockscope.measure.race import NO_COMPILER, measure
from sockscope.measure.results import PLACE
from sockscope.terminal import Parser, speak_chinese


def main(arguments: list[str] | None = None) -> None:
    speak_chinese()
    parser = Parser(prog="python -m sockscope.measure", description="在这台机器上重新测量第 07 章的 Unix 域与环回，要几分钟，"
                    "写进 book/measurements/。")
    parser.add_argument("--idle", action="store_true", help="量的是第 12 章的空闲连接，十几秒")
    if parser.parse_args(arguments).idle:
        return measure_idle()
    made = measure(lambda done, total, what: print(f"\r{done}/{total}  {what}          ", end="", flush=True), recorded=True)
    assert made is not None
    PLACE.parent.mkdir(exist_ok=True)
    made.save()
    print("\r" + made.origin if made.compiler else "\r" + NO_COMPILER)


def measure_idle() -> None:
    made = idle.measure(lambda what: print(f"\r{what}          ", end="", flush=True), recorded=True)
    made.save()
    print("\r" + made.origin)


if __name__ == "__main__":
    main()
