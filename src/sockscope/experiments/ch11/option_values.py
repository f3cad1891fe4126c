"""第 11 章：每一个选项，缺省是多少，设了以后读回多少？"""

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch11.option_list import LEVELS, OPTIONS
from sockscope.live import Network


@experiment(
    chapter="11", title="问内核", question="读缺省值，设一次，再读一次：读回的就是设的那个数吗？哪些不许设？", loopback=True,
    level=Choice("层", {level: level for level in LEVELS}))
def option_values(net: Network, level: str) -> None:
    for option in (o for o in OPTIONS if o.level == level):
        sock = option.born(net)
        for ask in (option.read, option.write, option.read):
            attempt(ask, sock)
