"""执行过的笔记本：只留文字和真的图；里面出什么事，外面都按时收到一句话；什么也不留下。"""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course.course import Course
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.exam.student import Answers
from sockscope.grading.executed import outputs
from sockscope.grading.executed import page as executed
from sockscope.grading.executed.page import Patience, Study, perform, where
from sockscope.grading.jail.sandbox import refusal
from tests.pictures import png

LAB = find_lab("lab05")
PATIENT = Patience(each=60, grace=60, whole=100, start=100)
LOOPING = Patience(each=5, grace=60, whole=100, start=100)  # 打得断的，要等到时限
STOPPED = Patience(each=1, grace=1, whole=100, start=100)  # 打不断的
AFTER = "print('after')"
EVIL = "<script>alert(1)</script>"


SHOW = """
import base64
from IPython.display import display
def show(**data):
    display({{name.replace("_", "/"): value for name, value in data.items()}}, raw=True)
show(image_png={good!r}, text_plain="a picture")
show(image_png={bad!r})
show(text_html={evil!r}, text_plain="plain <b>")
show(**{{"application_javascript": "alert(1)", "image_svg+xml": "<svg onload=alert(1)>"}})
print({evil!r}, "\\x1b[31mred\\x1b[0m \\u202e")
""".format(good=base64.b64encode(png(extra=b"Comment\0" + EVIL.encode())).decode(),
           bad=base64.b64encode(b"\x89PNG\r\n\x1a\n" + EVIL.encode()).decode(), evil=EVIL)

FORGE = """
kernel = get_ipython().kernel
session, socket, parent = kernel.session, kernel.iopub_socket, kernel.get_parent()
mark = b"<IDS|MSG>"
for frames in ([b"x"], [mark], [mark, b"forged", b"{}", b"{}", b"{}", b"{}"], [mark, b"[" * 100_000] * 2):
    socket.send_multipart(frames)
deep = [b'{"msg_id": "a", "msg_type": "stream"}', b"{}", b"{}", b"[" * 100_000 + b"]" * 100_000]
socket.send_multipart([mark, session.sign(deep), *deep])
for kind in ("status", "stream", "error", "display_data", "execute_result", "comm_open", "clear_output", "nonsense"):
    for told in ([], {"execution_state": 5}, {"data": 5}, {"data": {"image/png": 5, "text/plain": {}}}, {"text": [1]},
                 {"traceback": 5}, {"traceback": [5]}, {"name": {}, "text": None},
                 {"comm_id": 7, "target_name": "jupyter.widget"}):
        message = session.msg(kind, {}, parent=parent)
        message["content"] = json.dumps(told)
        session.send(socket, message)
print("said")
"""


@pytest.fixture(scope="module")
def study():
    """空转过的沙箱；造不出来在 CI 上是失败，别处说明缺什么。"""
    if why := refusal():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    made = Study()
    made.warm_up()
    yield made
    made.close()


def ran(study, *cells, patience=PATIENT):
    """依次执行几格，返回各格的结果。"""
    return list(perform(dict(enumerate(cells)), study, patience).values())


def said(one) -> str:
    return "".join(output.text for output in one.outputs)


# ---------------------------------------------------------------- 留得下什么

def test_only_text_and_true_pictures_survive(study):
    first, shown = ran(study, "x = 6\nprint('hello')\nx * 7", SHOW + "\n1 / 0")
    assert [(o.kind, o.text) for o in first.outputs] == [("stdout", "hello\n"), ("text", "42")]
    assert first.ending == "done"
    kinds = [o.kind for o in shown.outputs]
    assert kinds == ["png", "text", "stdout", "error"]
    assert shown.outputs[0].png == png()
    assert shown.outputs[1].text == "plain <b>"
    assert shown.outputs[2].text == f"{EVIL} red ·\n"
    assert "ZeroDivisionError" in shown.outputs[3].text
    assert shown.lost == {"picture", "rich"}
    html = "".join(o.html() for o in shown.outputs)
    assert "<script" not in html
    assert "<svg" not in html


# ---------------------------------------------------------------- 出了事

ENDS = {  # 名字 → (一格, 它怎样结束, 下一格说什么)
    "exit": ("import os; os._exit(0)", "dead", None),
    "loop": ("while True: pass", "overtime", "after\n"),
    "stop": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "stuck", None),
    "close": ("import os; os.closerange(0, 256)", "dead", None),
    "memory": ("hog = [bytearray(b'x' * 10_000_000) for _ in range(1000)]", "dead", None),
    "disk": ("for n in range(1000):\n    open(f'f{n}', 'wb').write(bytes(1 << 20))\nimport time; time.sleep(100)", "dead", None),
    "forge": ("import json\n" + FORGE, "done", "after\n"),
    "giant": ("get_ipython().kernel.iopub_socket.send(bytes(40 << 20)); import time; time.sleep(100)", "deaf", None),
}
DEAF = Patience(each=60, grace=5, whole=100, start=100)  # 听不见了，等多久也没有用
PATIENCE = {"overtime": LOOPING, "stuck": STOPPED, "deaf": DEAF}


@pytest.fixture(scope="module")
def ends(study):
    """几种不测，一起执行。"""
    with ThreadPoolExecutor(3) as pool:
        def run(name):
            return ran(study, ENDS[name][0], AFTER, patience=PATIENCE.get(ENDS[name][1], PATIENT))
        return dict(zip(ENDS, pool.map(run, ENDS), strict=True))


