"""第 14 章：同样的回答，要几个来回？要看拥塞窗口此刻多大。"""

from socket import MSG_WAITALL

from sockscope.experiments import Choice, attempt, experiment
from sockscope.experiments.ch14.segments import SEGMENT, small_segments
from sockscope.live import Network

WARMING = 30  # 段


@experiment(
    chapter="14", title="慢启动", delay=0.05, lossless=True, cuttable=False,
    question="来回 100 毫秒，窗口够大，缓冲区够大。一口气写下去的数据，分几批上路？",
    segments=Choice("发几段（每段 100 字节）", {10: "10 段", 11: "11 段", 30: "30 段"}, (1, 30)),
    before=Choice("这条连接此前", {
        "new": "刚刚连好", "busy": "刚发过 30 段", "idle": "发过 30 段，闲了 5 秒",
        "idle_kept": "同样闲了 5 秒，tcp_slow_start_after_idle 是 0"}))
def slow_start(net: Network, segments: int, before: str) -> None:
    net.client.sysctl("tcp_slow_start_after_idle", int(before != "idle_kept"))
    near, far = small_segments(net)
    if before != "new":
        near.sendall(bytes(WARMING * SEGMENT))
        far.recv(WARMING * SEGMENT, MSG_WAITALL)
        net.settle()
    if before.startswith("idle"):
        near.settimeout(5)
        attempt(near.recv, 1)
    near.sendall(bytes(segments * SEGMENT))
    net.settle()
