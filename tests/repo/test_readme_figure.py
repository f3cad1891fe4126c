"""README 里的图不是画的：它就是那条录制的图，一字不差。"""

from __future__ import annotations

from sockscope import experiments
from sockscope.render import svg


def test_the_figure_in_the_readme_is_the_recording(root):
    trace = experiments.recording("half_close")
    figure = root / "book" / "_assets" / "figure.svg"
    assert figure.read_text(encoding="utf-8") == svg.render(trace), \
        "录制或画法变了：把 svg.render(experiments.recording('half_close')) 写进 book/_assets/figure.svg。"