@pytest.mark.parametrize("name", ENDS)
def test_a_mishap_is_one_sentence(ends, name):
    _, ending, after = ENDS[name]
    first, second = ends[name]
    assert (first.ending, said(second) or None) == (ending, after)
    assert bool(first.notes()) == (ending != "done")
    if after is None:
        assert second.notes() == ["没有运行到这一格。"]


def test_a_forger_only_spoils_its_own_page(ends):
    assert said(ends["forge"][0]).endswith("said\n")


@pytest.mark.parametrize("line", [1, 1000, 1_000_000])
def test_a_flood_is_capped(study, line):
    """机器多快，一行多长，都一样：收满为止，内核还在，下一格照常。"""
    once, never_ending, after = ran(study, "print('x' * 50_000_000)", f"while True: print('x' * {line})", AFTER, patience=LOOPING)
    assert (once.ending, never_ending.ending, said(after)) == ("done", "overtime", "after\n")
    for one in (once, never_ending):
        assert len(said(one)) == outputs.TEXT
        assert one.lost == {"long"}


# ---------------------------------------------------------------- 碰不到外面，也不留下

def test_no_way_out(study):
    """仓库、别的答卷、本包、网，一样也够不着；包和字节码写不进去。"""
    repository = Path(executed.__file__).parents[3]
    inside, = ran(study, f"""
import os, socket
def tried(call, *arguments):
    try:
        return call(*arguments) and "reached"
    except OSError as error:
        return "refused"
import sockscope
print(os.path.exists({str(repository)!r}), os.path.exists({str(Path.home())!r} + "/.bashrc"), hasattr(sockscope, "__path__"),
      open("/proc/net/dev").read().count(":"),
      tried(socket.create_connection, ("10.0.0.2", 7007), 1), tried(socket.socket, socket.AF_NETLINK, 3),
      tried(open, "/packages/0/IPython/x.py", "w"), tried(open, "/bytecode/x", "w"), os.getuid() == 0,
      os.path.exists("/packages/0/sockscope/grading"))
""")
    assert said(inside) == "False False False 1 refused refused refused refused False False\n"


def test_nothing_remains(study, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ran(study, "import os\nif os.fork() == 0:\n    os.setsid()\n    import time; time.sleep(1000)", AFTER)
    assert study.sandbox.running == {}
    assert [p.name for p in study.sandbox.folder.iterdir() if p.name.startswith("exam-")] == []
    assert list(tmp_path.iterdir()) == []
    token = f"exam-{os.getpid()}-".encode()
    wait_for(lambda: not any(token in words for words in map(cmdline, Path("/proc").glob("[0-9]*/cmdline"))))


def cmdline(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def wait_for(fact, patience: float = 60.0) -> None:
    """bwrap 自己由主机收尸，只差一步；沙箱里的早就没了。"""
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, "没有等到"
        os.sched_yield()


# ---------------------------------------------------------------- 一页

def test_the_page_of_a_course(study, tmp_path, monkeypatch, capsys):
    """教师的一条命令：源笔记本、学生的文字、输出，判定还没有就说没有；学生写的一切都只是文字。"""
    monkeypatch.setattr(executed, "Study", lambda: Lent(study))
    course = Course(tmp_path / "course")
    course.create()
    answers = Answers({**model(LAB).cells, "pump": f"# 答题格：pump\nprint('{EVIL}')\ndef pump(source, target): pass\n# {EVIL}"})
    del answers.cells["relay"]
    (tmp_path / "course" / "source" / "lab05").mkdir(parents=True)
    source = filled(LAB, model(LAB))
    (tmp_path / "course" / "source" / "lab05" / "lab05.ipynb").write_text(json.dumps(source))
    (tmp_path / "in" / "张三").mkdir(parents=True)
    book = filled(LAB, answers, written=EVIL)
    book["cells"] = [c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") != "relay"]
    (tmp_path / "in" / "张三" / "lab05.ipynb").write_text(json.dumps(book))
    command = ["--course", str(course.root)]
    assert main([*command, "collect", "lab05", str(tmp_path / "in")]) == 0
    assert main([*command, "execute", "lab05", "张三"]) == 0
    text = where(course, LAB, "张三").read_text()
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert text.count("&lt;script&gt;alert(1)") == 4, "一次在输出里，两次在代码里，一次在书面题里"
    assert "答题格 relay：（没有交这一格）" in text
    assert "half_close：还没有批" in text
    assert main([*command, "summary", "lab05"]) == 0
    assert 'href="../executed/%E5%BC%A0%E4%B8%89/lab05/lab05.html"' in (course.root / "summary" / "lab05.html").read_text()
    capsys.readouterr()
    for more, made in (([], 0), (["--again"], 1), ([], 0)):
        assert main([*command, "execute", "lab05", *more]) == 0
        assert f"执行了 {made} 份" in capsys.readouterr().out
    course.save_result({"lab": "lab05", "student": "张三", "digest": "", "verdicts": []})
    assert main([*command, "execute", "lab05"]) == 0
    assert "执行了 1 份" in capsys.readouterr().out, "判定变了，这一页就旧了"
    assert main([*command, "execute", "lab05", "没有这个人"]) == 1
    assert "没有收到 没有这个人" in capsys.readouterr().err


class Lent:
    """借来的沙箱：用完不关。"""

    def __init__(self, study: Study) -> None:
        self.start, self.end, self.warm_up = study.start, study.end, study.warm_up

    def close(self) -> None:
        pass
