"""轨迹（Trace）：一次实验里发生过的一切。值在 ``value``，两条怎样比在 ``canonical``，文件在 ``file``。"""

from sockscope.trace.canonical import compare
from sockscope.trace.file import dumps, from_json, load, loads, parse, save, schema
from sockscope.trace.value import Action, Cable, Call, Event, Host, Packet, State, Trace, TraceError, in_order

__all__ = [
    "Action", "Cable", "Call", "Event", "Host", "Packet", "State", "Trace", "TraceError",
    "compare", "dumps", "from_json", "in_order", "load", "loads", "parse", "save", "schema",
]
