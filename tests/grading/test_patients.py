"""练习 11、13 的病人：学生读到的程序，就是考官运行的那一份；照抄一份，得不到分。"""

from __future__ import annotations

import pytest

from sockscope.grading.course.source import model, notebook, text_of
from sockscope.grading.exam.stage import examine
from sockscope.grading.exam.student import Answers, Plain
from sockscope.grading.labs import lab11, lab13

SICK = {c.cells[0]: c for c in lab13.lab.checks.values() if c.cells[0] in lab13.PATIENTS}


@pytest.mark.parametrize("told", [lab11, lab13], ids=["lab11", "lab13"])
def test_the_notebook_prints_the_very_programs_that_are_examined(told):
    shown = "\n".join(text_of(cell) for cell in notebook(told.lab)["cells"] if cell["cell_type"] == "markdown")
    assert [name for name, program in told.PATIENTS.items() if f"```python\n{program}```" not in shown] == []


@pytest.mark.parametrize("name", lab13.PATIENTS)
def test_a_patient_as_it_is_printed_does_not_pass(name):
    answers = Answers(model(lab13.lab).cells | {name: lab13.PATIENTS[name]})
    assert examine(SICK[name], answers, Plain(), 3).status == "failed"
