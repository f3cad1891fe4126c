"""轨迹（Trace）：一次实验里发生过的一切。事件在 ``event``，规范形式在 ``canonical``，值在 ``value``，文件在 ``file``。"""

from sockscope.trace.event import Action, Cable, Call, Event, Host, Packet, Queue, Ready, State, TraceError, in_order
from sockscope.trace.file import dumps, from_json, load, loads, parse, save, schema
from sockscope.trace.value import Trace, compare

__all__ = [
    "Action", "Cable", "Call", "Event", "Host", "Packet", "Queue", "Ready", "State", "Trace", "TraceError",
    "compare", "dumps", "from_json", "in_order", "load", "loads", "parse", "save", "schema",
]
