"""教师的命令行：``python -m sockscope.grading``。从发布到成绩表，一步一个命令。"""

from __future__ import annotations

import sys
from pathlib import Path

from sockscope.grading.commands import comparing, desk, handing, judging, looking, reading, ruling, telling
from sockscope.grading.jail.sandbox import Refused
from sockscope.live import Unavailable
from sockscope.terminal import Parser, lacking, speak_chinese

__all__ = ["main", "parser"]

GROUPS = (handing, judging, reading, ruling, telling, looking, comparing, desk)
TOUR = """一门课的顺序：
  release lab05                  发布：course/release/lab05/lab05.ipynb 发给学生
  collect lab05 下载的.zip       收卷：只取答题格的文字，不运行任何东西
  grade lab05                    批改：每项检查一个沙箱；随时可以打断，再运行就接着批
  execute lab05 学生…            执行答卷，写成给你看的笔记本：只为看，从不算分
  summary lab05                  看一眼全班；执行过的，从这里点过去
  formgrader                     在 nbgrader 的 formgrader 里看答卷、批书面题
  written lab05、mark lab05 表   或者：书面题写成一张表，填好了读回来
  similar lab05                  哪些答卷相像，像在哪里
  changes lab05                  重批之后，哪些分变了，为什么
  comment lab05 why 学生 --say … 给几个学生写同一句评语
  feedback lab05                 给每个学生写一页反馈
  export lab05                   写 Canvas、Moodle、电子表格的成绩表
  progress                       全部练习放在一起看"""


def main(arguments: list[str] | None = None) -> int:
    """入口。返回退出码；教师会遇到的错误都只是一句话。"""
    speak_chinese()
    asked = parser().parse_args(arguments)
    if said := lacking("grading", "nbgrader", "nbclient", "nbformat", "mistune"):
        print(f"批改要用的{said}", file=sys.stderr)
        return 1
    try:
        return asked.command(asked) or 0
    except (Refused, Unavailable, ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n停下了。批完的都存好了；再运行一次就接着批。", file=sys.stderr)
        return 130


def parser() -> Parser:
    parser = Parser(prog="python -m sockscope.grading", description="练习的发布、收卷与批改。", epilog=TOUR)
    parser.add_argument("--course", type=Path, default=Path("course"), metavar="文件夹", help="课程文件夹，缺省 ./course")
    commands = parser.add_subparsers(required=True, metavar="命令", title="命令")
    for group in GROUPS:
        group.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
