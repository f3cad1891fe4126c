"""sockscope：看得见的套接字。

>>> from sockscope import Network
>>> with Network("client", "server") as net:
...     ...
>>> net.trace
"""

from sockscope import render
from sockscope.cells import standin
from sockscope.explorer import explorer  # 同名的模块与函数：在这里导入一次，包的属性就是函数
from sockscope.live import Network, Unavailable, capability
from sockscope.trace import Trace, TraceError, compare, load, save

__all__ = ["Network", "Trace", "TraceError", "Unavailable", "capability", "compare", "explorer", "load", "save"]

render.attach()  # 单元格的最后一行写 net.trace，就看见图
standin.join()  # 在 JupyterLab 里：这台机器做不了的一格，放书上的录制
