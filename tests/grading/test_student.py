"""学生的进程说的话：听的人在一个线程里记，画图的人在另一个线程里看。"""

from __future__ import annotations

from sockscope.grading.exam.student import Student


def test_what_it_says_is_not_changed_under_the_reader():
    """检查没有通过就画图，那时学生的进程也许还在说。"""
    student = Student.__new__(Student)  # 不要进程，只要记的那一笔
    student.calls = {}
    student._note({"number": 1, "name": "send"})
    reading = iter(student.calls.values())
    student._note({"number": 2, "name": "recv"})
    student._note({"number": 1, "result": "5"})
    assert [dict(call) for call in reading] == [{"name": "send"}]
    assert student.calls == {1: {"name": "send", "result": "5"}, 2: {"name": "recv"}}
