"""第 03 章：一边断电重启，什么都不记得了；另一边以为连接还在。"""

from sockscope.experiments import Choice, attempt, connected, experiment
from sockscope.live import Network


@experiment(
    chapter="03", title="半开连接", lossless=True, question="客户端断电重启过了。服务器怎样才会知道，那条连接早已不在？",
    scissors=({"then": "send"},),
    then=Choice("重启之后", {
        "wait": "谁也不说话", "send": "服务器发数据", "reconnect": "客户端从同一个端口再连一次"}))
def half_open(net: Network, then: str) -> None:
    near, far = connected(net)
    name = near.getsockname()
    net.client.reboot()
    far.settimeout(3)  # 只为让“谁也不说话”有个尽头
    if then == "send":
        far.send(b"still there?")
    if then == "reconnect":
        again = net.client.socket()
        again.bind(name)
        again.connect(far.getsockname())
    attempt(far.recv, 64)
    net.settle()
