"""练习 11 的病人：学生读到的程序，就是考官运行的那一份。"""

from __future__ import annotations

from sockscope.grading.course.source import notebook, text_of
from sockscope.grading.labs.lab11 import PATIENTS, lab


def test_the_notebook_prints_the_very_programs_that_are_examined():
    shown = "\n".join(text_of(cell) for cell in notebook(lab)["cells"] if cell["cell_type"] == "markdown")
    assert [name for name, program in PATIENTS.items() if f"```python\n{program}```" not in shown] == []
