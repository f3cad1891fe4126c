"""量一量：Unix 域的套接字与环回地址上的 TCP、UDP，来回要多久，一秒搬多少。

    from sockscope.measure import latency
    assert latency("unix_stream").median < latency("tcp").median

量的是两个进程、一对普通的套接字、真正的 ``lo``，不经过仪器：``round_trip.py`` 或 chapters/c/round_trip.c 独自运行，
这里只负责启动它们、收下数目（``race``）、存取（``results``）、给读者看（``panel``）。
``python -m sockscope.measure`` 重新录制书里的那一份。
"""

from sockscope.measure.panel import comparison
from sockscope.measure.race import latency, throughput
from sockscope.measure.results import KINDS, Flow, Latency, Measurement, MeasurementError, recorded

__all__ = ["KINDS", "Flow", "Latency", "Measurement", "MeasurementError", "comparison", "latency", "recorded",
           "throughput"]
