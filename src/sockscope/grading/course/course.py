"""一门课的文件夹：nbgrader 认得的布局，加上我们自己的几样。

    source/lab05/           带范例的笔记本（release 时放进来）
    release/lab05/          发给学生的
    collected/lab05/        收上来的答卷，只有答题格的文字：学生.json
    results/lab05/          判定：学生.json（原子写入，批到一半断了电也不坏）
    history/lab05/          批过的每一次，和批过的各份答卷的文字（history）
    changes/ summary/       给教师的几页：变了什么，全班，全部练习
    submitted/ autograded/  给 formgrader 看的笔记本，由我们重新拼成，不是学生交来的文件
    feedback/ export/       给学生的反馈，给平台的成绩表
    gradebook.db            nbgrader 的成绩库
    seed                    这门课的随机种子：学生不知道的只有它

里面的一切只有教师自己打得开（``private``），要发给学生的也是：发的办法在平台上，不在这台机器的文件夹里。
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sockscope.grading.course import private, source
from sockscope.grading.course.intake import Paper
from sockscope.grading.exam.lab import Check, Lab
from sockscope.grading.exam.verdict import Verdict

__all__ = ["Course"]

CONFIG = """\
# 由 python -m sockscope.grading release 写成；nbgrader 与 formgrader 读它。
c = get_config()
c.CourseDirectory.course_id = "sockscope"
c.CourseDirectory.root = {root!r}
c.ClearSolutions.code_stub = {{"python": {code!r}}}
c.ClearSolutions.text_stub = {text!r}
# 分数由 python -m sockscope.grading grade 在沙箱里批：这里的 autograde 一格也不运行，一分也不改。
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = []
# 它自己给文件定权限，不听 umask。
c.BaseConverter.permissions = {permissions}
"""
CODE_STUB = "# 把这两行换成你的代码\nraise NotImplementedError"
TEXT_STUB = "（把这一句换成你的回答）"
PERMISSIONS = 600  # nbgrader 写八进制的办法：十进制的六百


class Course:
    """课程文件夹 ``root``。"""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        own = str(Path(sys.executable).parent)
        if own not in os.environ.get("PATH", "").split(os.pathsep):  # nbgrader 按名字去叫与它同住的 alembic
            os.environ["PATH"] = own + os.pathsep + os.environ.get("PATH", "")

    def require(self) -> Course:
        """它确实是一门课；不是则 ``ValueError``。"""
        if not (self.root / "seed").exists():
            raise ValueError(f"{self.root} 还不是一门课。先运行 python -m sockscope.grading release。")
        return self

    def create(self) -> None:
        """新建，已有的不动。"""
        private.folder(self.root)
        if not (self.root / "seed").exists():
            write(self.root / "seed", secrets.token_hex(16))
        config = CONFIG.format(root=str(self.root), code=CODE_STUB, text=TEXT_STUB, permissions=PERMISSIONS)
        write(self.root / "nbgrader_config.py", config)

    def tightened(self) -> str:
        """别人也打得开的（旧的课、拷来的课），收紧，返回一句话；本来就没有则为空。"""
        found = private.tighten(self.root) if self.root.exists() else 0
        return f"{self.root} 里有 {found} 样别的用户也碰得到，已经收紧：现在只有你打得开。" if found else ""

    @property
    def database(self) -> str:
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def seed(self, check: Check) -> int:
        """一项检查的种子：全班同一个，课与课不同。"""
        secret = (self.root / "seed").read_text().strip()
        return int.from_bytes(hashlib.sha256(f"{secret} {check.id}".encode()).digest()[:6])

    # ------------------------------------------------------------ 笔记本

    def notebook(self, lab: Lab) -> dict[str, Any]:
        """发布时的源笔记本；还没有发布则 ``ValueError``。"""
        path = self.root / "source" / lab.name / f"{lab.name}.ipynb"
        if not path.exists():
            raise ValueError(f"{lab.name} 还没有发布。先运行 python -m sockscope.grading release {lab.name}。")
        book: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return book

    def written(self, lab: Lab) -> dict[str, float]:
        """手写题 → 满分。"""
        marks = [c["metadata"]["nbgrader"] for c in self.notebook(lab)["cells"] if source.grade_id(c)]
        changed = self.changed_points(lab.name)
        return {m["grade_id"]: changed.get(m["grade_id"], m["points"]) for m in marks if m["grade"] and m["solution"]}

    def points(self, lab: Lab) -> dict[str, float]:
        """各题的分：检查，然后是手写题；教师改过的，以改过的为准。"""
        changed = self.changed_points(lab.name)
        return {name: changed.get(name, check.points) for name, check in lab.checks.items()} | self.written(lab)

    # ------------------------------------------------------------ 教师的规矩

    def rules(self) -> dict[str, Any]:
        """``rules.json`` 的内容（``rules.Rules``）；坏了抛 ``ValueError``。"""
        path = self.root / "rules.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError:
            raise ValueError(f"{path} 读不懂：有人改坏了它。照原样改回来，或者删掉它，重新定规矩。") from None
        return dict(value)

    def changed_points(self, lab: str) -> dict[str, float]:
        """教师改过分的题 → 现在的分。"""
        return dict(self.rules().get("points", {}).get(lab, {}))

    # ------------------------------------------------------------ 答卷与判定

    def papers(self, lab: Lab, students: Sequence[str] = ()) -> dict[str, Paper]:
        """收上来的答卷：全部，或这几个学生的；有谁的没有收到则 ``ValueError``。"""
        found = {p.stem: p for p in sorted((self.root / "collected" / lab.name).glob("*.json"))}
        if unknown := set(students) - set(found):
            raise ValueError(f"没有收到 {'、'.join(sorted(unknown))} 的 {lab.name}。先 collect，或看看名字写得对不对。")
        return {student: Paper(**json.loads(path.read_text(encoding="utf-8")))
                for student, path in found.items() if not students or student in students}

    def save_paper(self, paper: Paper) -> None:
        write(self.root / "collected" / paper.lab / f"{paper.student}.json", dumps(paper.json()))

    def result(self, lab: str, student: str) -> dict[str, Any] | None:
        """一个学生的判定；还没有则为 None。"""
        path = self.root / "results" / lab / f"{student}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def save_result(self, result: dict[str, Any]) -> None:
        write(self.root / "results" / result["lab"] / f"{result['student']}.json", dumps(result))

    def verdicts(self, result: dict[str, Any]) -> list[Verdict]:
        """一份判定里的各项，没有轨迹；分是现在的分。"""
        return self.repointed(result["lab"], [Verdict.from_json({k: v for k, v in told.items() if k != "trace"})
                                              for told in result["verdicts"]])

    def repointed(self, lab: str, verdicts: list[Verdict]) -> list[Verdict]:
        """教师改过分的，照现在的分。"""
        changed = self.changed_points(lab)
        for verdict in verdicts:
            verdict.points = changed.get(verdict.check.partition(".")[2], verdict.points)
        return verdicts


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def write(path: Path, content: str | bytes) -> None:
    """原子地写：要么是旧的，要么是新的，不会是半个；只有自己打得开。"""
    private.folder(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fresh.unlink(missing_ok=True)  # 同一个编号的进程从前留下的
        with private.create(fresh) as file:
            file.buffer.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
