"""部件：有内核的地方（JupyterLab）现场运行的交互实验。导入它要请来 ipywidgets，所以画出来时才导入。"""

from __future__ import annotations

import functools
import threading
from typing import Any

import anywidget
import traitlets

from sockscope import experiments, places
from sockscope.live import capability
from sockscope.render import framed
from sockscope.render.sheets import sheet
from sockscope.trace import TraceError
from sockscope.widgets.report import describe, origin, payload, pictures

__all__ = ["Explorer"]

HERE = places.PACKAGE / "widgets"
STOPPED = "叫停了：图里是停下之前发生的事。"


class Explorer(anywidget.AnyWidget):
    """一个现场的交互实验。读者拨动开关（``values``）、剪掉包（``drop``），``request`` 加一就再跑一遍。"""

    _esm = HERE / "explorer.js"
    _css = sheet("widgets/explorer.css")

    experiment = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    drop = traitlets.List(traitlets.Unicode()).tag(sync=True)
    request = traitlets.Int(0).tag(sync=True)
    payload = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    halt = traitlets.Int(-1).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    elsewhere = traitlets.Bool(False).tag(sync=True)
    """这台机器做不了现场实验（macOS、Windows……）：Lab 里也请页内内核来做。"""

    def __init__(self, name: str, **initial: Any) -> None:
        values = experiments.get(name).complete(initial)
        super().__init__(experiment=describe(name), values=values, payload=_recorded(name, values),
                         elsewhere=capability().level != "cable")
        self._lock = threading.Lock()
        self._wanted = self._busy = False
        threading.Thread(target=_warm_up, daemon=True).start()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Lab 取部件；不认识部件的地方（nbconvert、nbviewer）取现在的图。"""
        bundle = super()._repr_mimebundle_(**options)
        if bundle and self.payload:
            bundle[0]["text/html"] = framed(self.payload["wide"], self.payload["narrow"])
        return bundle

    @traitlets.observe("request")
    def _asked(self, _change: Any) -> None:
        """再跑一遍；正在跑就记下来，跑完立刻按最新的开关再来。"""
        with self._lock:
            self._wanted = True
            if self._busy:
                return
            self._busy = self.running = True
        threading.Thread(target=self._work, name="explorer", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._busy = self.running = False
                    return
                self._wanted = False
            self._run_once()

    def _run_once(self) -> None:
        """跑一遍并交出结果。什么样的失败都变成一句话：后台线程的回溯谁也看不到。"""
        try:
            result = payload(self.experiment["name"], self.values, self.drop, on_progress=self._partial)
            self.error = STOPPED if self._stopping() else ""
        except Exception as error:
            result, self.error = None, STOPPED if self._stopping() else _sentence(error)
        if result and not self._stopping():
            self.payload = result
        experiments.get(self.experiment["name"]).prepare(drop=self.drop)

    def _stopping(self) -> bool:
        """读者叫停了这一次，或者已经要跑下一次。"""
        return self._wanted or self.halt == self.request

    def _partial(self, pictures: dict[str, Any]) -> bool:
        if self._stopping():
            return False
        self.payload = pictures
        return True


def _sentence(error: Exception) -> str:
    return str(error) if str(error) and not isinstance(error, KeyError) else f"实验没有做完：{error!r}。"


def _recorded(name: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """第一次现场运行之前先看录制；没有录过则为 None。"""
    try:
        trace = experiments.recording(name, **values)
    except (FileNotFoundError, TraceError):
        return None
    return pictures(trace) | {"note": origin(trace)}


@functools.cache
def _warm_up() -> None:
    """读者还在看题目的时候，先把工坊和解码器准备好。"""
    if capability().level == "cable":
        import scapy.layers.inet
        import scapy.layers.inet6  # noqa: F401
