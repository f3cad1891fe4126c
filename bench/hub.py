"""``python -m bench.hub [个数]``：一个班同时在一台 JupyterHub 上：登录、翻书、拨交互实验、自检、第 05 章、交作业、批改。

结果写进 book/measurements/hub.json，《一个班在一台服务器上》里的数由它而来。用的就是仓库里的 ``hub/``：它的配置、它的启动
程序、学生的那一份书（没有 ``teacher/``）、系统的账户与 PAM、nbgrader 的交换处。

要 root，要另一个环境：``--venv 文件夹``（``requirements.txt`` 与 ``hub/requirements.txt`` 都装好，解释器是谁都打得开的），
和 configurable-http-proxy（``--proxy 文件夹``，里面有那个命令）。全部在隔离里做（``quarantine.py``）：账户写在内存里的一份
``/etc``，家目录、端口、进程也只在里面；怎样结束都什么也不留下，哪怕 kill -9。
"""

from __future__ import annotations

import math
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench import Untested, quarantine
from bench.hub_report import Memory, keep, spread
from bench.hub_setting import accounts, only_for, students_copy
from bench.hub_student import Student, timed
from sockscope import places
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model, notebook, text_of
from sockscope.grading.exam.lab import find_lab
from sockscope.terminal import Parser, speak_chinese

