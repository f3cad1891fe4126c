"""sockscope：看得见的套接字。

>>> from sockscope import Network
>>> with Network("client", "server") as net:
...     ...
>>> net.trace
"""

from sockscope.live import Network, Unavailable, capability
from sockscope.trace import Trace, TraceError, compare, load, save

__all__ = ["Network", "Trace", "TraceError", "Unavailable", "capability", "compare", "explorer", "load", "save"]
