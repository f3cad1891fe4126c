"""教师的命令行：``python -m sockscope.grading``。从发布到成绩表，一步一个命令。"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sockscope.grading.course.course import Course
from sockscope.grading.course.names import printable
from sockscope.grading.exam.lab import Lab, find_lab, labs
from sockscope.grading.jail.sandbox import Refused, refusal
from sockscope.live import Unavailable
from sockscope.terminal import Parser, lacking, speak_chinese

__all__ = ["main"]

TOUR = """一门课的顺序：
  release lab05                  发布：course/release/lab05/lab05.ipynb 发给学生
  collect lab05 下载的.zip       收卷：只取答题格的文字，不运行任何东西
  grade lab05                    批改：每项检查一个沙箱；随时可以打断，再运行就接着批
  execute lab05 学生…            执行答卷，写成给你看的笔记本：只为看，从不算分
  summary lab05                  看一眼全班；执行过的，从这里点过去
  formgrader                     在 nbgrader 的 formgrader 里看答卷、批书面题
  feedback lab05                 给每个学生写一页反馈
  export lab05                   写 Canvas、Moodle、电子表格的成绩表"""


def main(arguments: list[str] | None = None) -> int:
    """入口。返回退出码；教师会遇到的错误都只是一句话。"""
    speak_chinese()
    asked = _parser().parse_args(arguments)
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


def _parser() -> Parser:
    parser = Parser(prog="python -m sockscope.grading", description="练习的发布、收卷与批改。", epilog=TOUR)
    parser.add_argument("--course", type=Path, default=Path("course"), metavar="文件夹", help="课程文件夹，缺省 ./course")
    commands = parser.add_subparsers(required=True, metavar="命令", title="命令")
    command = _command(commands, "release", _release, "发布练习：去掉答案，登记分数")
    command.add_argument("labs", nargs="*", metavar="练习", help="缺省是全部")
    command = _command(commands, "collect", _collect, "收卷：一个文件夹，或平台下载的 zip")
    command.add_argument("lab", metavar="练习")
    command.add_argument("source", type=Path, metavar="文件夹或zip")
    command.add_argument("--due", type=datetime.fromisoformat, metavar="时刻",
                         help="截止时刻，如 2026-11-20T23:59；之后的记为迟交")
    command.add_argument("--layout", default="", metavar="布局",
                         help="这一批是哪里来的：canvas、moodle、blackboard、chaoxing（学习通）、yuketang（雨课堂）、"
                              "exchange 或 submitted（nbgrader）、hand（手工收的）、"
                              "inside（手工收的，外面包着一层）；缺省自己认，认不准就问")
    command.add_argument("--take", action="append", default=[], metavar="路径", help="几份里取这一份；可以写几次")
    command.add_argument("--roster", type=Path, metavar="名单", help="平台导出的名单（CSV）；存进课程文件夹，以后一直用它")
    command.add_argument("--unknown", choices=["aside", "take"], default="aside", metavar="怎样",
                         help="名单上没有的人：aside 放在一边（缺省），take 照收")
    command = _command(commands, "grade", _grade, "批改：没有批过的、变了的；断了再来就接着批")
    command.add_argument("lab", metavar="练习")
    command.add_argument("students", nargs="*", metavar="学生", help="缺省是全部")
    command.add_argument("--again", action="store_true", help="批过的也重来")
    command.add_argument("--only", default="", metavar="检查", help="只批这一项，如 half_close")
    command.add_argument("--workers", type=int, default=0, metavar="个数", help="本机开几个工作进程，缺省每核一个")
    command.add_argument("--scheduler", default="", metavar="地址", help="用现成的 dask 集群，如 tls://10.0.0.5:8786")
    command.add_argument("--keys", type=Path, metavar="文件夹", help="集群的钥匙在哪里")
    command = _command(commands, "keys", _keys, "给 dask 集群做一把钥匙：有它的才连得上")
    command.add_argument("folder", type=Path, metavar="文件夹")
    command = _command(commands, "execute", _execute,
                       "执行答卷，写成给教师看的笔记本：在沙箱里，只留文字和图，从不算分；断了再来就接着写")
    command.add_argument("lab", metavar="练习")
    command.add_argument("students", nargs="*", metavar="学生", help="缺省是全部")
    command.add_argument("--again", action="store_true", help="写过的也重来")
    for name, run, told in (("feedback", _feedback, "写反馈：一个学生一页"), ("export", _export, "写成绩表"),
                            ("summary", _summary, "写全班的一页")):
        command = _command(commands, name, run, told)
        command.add_argument("lab", metavar="练习")
    _command(commands, "formgrader", _formgrader, "打开 nbgrader 的 formgrader：看答卷，批书面题")
    command = _command(commands, "sample", _sample, "造一班样品答卷：对的、错的、坏的、出意外的")
    command.add_argument("lab", metavar="练习")
    command.add_argument("folder", type=Path, metavar="文件夹")
    command.add_argument("--count", type=int, default=40, metavar="份数", help="缺省 40")
    _command(commands, "machine", _machine, "这台机器能不能批改；不能的话缺什么")
    return parser


def _command(commands: argparse._SubParsersAction[Parser], name: str, run: Callable[[argparse.Namespace], int | None],
             told: str) -> Parser:
    command = commands.add_parser(name, help=told, description=told + "。")
    command.set_defaults(command=run)
    return command


def _release(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.release import release

    course = Course(asked.course)
    _tighten(course)
    for lab in [find_lab(n) for n in asked.labs] or list(labs().values()):
        print(f"发布了 {lab.name}：{release(course, lab)}", flush=True)


def _opened(asked: argparse.Namespace) -> tuple[Course, Lab]:
    lab = find_lab(asked.lab)
    return _course(asked), lab


def _course(asked: argparse.Namespace) -> Course:
    course = Course(asked.course).require()
    _tighten(course)
    course.create()
    return course


def _tighten(course: Course) -> None:
    if said := course.tightened():
        print(said, file=sys.stderr)


def _collect(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.collect import Choices, collect, settle
    from sockscope.grading.course.roster import Roster

    course, lab = _opened(asked)
    due = asked.due.astimezone() if asked.due else None
    roster = Roster.read(asked.roster) if asked.roster else Roster.of(course)
    got = collect(asked.source, lab, list(course.written(lab)), due,
                  Choices(asked.layout, asked.take, roster, asked.unknown))
    if asked.roster and roster:
        roster.keep(course)
    settle(course, got)
    for paper in got.papers.values():
        for note in [*paper.notes, *(["迟交"] if paper.late else [])]:
            print(f"  {printable(paper.who)}：{note}")
    for path, why in got.refused:
        print(f"  没有收 {printable(path)}：{why}")
    for path, why in got.aside:
        print(f"  放在一边 {printable(path)}：{why}")
    for line in got.said:
        print(f"  {line}")
    if got.missing:
        print(f"  没有交的 {len(got.missing)} 人：{'、'.join(printable(m.who) for m in got.missing)}")
    layout = f"（{got.layout.title}）" if got.layout else ""
    print(f"收了 {len(got.papers)} 份 {lab.name}{layout}，{len(got.refused)} 个文件没有收"
          + (f"，{len(got.aside)} 个放在一边等你回答。" if got.aside else "。"))


def _students(course: Course, lab: Lab, words: list[str]) -> list[str]:
    """命令行上的学生：文件名里的名字，或者平台写的名字、号、全部；同名的要写号。"""
    if not words:
        return []
    papers, chosen = course.papers(lab), []
    for word in words:
        found = [s for s, p in papers.items() if word in (p.owner, p.id, p.name)]
        if word not in papers and len(found) > 1:
            raise ValueError(f"叫 {printable(word)} 的不止一个：{'、'.join(found)}。写其中的一个。")
        chosen.append(found[0] if word not in papers and found else word)
    return chosen


def _grade(asked: argparse.Namespace) -> int:
    from sockscope.grading.course.grade import grade

    course, lab = _opened(asked)
    done, failed = grade(course, lab, _students(course, lab, asked.students), only=asked.only, again=asked.again,
                         workers=asked.workers, scheduler=asked.scheduler, keys=asked.keys, progress=_progress)
    for student, why in failed:
        print(f"  {student}：{why}", file=sys.stderr)
    print(f"批了 {done} 份 {lab.name}" + (f"，{len(failed)} 份没有批成。" if failed else "。"))
    return int(bool(failed))


def _keys(asked: argparse.Namespace) -> int | None:
    if said := lacking("cluster", "distributed"):
        print(f"交给集群要用的{said}", file=sys.stderr)
        return 1
    from sockscope.grading.course.cluster import make_keys

    made = make_keys(asked.folder.resolve())
    print(f"钥匙在 {made}：谁有它，谁就能在集群里运行代码。用 scp -p 拷到每台机器上，再在那里运行：\n"
          f"  DASK_CONFIG={made.parent} dask scheduler --no-dashboard\n"
          f"  DASK_CONFIG={made.parent} dask worker tls://调度器的地址:8786 --nthreads 4 --no-dashboard\n"
          f"  python -m sockscope.grading grade 练习 --scheduler tls://调度器的地址:8786 --keys {made.parent}")
    return None


def _execute(asked: argparse.Namespace) -> int:
    from sockscope.grading.executed.page import execute

    course, lab = _opened(asked)
    made, failed = execute(course, lab, _students(course, lab, asked.students), again=asked.again, progress=_progress)
    for student, why in failed:
        print(f"  {student}：{why}", file=sys.stderr)
    for path in made[:3]:
        print(f"  {path}")
    print(f"执行了 {len(made)} 份 {lab.name}" + (f"，{len(failed)} 份没有执行成。" if failed else "。"))
    return int(bool(failed))


def _progress(count: int, total: int, student: str) -> None:
    """一根进度条；不是终端就隔一阵说一句。"""
    if sys.stdout.isatty():
        full = round(30 * count / total)
        bar = f"{'█' * full}{'·' * (30 - full)} {count}/{total} {student[:20]:<20}"
        print(f"\r{bar}", end="\n" if count == total else "", flush=True)
    elif count == total or count % 50 == 0:
        print(f"{count}/{total}", flush=True)


def _feedback(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.feedback import feedback

    course, lab = _opened(asked)
    print(f"写了 {len(feedback(course, lab))} 页反馈，在 {course.root / 'feedback'}。")


def _export(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.export import export, lines

    course, lab = _opened(asked)
    for path in export(course, lab):
        print(path)
    if waiting := sum(line.total is None for line in lines(course, lab)):
        print(f"{waiting} 个学生的书面题还没有看，总分留空。")


def _summary(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.summary import summary

    print(summary(*_opened(asked)))


def _formgrader(asked: argparse.Namespace) -> int:
    import subprocess

    from sockscope.grading.course.formgrader import command, environment
    from sockscope.grading.course.private import MASK

    course = _course(asked)
    print("打开之后，在菜单 Nbgrader → Formgrader 里。学生写的东西在那里只是文字，不会运行。按 Ctrl + C 结束。", flush=True)
    return subprocess.run(command(), cwd=course.root, env=environment(), umask=MASK).returncode


def _sample(asked: argparse.Namespace) -> None:
    from sockscope.grading.course.sample import write_class

    made = write_class(find_lab(asked.lab), asked.folder, asked.count)
    print(f"在 {asked.folder} 里造了 {len(made)} 份 {asked.lab}。")


def _machine(_asked: argparse.Namespace) -> int:
    why = refusal()
    print(why or "可以批改：网线和沙箱都造得出来。")
    return int(bool(why))


if __name__ == "__main__":
    sys.exit(main())
