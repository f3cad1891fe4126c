"""真程序：五条命令，一问一答，和一口气问完。"""

from __future__ import annotations

from sockscope.experiments import GALLERY, Choice, experiment
from sockscope.experiments.gallery.netcat import nc
from sockscope.experiments.programs import find_program
from sockscope.live import Network

QUIET = ("--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--appendonly", "no")


@experiment(
    chapter=GALLERY, title="redis 的管道", question="同样的五条命令，一问一答，和一口气问完：差几个来回？", lossless=True,
    programs=("strace", "redis-server", "redis-cli", "nc"), compares="packets",
    how=Choice("怎样问", {"pipeline": "管道：五条一口气写完（nc）", "one_by_one": "一问一答（redis-cli -r 5）"}))
def redis_pipeline(net: Network, how: str) -> None:
    net.server.program(find_program("redis-server"), *QUIET, "--dir", net.folder, calls=True)
    net.settle()
    if how == "pipeline":
        asking = nc(net, "-N", "server", "6379")
        asking.stdin.write(b"INCR visits\r\n" * 5)
        net.settle()
        asking.communicate()
    else:
        net.client.program("redis-cli", "-h", "server", "-r", "5", "INCR", "visits", calls=True).communicate()
    net.settle()
