"""与内核打交道的唯一一层：命名空间、网线、网络、留下记录的套接字、内核的状态。"""

from sockscope.live.capability import Capability, Unavailable, capability, machine
from sockscope.live.host import Host
from sockscope.live.network import Network
from sockscope.live.process import Process, Program

__all__ = ["Capability", "Host", "Network", "Process", "Program", "Unavailable", "capability", "machine"]
