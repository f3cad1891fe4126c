"""第 04 章：对端不读。send() 会怎样，窗口会怎样？"""

from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET

from sockscope.experiments import PORT, Choice, Switch, attempt, experiment
from sockscope.experiments.kinds import unhurried
from sockscope.live import Network
from sockscope.live.linux import MSG_DONTWAIT


@experiment(
    chapter="04", title="缓冲区满了", delay=0.005, queues=("receive", "send"),
    question="对端一直不读，一次 send() 12 000 字节：它返回几，什么时候返回？",
    mode=Choice("怎样发", {"nonblocking": "非阻塞（MSG_DONTWAIT），发到 EAGAIN 为止", "blocking": "阻塞，一次 send()"}),
    reads=Switch("对端最后开始读"))
def full_buffer(net: Network, mode: str, reads: bool) -> None:
    unhurried(net)
    listener = net.server.socket()
    listener.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)  # 缺省 128 KiB，还会自己长大；小一点才看得清
    listener.bind((net.server.address, PORT))
    listener.listen()
    near = net.client.socket()
    near.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
    near.connect(listener.getsockname())
    far, _ = listener.accept()
    if mode == "blocking":
        net.client.spawn(near.send, bytes(12_000))
    if mode == "nonblocking":
        while attempt(near.send, bytes(12_000), MSG_DONTWAIT):
            net.settle()
    net.settle()
    if reads:
        while attempt(far.recv, 65536, MSG_DONTWAIT):
            net.settle()
