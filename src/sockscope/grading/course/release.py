"""发布：范例去掉答案，变成学生的版本；成绩库里登记各格的分数。这一步由 nbgrader 来做，它做得很好。"""

from __future__ import annotations

import json
import logging

from sockscope.grading.course import source
from sockscope.grading.course.course import CODE_STUB, PERMISSIONS, TEXT_STUB, Course, dumps, write
from sockscope.grading.course.nbgrader_here import nbgrader_here
from sockscope.grading.exam.lab import Lab

__all__ = ["release"]


def release(course: Course, lab: Lab) -> str:
    """发布一个练习，返回学生版本的路径。出错抛 ``ValueError``，说明原因。"""
    course.create()
    target = course.root / "source" / lab.name / f"{lab.name}.ipynb"
    write(target, pointed(course, lab, source.path(lab).read_text(encoding="utf-8")))
    with nbgrader_here() as nbgrader:
        api = nbgrader.apps.NbGraderAPI(config=_config(course))
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        outcome = api.generate_assignment(lab.name, force=True, create=True)
    if not outcome["success"]:
        raise ValueError(f"nbgrader 没有能发布 {lab.name}：{outcome.get('log', '')}")
    return str(course.root / "release" / lab.name / f"{lab.name}.ipynb")


def pointed(course: Course, lab: Lab, text: str) -> str:
    """范例，各题的分是教师改过的。没有改过的，一个字也不动。"""
    changed = course.changed_points(lab.name)
    book = json.loads(text)
    for cell in book["cells"]:
        if (name := source.grade_id(cell)) in changed:
            cell["metadata"]["nbgrader"]["points"] = changed[name]
    return dumps(book) if changed else text


def _config(course: Course) -> object:
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.course_id = "sockscope"
    config.ClearSolutions.code_stub = {"python": CODE_STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    config.BaseConverter.permissions = PERMISSIONS
    return config