LAB = find_lab("lab05")
CHAPTER = "chapters/05_closing.ipynb"
PAGES = ["index.html", "chapters/05_closing.html", "chapters/03_connecting.html", "book/symptoms.html", "book/appendix_a.html"]
WAYS = ["SHUT_WR", "close"]
ROUNDS = 5  # 每个人翻几遍书、拨几次
LOG = places.ROOT / "_build" / "hub.log"  # 它说的话留在这里，出了事看得到
HOMES = Path("/home")
INSIDE = "SOCKSCOPE_HUB_INSIDE"
ROOM = f"""
mount -t tmpfs -o mode=755 none /run && mkdir -m 1777 /run/tmp && cp -a /etc /run/etc && mount --bind /run/etc /etc &&
mount -t tmpfs -o mode=755 none /home && mount --bind /run/tmp /var/tmp && ip link set lo up || exit {quarantine.NO_ROOM}
TMPDIR=/run/tmp {INSIDE}=1 exec "$@"
"""


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    asked = parser().parse_args(arguments)
    if os.environ.get(INSIDE):
        try:
            keep(Class(asked.count, asked.venv.absolute(), asked.proxy.absolute()).measure())
        except (Untested, httpx.HTTPError) as reason:
            print(f"未测：{reason}（JupyterHub 说的话在 _build/hub.log）", file=sys.stderr)
            return 1
        return 0
    if os.geteuid():
        print("未测：要造账户，请用 root 运行。里面做的一切都在隔离里，机器不会变。", file=sys.stderr)
        return 1
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(places.ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run([*quarantine.WALLS, "sh", "-c", ROOM, "sh", sys.executable, "-m", "bench.hub",
                           *(sys.argv[1:] if arguments is None else arguments)]).returncode


def parser() -> Parser:
    found = Parser(prog="python -m bench.hub", description="一个班同时在一台 JupyterHub 上：内存、快慢、批改。")
    found.add_argument("count", nargs="?", type=int, default=8, metavar="个数", help="几个学生，缺省 8")
    found.add_argument("--venv", type=Path, default=places.ROOT / "_build" / "hub" / "venv", metavar="文件夹",
                       help="装着 JupyterHub 的环境，缺省 _build/hub/venv")
    found.add_argument("--proxy", type=Path, default=places.ROOT / "_build" / "hub" / "node_modules" / ".bin", metavar="文件夹",
                       help="configurable-http-proxy 在哪里，缺省 _build/hub/node_modules/.bin")
    return found


class Class:
    """一个班：``count`` 个学生的账户，一个教师的，一台 JupyterHub。"""

    def __init__(self, count: int, venv: Path, proxy: Path) -> None:
        if not (venv / "bin" / "python").exists() or shutil.which("configurable-http-proxy", path=str(proxy)) is None:
            raise SystemExit(f"未测：{venv} 里要有 JupyterHub，{proxy} 里要有 configurable-http-proxy；"
                             "怎样装，见书里《一个班在一台服务器上》。")
        self.python, self.room = venv / "bin" / "python", Path(tempfile.mkdtemp(prefix="sockscope-hub-"))
        self.room.chmod(0o755)
        self.names = [f"ss-hub-{number}" for number in range(1, count + 1)]
        self.teacher, self.password = "ss-hub-teacher", secrets.token_hex(8)
        self.exchange = self.room / "exchange"
        self.env = {**os.environ, "PATH": f"{proxy}:{os.environ['PATH']}", "PYTHONPATH": str(self.room / "book" / "src"),
                    "SOCKSCOPE_BOOK": str(self.room / "book"), "SOCKSCOPE_EXCHANGE": str(self.exchange),
                    "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16), "TZ": "UTC"}
        self.env.pop(INSIDE)

    # ------------------------------------------------------------ 备好

    def prepare(self) -> None:
        """学生的那一份书、账户、交换处；教师放出练习。"""
        students_copy(self.room / "book")
        accounts(self.names, "sockscope", self.password)
        accounts([self.teacher], "sockscope-teachers", self.password)
        only_for("sockscope-teachers", self.room / "teachers")
        self.exchange.mkdir()
        self.exchange.chmod(0o777)
        self.as_teacher("-m", "sockscope.grading", "release", LAB.name)
        self.as_teacher("-m", "nbgrader", "release_assignment", LAB.name, folder="course")

    def as_teacher(self, *command: str, folder: str = ".") -> str:
        """教师在自己的账户里运行一条命令；她的那一份在 ``teacher/`` 里。"""
        env = {**self.env, "HOME": str(HOMES / self.teacher), "PYTHONPATH": str(self.room / "teachers" / "src"),
               "JUPYTER_CONFIG_PATH": str(self.room / "book" / "hub"), "TMPDIR": "/run/tmp"}
        done = subprocess.run(["setpriv", f"--reuid={self.teacher}", f"--regid={self.teacher}", "--init-groups", "--",
                               str(self.python), *command], cwd=HOMES / self.teacher / folder, env=env,
                              capture_output=True, text=True)
        if done.returncode:
            raise Untested(f"教师的 {' '.join(command)} 没有做成：{done.stdout[-500:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(self, stack: ExitStack) -> str:
        """启动 JupyterHub，返回它的根地址。"""
        own = self.room / "hub"
        own.mkdir(mode=0o700)  # 中枢的数据库与密钥只有 root 读得到
        log = stack.enter_context(LOG.open("w", encoding="utf-8"))
        process = stack.enter_context(subprocess.Popen(
            [str(self.python), "-m", "jupyterhub", "-f", str(self.room / "book" / "hub" / "jupyterhub_config.py"),
             "--JupyterHub.bind_url=http://127.0.0.1:8000"], cwd=own, env=self.env, stdout=log, stderr=log))
        stack.callback(process.terminate)
        over = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < over:
            try:
                httpx.get("http://127.0.0.1:8000/hub/health").raise_for_status()
                return "http://127.0.0.1:8000"
            except httpx.HTTPError:
                time.sleep(0.2)
        raise Untested(f"JupyterHub 没有起来：{LOG.read_text()[-2000:]}")

    # ------------------------------------------------------------ 上课

    def measure(self) -> dict[str, Any]:
        self.prepare()
        with ExitStack() as stack:
            hub = self.start(stack)
            memory = stack.enter_context(Memory(self.names, self.teacher))
            students = [Student(hub, name, self.password) for name in self.names]
            pool = stack.enter_context(ThreadPoolExecutor(4 * len(students)))

            def all_at_once(work: Callable[[Student], Any]) -> list[Any]:
                return list(pool.map(work, students))

            found: dict[str, Any] = {"students": len(students), "load": round(os.getloadavg()[0], 1)}
            found["enter"] = spread(took for took, _ in all_at_once(lambda one: timed(one.enter)))
            memory.mark("idle")
            found["chapter"] = spread(all_at_once(chapter))
            memory.mark("chapter")
            started = time.monotonic()
            reading, playing, checking = (pool.map(work, students) for work in (read, play, check))
            found["page"] = spread(flat(reading))
            labels, played = zip(*flat(playing), strict=True)
            found["play"], found["labels"] = spread(played), sorted(set(labels))
            passed, checked = zip(*flat(checking), strict=True)
            found["check"], found["passed"] = spread(checked), sum(passed)
            found["together"] = round(time.monotonic() - started, 1)
            memory.mark("together")
            found["submit"] = spread(took for took, _ in all_at_once(lambda one: timed(hand_in, one)))
            found["open"] = opened(students[0], [
                *(HOMES / name for name in (*self.names[1:], self.teacher)), self.room / "teachers", self.room / "hub",
                self.exchange / "sockscope" / "inbound"])
            found["home_megabytes"] = math.ceil(max(map(weight, self.names)) / 2**20)
            found |= self.grade()
            memory.mark("grading")
            found["memory"] = memory.told()
        return found

    def grade(self) -> dict[str, Any]:
        """教师收卷、批改；返回用时，和几个人满分。"""
        self.as_teacher("-m", "nbgrader", "collect", LAB.name, "--CourseDirectory.submitted_directory=handed_in", folder="course")
        self.as_teacher("-m", "sockscope.grading", "collect", LAB.name, "course/handed_in")
        seconds, said = timed(lambda: self.as_teacher("-m", "sockscope.grading", "grade", LAB.name))
        self.as_teacher("-m", "sockscope.grading", "export", LAB.name)
        table = Path(HOMES, self.teacher, "course", "export", LAB.name, "spreadsheet.csv").read_text(encoding="utf-8-sig")
        full = [line for line in table.splitlines() if re.match(rf"ss-hub-\d+,.*\b{LAB.points:g}\b", line)]
        return {"grading": {"seconds": round(seconds, 1), "said": said.strip().splitlines()[-1], "full_marks": len(full)}}


def weight(name: str) -> int:
    """一个学生的家目录里一共几个字节。"""
    return sum(path.lstat().st_size for path in (HOMES / name).rglob("*"))


def flat(lists: Iterable[list[Any]]) -> list[Any]:
    return [one for own in lists for one in own]


def read(student: Student) -> list[float]:
    return [timed(student.turn, page)[0] for _ in range(ROUNDS) for page in PAGES]


def play(student: Student) -> list[tuple[str, float]]:
    return [(label, took) for number in range(2 * ROUNDS) for took, label in [timed(student.play, WAYS[number % 2])]]


def chapter(student: Student) -> float:
    """第 05 章从头运行到尾用了几秒。"""
    import json

    cells = json.loads((places.ROOT / CHAPTER).read_text(encoding="utf-8"))["cells"]
    kernel = student.kernel()
    started = time.monotonic()
    outputs = flat([kernel.run(text_of(cell)) for cell in cells if cell["cell_type"] == "code"])
    took = time.monotonic() - started
    kernel.close()
    if wrong := [one["evalue"] for one in outputs if "ename" in one]:
        raise Untested(f"{student.name} 的第 05 章出了错：{wrong[0]}")
    return took


def check(student: Student) -> list[tuple[bool, float]]:
    """练习里的每一项自检：通过没有，几秒。答题格先运行。"""
    kernel, answers = student.kernel(), model(LAB).cells
    kernel.run("from sockscope import check\n" + LAB.prelude)
    for cell in answers.values():
        kernel.run(cell)
    found = []
    for name in LAB.checks.values():
        took, outputs = timed(kernel.run, f'print(check("{name.id}").status)')
        found.append((any(one.get("text", "").strip() == "passed" for one in outputs), took))
    kernel.close()
    return found


def opened(student: Student, folders: list[Any]) -> list[str]:
    """别人的、教师的、中枢的文件夹里，这个学生列得出来的；一个也不该有。"""
    kernel = student.kernel()
    said = kernel.run(f"import os\nfor path in {[str(folder) for folder in folders]!r}:\n"
                      "    try: os.listdir(path); print(path)\n    except PermissionError: print('refused')")
    kernel.close()
    lines = "".join(one.get("text", "") for one in said).split()
    if len(lines) != len(folders):
        raise Untested(f"没有问出哪些文件夹打得开：{said}")
    return [line for line in lines if line != "refused"]


def hand_in(student: Student) -> None:
    """把做好的笔记本存进自己的文件夹，再从作业列表里交上去。"""
    assert notebook(LAB)
    student.save(f"labs/{LAB.name}/{LAB.name}.ipynb", filled(LAB, model(LAB)))
    student.submit("sockscope", LAB.name)


if __name__ == "__main__":
    sys.exit(main())
