"""``python -m sockscope.measure``：在这台机器上重新量一遍，写进 book/measurements/。"""

from sockscope.measure.race import NO_COMPILER, measure
from sockscope.measure.results import PLACE
from sockscope.terminal import speak_chinese


def main() -> None:
    speak_chinese()
    made = measure(lambda done, total, what: print(f"\r{done}/{total}  {what}          ", end="", flush=True), recorded=True)
    assert made is not None
    PLACE.parent.mkdir(exist_ok=True)
    made.save()
    print("\r" + made.origin if made.compiler else "\r" + NO_COMPILER)


if __name__ == "__main__":
    main()
