"""全书的实验，一章一个文件夹，一个文件一个实验；一个实验 = 参数 + 一个可以朗读的函数。

>>> from sockscope import experiments
>>> trace = experiments.get("closing").run(how="SHUT_WR")
"""

from sockscope.experiments.experiment import (
    DELAY,
    GALLERY,
    GROWING,
    LONGEST,
    PORT,
    Choice,
    Experiment,
    Switch,
    attempt,
    connected,
    experiment,
    get,
    names,
    recording,
)
from sockscope.experiments.recording import Recording

__all__ = [
    "DELAY", "GALLERY", "GROWING", "LONGEST", "PORT", "Choice", "Experiment", "Recording", "Switch", "attempt",
    "connected", "experiment", "get", "names", "recording",
]
