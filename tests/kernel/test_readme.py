"""README 里的那段 Python 真的做得成，画得出。"""

from __future__ import annotations

import re
from pathlib import Path

from sockscope.render import svg

README = Path(__file__).parents[2] / "README.md"


def test_the_program_in_the_readme_runs(capsys):
    program, = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict = {}
    exec(program, names)
    trace = names["net"].trace
    assert capsys.readouterr().out == "200\n"
    assert {p.source.split(":")[0] for p in trace.packets if p.src == "nat" and p.cable == 1} == {"10.0.1.1"}
    assert trace.readiness
    assert "10 Mbit/s" in svg.render(trace)
