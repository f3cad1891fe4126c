"""图、文字、pcap：都是 Trace 的纯函数，互不相识。

``attach()`` 之后，``net.trace`` 作为单元格的最后一行就是一张图。
"""

from __future__ import annotations

from typing import Any

from sockscope.render import svg, text
from sockscope.render.sheets import rules
from sockscope.trace import Trace

__all__ = ["attach", "framed", "mimebundle"]

def mimebundle(trace: Trace) -> dict[str, str]:
    """一条轨迹的各种样子：网页（宽窄两版，由容器宽度选一）、SVG（给 PDF）、文字（给终端）。"""
    wide, narrow = svg.render(trace), svg.render(trace, width="narrow")
    return {"text/html": framed(wide, narrow), "image/svg+xml": wide, "text/plain": text.render(trace)}


def framed(wide: str, narrow: str) -> str:
    """宽窄两张 SVG 放进一个容器，由它的宽度选一。"""
    return f'<div class="sockscope-figure"><style>{rules("render/figure.css")}</style>{wide}{narrow}</div>'


def attach() -> None:
    """让 IPython 与 Jupyter 知道怎样显示一条轨迹。"""

    def show(self: Trace, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return mimebundle(self)

    Trace._repr_mimebundle_ = show  # type: ignore[attr-defined]
