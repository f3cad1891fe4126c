"""一批答卷的布局：哪一段路径是平台写的，它说是谁、第几次、什么时候。

一种平台一个 ``Layout``，看的是整批，不是一个文件。只有最外面、由平台写的那一段是身份；里面的文件夹和文件名
是学生自己取的，只是文件名。各种布局凭什么这样读：

- Canvas：``lib/content_zipper.rb`` 里的 ``get_filename`` 与 ``add_upload_submission``（instructure/canvas-lms）。
  ``姓名[_LATE]_用户号_附件号_文件名``，匿名时是 ``anon_……``。附件号由 Canvas 发，后传的大。
  文件名后面的 ``-2`` 也可能是学生自己写的，不看它。
- Moodle：``mod/assign/classes/downloader.php``（moodle/moodle）。``全名_参与者号_assignsubmission_file`` 是文件夹，
  里面的文件夹是学生的；不用文件夹下载时，文件名接在它后面。全名里的下划线已由 Moodle 换成空格。
- Blackboard：nbgrader 的 ``zip_collect`` 文档与几个公开的整理脚本（如 vangef/BBGradebookOrganiser）：
  ``作业_用户名_attempt_年-月-日-时-分-秒[_文件名]``，旁边一份 ``.txt`` 写着 ``Name: 姓名 (用户名)``。
- 学习通：没有找到官方的说明，凭的是公开的批改脚本：整班的 zip 里一人一个 ``学号-姓名.zip``（或解开的文件夹）。
- 雨课堂：没有找到任何写明附件怎样命名的资料，所以从不自动认；``--layout yuketang`` 时，当作最外面一段里有学号和姓名。
- nbgrader：``exchange/default/collect.py`` 的 ``用户名+练习+时刻[+随机串]``；
  ``submitted/用户名/练习/``，里面有 ``timestamp.txt``。
- 手工收的（``hand``）：一人一个文件夹，或者一人一个文件，名字就是人。
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from sockscope.grading.course.names import printable

__all__ = ["LAYOUTS", "Ambiguous", "Handed", "Layout", "Person", "owners", "recognise"]


class Ambiguous(ValueError):
    """看不准是哪一种布局。消息是一句中文，说明怎样回答。"""


@dataclass(frozen=True)
class Person:
    """平台写的一个人。``text`` 是平台写的全部，就是身份；``id``、``name`` 是其中的号和名字，没有写则为空。"""

    text: str
    name: str = ""
    id: str = ""


@dataclass(frozen=True)
class Handed:
    """一个文件在布局里的位置：谁的；平台说迟交；平台发的次序；平台写的时刻。平台没有写的为 None。"""

    person: Person
    late: bool = False
    order: int | None = None
    when: datetime | None = None


Parts = tuple[str, ...]
Sheets = Mapping[str, str]  # 平台另写的文字：路径 → 内容


@dataclass(frozen=True)
class Layout:
    """一种布局。``read`` 看一条路径（已去掉包在外面的）；``ids`` 是它的号对着名单里的哪几列。

    ``marks``：平台自己写迟没迟交，而 zip 里的时刻是打包的时刻。
    """

    name: str
    title: str
    read: Callable[[Parts, str], Handed | None]
    ids: tuple[str, ...]
    automatic: bool = True
    marks: bool = False


# ---------------------------------------------------------------- 各种布局

CANVAS = re.compile(r"(?:(?P<name>\w+?)_)(?P<late>LATE_)?(?P<id>\d+)_(?P<file>\d+)_.+"
                    r"|(?P<anonlate>LATE_)?(?P<anon>anon_[A-Za-z0-9]+)_(?P<anonfile>\d+)_.+", re.DOTALL)
MOODLE = re.compile(r"(?P<text>(?P<name>[^_]*)_(?P<id>\d+))_assignsubmission_file(?P<rest>_?$|_.+)", re.DOTALL)
BLACKBOARD = re.compile(r"(?P<prefix>.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?P<rest>_.+|\.txt)", re.DOTALL)
SHEET = re.compile(r"\s*(?:Name|姓名|名称)\s*[:：]\s*(?P<name>.*?)\s*[(（](?P<id>[^()（）]+)[)）]\s*$", re.MULTILINE)
CHAOXING = re.compile(r"(?P<text>(?P<id>[A-Za-z]{0,2}\d{5,}[A-Za-z]?)-(?P<name>.+?))(?:\.zip)?", re.IGNORECASE)
YUKETANG = re.compile(r"(?P<id>[A-Za-z]{0,2}\d{5,})[\s_-]+(?P<name>[^\W\d_]+)"
                      r"|(?P<name2>[^\W\d_]+)[\s_-]+(?P<id2>[A-Za-z]{0,2}\d{5,})")
EXCHANGE = re.compile(r"(?P<id>.+)\+(?P<lab>[^+]+)\+"
                      r"(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>[^+]+)(?:\+[^+]+)?")
COPY = re.compile(r"(?:\s*\(\d{1,2}\)|\s*（\d{1,2}）|\s+-\s+(?:副本|Copy))+$")
SEPARATORS = " _-—·,，.\t　"


def canvas(parts: Parts, lab: str) -> Handed | None:
    found = CANVAS.fullmatch(parts[0])
    if found is None:
        return None
    if found["anon"]:
        return Handed(Person(found["anon"], "", found["anon"]), bool(found["anonlate"]), int(found["anonfile"]))
    return Handed(Person(f"{found['name']}_{found['id']}", found["name"], found["id"]), bool(found["late"]), int(found["file"]))


def moodle(parts: Parts, lab: str) -> Handed | None:
    found = MOODLE.fullmatch(parts[0])
    flat = len(parts) == 1 or parts[0].lower().endswith(".zip")
    if found is None or flat != (len(found["rest"]) > 1):  # 文件夹后面没有文件名；平铺的有
        return None
    return Handed(Person(found["text"], found["name"], found["id"]))


def blackboard(parts: Parts, lab: str) -> Handed | None:
    found = BLACKBOARD.fullmatch(parts[0])
    if found is None:
        return None
    try:
        when = datetime.strptime(found["when"], "%Y-%m-%d-%H-%M-%S").astimezone()
    except ValueError:
        return None
    user = found["prefix"].rpartition("_")[2]
    return Handed(Person(user, "", user), when=when)


def chaoxing(parts: Parts, lab: str) -> Handed | None:
    found = CHAOXING.fullmatch(parts[0]) if len(parts) > 1 or parts[0].lower().endswith(".zip") else None
    return Handed(Person(found["text"], found["name"], found["id"])) if found else None


def yuketang(parts: Parts, lab: str) -> Handed | None:
    found = YUKETANG.search(_stem(parts[0]))
    if found is None:
        return None
    number, name = found["id"] or found["id2"], found["name"] or found["name2"]
    return Handed(Person(f"{number}-{name}", name, number))


def exchange(parts: Parts, lab: str) -> Handed | None:
    found = EXCHANGE.fullmatch(parts[0]) if len(parts) > 1 else None
    if found is None or found["lab"] != lab:
        return None
    when = datetime.fromisoformat(found["when"])
    when = when.replace(tzinfo=UTC) if found["zone"].strip() in ("UTC", "GMT", "Z") else when.astimezone()
    return Handed(Person(found["id"], "", found["id"]), when=when)


def submitted(parts: Parts, lab: str) -> Handed | None:
    if len(parts) < 3 or parts[1] != lab:
        return None
    return Handed(Person(parts[0], "", parts[0]))


def hand(parts: Parts, lab: str) -> Handed | None:
    name = own_name(parts[0], lab, folder=len(parts) > 1)
    return Handed(Person(name, name)) if name.strip() else None


def own_name(part: str, lab: str, folder: bool = False) -> str:
    """手工收的名字里，去掉练习的号，和文件名末尾的“(2)”“副本”这类记号，剩下的是人。"""
    stem = _stem(part) if folder else COPY.sub("", _stem(part))
    found = re.search(rf"(?<![a-z0-9]){lab}(?!\d)", stem, re.IGNORECASE)
    if found is None:
        return stem
    return " ".join(filter(None, [stem[:found.start()].rstrip(SEPARATORS), stem[found.end():].lstrip(SEPARATORS)]))


def _stem(part: str) -> str:
    return re.sub(r"\.(ipynb|zip)$", "", part, flags=re.IGNORECASE)


LAYOUTS = {layout.name: layout for layout in (
    Layout("canvas", "Canvas", canvas, ("canvas",), marks=True),
    Layout("moodle", "Moodle", moodle, ("participant",)),
    Layout("blackboard", "Blackboard", blackboard, ("username",)),
    Layout("chaoxing", "学习通", chaoxing, ("number",)),
    Layout("exchange", "nbgrader 的交换区", exchange, ("username", "number", "email")),
    Layout("submitted", "nbgrader 的 submitted", submitted, ("username", "number", "email")),
    Layout("yuketang", "雨课堂", yuketang, ("number",), automatic=False),
    Layout("hand", "手工收的", hand, ("number", "username", "email"), automatic=False),
)}
WRAPPERS = {"submissions", "submitted", "inbound", "提交", "作业"}


# ---------------------------------------------------------------- 整批

def parts_of(path: str) -> Parts:
    """路径的各段；``..`` 和根不算，它们不是名字。"""
    return tuple(p for p in PurePosixPath(path).parts if p not in ("..", "/", "."))


def owners(layout: Layout, paths: Iterable[str], lab: str, depth: int = 0, sheets: Sheets | None = None,
           ) -> dict[str, Handed | None]:
    """每个文件在这种布局里是谁的；不像的为 None。"""
    found = {path: layout.read(own, lab) if (own := _inside(path, depth, lab)) else None for path in paths}
    if layout.name == "blackboard":
        ours = {path: text for path, text in (sheets or {}).items() if len(parts_of(path)) == depth + 1}  # 更里面的是学生的
        return _blackboard_users({path: (_inside(path, depth, lab), handed) for path, handed in found.items()}, ours)
    if layout.name == "submitted":
        return {path: _stamped(path, handed, depth, sheets or {}) for path, handed in found.items()}
    return found


def _inside(path: str, depth: int, lab: str) -> Parts:
    """去掉包在外面的 ``depth`` 层，和以练习命名的文件夹。"""
    parts = parts_of(path)[depth:]
    while len(parts) > 1 and parts[0].casefold() == lab.casefold():
        parts = parts[1:]
    return parts


def recognise(paths: list[str], lab: str, chosen: str = "", sheets: Sheets | None = None) -> tuple[Layout, int]:
    """整批是哪一种布局，外面包着几层。看不准抛 ``Ambiguous``。``chosen`` 是教师指定的；``sheets`` 见 ``owners``。"""
    shared = _shared([parts_of(p) for p in paths])
    if chosen:
        if chosen not in (*LAYOUTS, "inside"):
            raise ValueError(f"没有叫 {printable(chosen)} 的布局；有：{'、'.join(LAYOUTS)}、inside。")
        if chosen in ("hand", "inside"):
            plain = _wrappers(paths, shared, lab)
            return LAYOUTS["hand"], plain + (chosen == "inside" and shared > plain)
        layout = LAYOUTS[chosen]
        return layout, next((d for d in range(shared + 1) if any(owners(layout, paths, lab, d).values())), 0)
    whole: list[tuple[Layout, int]] = []
    partly: list[tuple[Layout, int, str]] = []
    for layout in LAYOUTS.values():
        if not layout.automatic or (layout.name == "submitted" and not any(p.endswith("timestamp.txt") for p in sheets or {})):
            continue
        for depth in range(shared + 1):
            read = owners(layout, paths, lab, depth)
            if all(read.values()):
                whole.append((layout, depth))
                break
            if any(read.values()):
                partly.append((layout, depth, next(p for p, h in read.items() if h is None)))
                break
    by_hand = LAYOUTS["hand"], _wrappers(paths, shared, lab)
    if not whole:
        _not_partly(partly, by_hand, paths, lab)
        _not_wrapped(by_hand[1], paths, lab)
        return by_hand
    if whole[0][1] > by_hand[1]:
        whole.append(by_hand)  # 外面包着的那一层也可能才是人，里面的是他自己摆的
    return _only(whole, paths, lab)


def _shared(all_parts: list[Parts]) -> int:
    """全部文件共有的外面几层文件夹。"""
    shared = 0
    while all_parts and all(len(p) > shared + 1 for p in all_parts) and len({p[shared] for p in all_parts}) == 1:
        shared += 1
    return shared


def _wrappers(paths: list[str], shared: int, lab: str) -> int:
    """外面包着的、肯定不是人的几层：以练习命名，或者就叫 submissions。"""
    plain = {lab.casefold(), *WRAPPERS}
    depth = 0
    while depth < shared and parts_of(paths[0])[depth].casefold() in plain:
        depth += 1
    return depth


def _only(whole: list[tuple[Layout, int]], paths: list[str], lab: str) -> tuple[Layout, int]:
    """几种都像：认出来的人一样，取第一种；不一样就问。"""
    read = [[h.person.text if h else "" for h in owners(layout, paths, lab, depth).values()] for layout, depth in whole]
    if any(other != read[0] for other in read[1:]):
        layouts = [layout for layout, _ in whole]
        raise Ambiguous(f"这一批可以是{'，也可以是'.join(f' {o.title}' for o in layouts)}。"
                        f"用 {' 或 '.join(f'--layout {o.name}' for o in layouts)} 说明是哪一种。")
    return whole[0]


def _not_partly(partly: list[tuple[Layout, int, str]], by_hand: tuple[Layout, int], paths: list[str], lab: str) -> None:
    """一部分像某个平台，一部分不像，而两种读法认出的人又不同：问。"""
    plain = owners(by_hand[0], paths, lab, by_hand[1])
    for layout, depth, stranger in partly:
        read = owners(layout, paths, lab, depth)
        if any(h and ((other := plain[p]) is None or other.person.text != h.person.text) for p, h in read.items()):
            raise Ambiguous(
                f"这一批里有的文件像 {layout.title} 给的，{printable(stranger)} 不像。"
                f"真是 {layout.title} 下载的，用 --layout {layout.name}，不像的会放在一边；是手工收的，用 --layout hand。")


def _not_wrapped(depth: int, paths: list[str], lab: str) -> None:
    """手工收的，而全部文件在同一个文件夹里：它是一个人，还是包着全班的一层？"""
    inside = [_inside(p, depth, lab) for p in paths]
    tops = {parts[0] for parts in inside if parts}
    if len(tops) != 1 or any(len(parts) < 2 for parts in inside):
        return
    if len(inside) == 1 and len(inside[0]) == 2 and not own_name(inside[0][1], lab):
        return
    top = printable(tops.pop())
    raise Ambiguous(f"全部文件都在 {top} 里。{top} 是一个学生，用 --layout hand；它只是包着全班的一层，"
                    f"用 --layout inside。")


# ---------------------------------------------------------------- 平台另写的文字

def _blackboard_users(found: dict[str, tuple[Parts, Handed | None]], sheets: Sheets) -> dict[str, Handed | None]:
    """用户名里也可以有下划线：先信旁边那份 .txt，再看全班共有的作业名；说不定的当作没有认出来。"""
    prefixes = {path: named["prefix"] for path, (parts, handed) in found.items()
                if handed and (named := BLACKBOARD.fullmatch(parts[0]))}
    told = _told(sheets)
    titles = [prefix.removesuffix(f"_{user}") for prefix, (_, user) in told.items()]
    title = min(titles or (prefix.rpartition("_")[0] for prefix in prefixes.values()), key=len, default="")
    made: dict[str, Handed | None] = dict.fromkeys(found)
    for path, prefix in prefixes.items():
        name, user = told.get(prefix, ("", prefix.removeprefix(f"{title}_")))
        handed = found[path][1]
        if handed and user != prefix:
            made[path] = Handed(Person(user, name, user), when=handed.when)
    return made


def _told(sheets: Sheets) -> dict[str, tuple[str, str]]:
    """Blackboard 的 .txt：``作业_用户名`` → (姓名, 用户名)。里面的用户名要与文件名对得上。"""
    found = {}
    for path, text in sheets.items():
        named = BLACKBOARD.fullmatch(parts_of(path)[-1])
        said = SHEET.search(text[:2000])
        if named and named["rest"] == ".txt" and said and named["prefix"].endswith(f"_{said['id']}"):
            found[named["prefix"]] = said["name"], said["id"]
    return found


def _stamped(path: str, handed: Handed | None, depth: int, sheets: Sheets) -> Handed | None:
    """nbgrader 写在旁边的时刻。"""
    if handed is None:
        return None
    parts = PurePosixPath(path).parts
    text = sheets.get("/".join([*parts[:depth + 2], "timestamp.txt"]), "").strip().removesuffix("UTC").strip()
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return handed
    return Handed(handed.person, when=when.replace(tzinfo=when.tzinfo or UTC))
