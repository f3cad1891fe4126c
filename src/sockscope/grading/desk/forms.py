"""命令行的解析器 ↔ 网页的表单。新添一个命令，桌面上就有它；这里一个命令的名字也不写。"""

from __future__ import annotations

import argparse
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = ["Field", "commands", "fields", "form", "words"]

MARKED = ("students", "people")  # 由表里打了勾的人来填


@dataclass(frozen=True)
class Field:
    """一个参数。``kind``：``flag``、``choice``、``moment``、``path``、``paths``、``lines``（可以写几次）、``words``（几个词）、``text``。"""

    action: argparse.Action
    kind: str

    @property
    def positional(self) -> bool:
        return not self.action.option_strings

    @property
    def label(self) -> str:
        name = self.action.metavar if self.positional or not self.action.option_strings else self.action.option_strings[0]
        return str(name or self.action.dest)


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """命令 → 它的解析器，照登记的次序。"""
    found = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def purpose(parser: argparse.ArgumentParser) -> str:
    """一个命令是做什么的。"""
    return (parser.description or "").rstrip("。")


def fields(parser: argparse.ArgumentParser) -> list[Field]:
    """一个命令的参数，除了 ``lab`` 和由勾填的人。"""
    return [Field(action, _kind(action)) for action in parser._actions
            if action.dest not in ("help", "lab", *MARKED) and action.help != argparse.SUPPRESS]


def takes(parser: argparse.ArgumentParser, *names: str) -> bool:
    """这个命令有没有叫这个名字的参数。"""
    return any(action.dest in names for action in parser._actions)


def _kind(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "flag"
    if action.choices:
        return "choice"
    if isinstance(action, argparse._AppendAction):
        return "lines"
    if action.type is Path:
        return "paths" if action.nargs in ("*", "+") else "path"
    if action.type == datetime.fromisoformat:
        return "moment"
    return "words" if action.nargs in ("*", "+") else "text"


# ---------------------------------------------------------------- 表单

def form(name: str, parser: argparse.ArgumentParser) -> str:
    """一个命令的各个输入框；名字是 ``命令.参数``。"""
    return "".join(_input(f"{name}.{field.action.dest}", field) for field in fields(parser))


def _input(name: str, field: Field) -> str:
    action = field.action
    hint = html.escape((action.help or "").replace("%%", "%"))
    label = html.escape(field.label)
    if field.kind == "flag":
        return f'<label class="flag"><input type="checkbox" name="{name}" value="1"> <code>{label}</code> {hint}</label>'
    if field.kind == "choice":
        options = "".join(f"<option>{html.escape(str(c))}</option>" for c in ["", *(action.choices or ())])
        box = f'<select name="{name}">{options}</select>'
    elif field.kind == "moment":
        box = f'<input type="datetime-local" name="{name}" step="60">'
    elif field.kind == "path":
        box = f'<input type="file" name="{name}:file"><input name="{name}" placeholder="或者这台机器上的路径">'
    elif field.kind in ("lines", "paths"):
        box = f'<textarea name="{name}" rows="2" placeholder="一行一个"></textarea>'
    else:
        box = f'<input name="{name}" size="30">'
    return f"<label><code>{label}</code> <span>{hint}</span>{box}</label>"


Stored = Callable[[str], Path | None]  # 参数的名字 → 上传的文件存在哪里；没有上传则为 None


def words(name: str, parser: argparse.ArgumentParser, told: Mapping[str, str], lab: str = "",
          people: Sequence[str] = (), stored: Stored = lambda _: None) -> list[str]:
    """填好的表单是怎样一条命令。选项写成 ``--名=值``，位置参数在 ``--`` 之后：以减号开头的名字也是名字。"""
    options: list[str] = []
    placed: list[str] = []
    for action in parser._actions:
        if action.dest == "lab":
            placed.append(lab)
        elif action.dest in MARKED:
            placed += people
        elif action.dest != "help":
            field = Field(action, _kind(action))
            given = list(_given(field, told.get(f"{name}.{action.dest}", ""), stored(f"{name}.{action.dest}")))
            if field.positional:
                placed += given
            elif field.kind == "flag":
                options += [action.option_strings[-1]] * len(given)
            elif action.nargs in ("*", "+"):
                options += [action.option_strings[-1], *given] if given else []
            else:
                options += [f"{action.option_strings[-1]}={one}" for one in given]
    return [name, *options, *(["--", *placed] if placed else [])]


def _given(field: Field, text: str, stored: Path | None) -> Iterable[str]:
    if stored:
        return [str(stored)]
    if not text.strip():
        return []
    if field.kind in ("lines", "paths"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if field.kind == "words":
        return text.split()
    return [text.strip()]
