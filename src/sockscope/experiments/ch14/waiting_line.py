"""第 14 章：缓冲区太大（bufferbloat）：网线前面排着队，后来的一句话要排在最后。"""

from socket import AF_INET, SOCK_DGRAM

from sockscope.experiments import PORT, Choice, attempt, experiment
from sockscope.experiments.ch14.segments import SEGMENT, small_segments
from sockscope.live import Network

FULL = 20 + 32 + SEGMENT  # 一段在网线上占多少字节：IP 首部、TCP 首部和时间戳、数据
PER_SECOND = 100  # 网线一秒上得了几段


@experiment(
    chapter="14", title="排在谁的后面", delay=0.01, cuttable=False,
    question="来回 20 毫秒的细网线，一秒过 100 段。前面有几段在排队，一问一答要多久？排不下呢？",
    ahead=Choice("先发几段", {10: "10 段", 0: "没有"}, (0, 10)),
    queue=Choice("网线前面排得下", {100: "100 个包", 4: "4 个包"}, (1, 100)))
def waiting_line(net: Network, ahead: int, queue: int) -> None:
    near, _far = small_segments(net)
    door, asking = net.server.socket(AF_INET, SOCK_DGRAM), net.client.socket(AF_INET, SOCK_DGRAM)
    door.bind((net.server.address, PORT))
    net.settle()
    net.cable.bandwidth, net.cable.queue = FULL * 8 * PER_SECOND, queue
    if ahead:
        near.send(bytes(ahead * SEGMENT))
    asking.sendto(b"now?", door.getsockname())
    for sock in (door, asking):
        sock.settimeout(0.5)
    if asked := attempt(door.recvfrom, 64):
        door.sendto(b"now", asked[1])
    attempt(asking.recv, 64)
    net.settle()
