"""第 11 章的主实验：一个选项，设与不设，各做一遍。一层一个实验。"""

from sockscope.experiments import Choice, Switch, experiment
from sockscope.experiments.ch11.option_effects import SCENES, Knob
from sockscope.experiments.ch11.option_list import OPTIONS, named
from sockscope.live import Network

QUESTION = "先读缺省值，设上，再读回来。设与不设，网线上、返回值里，哪一处变了？"
GIVEN = Switch("设上它", True)


def menu(*levels: str) -> Choice:
    return Choice("选项", {o.name: o.name for o in OPTIONS if o.level in levels and o.name in SCENES})


def perform(net: Network, option: str, given: bool) -> None:
    SCENES[option](net, Knob(named(option), given))


@experiment(chapter="11", title="套接字层的选项", question=QUESTION, scissors=({"option": "SO_LINGER"},),
            option=menu("SOL_SOCKET"), given=GIVEN)
def socket_options(net: Network, option: str, given: bool) -> None:
    perform(net, option, given)


@experiment(chapter="11", title="TCP 的选项", question=QUESTION, delayed_ack=True,
            option=menu("IPPROTO_TCP"), given=GIVEN)
def tcp_options(net: Network, option: str, given: bool) -> None:
    perform(net, option, given)


@experiment(chapter="11", title="IP 的选项", question=QUESTION, hosts=("client", "router", "server"),
            option=menu("IPPROTO_IP", "IPPROTO_IPV6"), given=GIVEN)
def ip_options(net: Network, option: str, given: bool) -> None:
    perform(net, option, given)
