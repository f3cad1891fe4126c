"""同一台机器上的另一个用户：批改的时候，他连不上来，也读不到什么。

真的换成 nobody 去试：看内核里这次批改听着哪些套接字，逐个去连、去请 dask 替他运行，去读课程文件夹和钥匙。
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sockscope.grading.__main__ import main
from sockscope.grading.course import cluster
from sockscope.grading.course.sample import filled
from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from tests.grading.test_unprivileged import nobody

LAB = find_lab("lab05")
COUNT = 8  # 批的时候来得及看
ACCEPTING, LISTENING = 0x10000, "0A"  # /proc/net/unix 的标志、/proc/net/tcp 的状态
INTRUDER = """
import asyncio, http.client, json, os, socket, sys, urllib.request, warnings
from concurrent.futures import ThreadPoolExecutor
warnings.simplefilter("ignore")
from distributed import Security
told, reached = json.load(sys.stdin), []
assert os.geteuid() == int(sys.argv[1])
for path in told["files"]:
    try:
        if os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1):  # 已经死了的进程，打得开，里面是空的
            reached.append(path)
    except OSError:
        pass
for name in told["unix"]:
    try:
        socket.socket(socket.AF_UNIX).connect(name.replace("@", chr(0), 1))
        reached.append(name)
    except OSError:
        pass
own = Security(require_encryption=True, **told["own"]) if told["own"] else None
async def spoken(port, scheme, security):
    from distributed.comm import connect
    comm = await connect(f"{scheme}://127.0.0.1:{port}", timeout=3, **security.get_connection_args("client"))
    await comm.write({"op": "identity", "reply": True})  # 它答话，就也肯运行送来的函数
    return await comm.read()
def ask(port, scheme, security):
    try:
        asyncio.run(asyncio.wait_for(spoken(port, scheme, security), 6))
        reached.append([port, scheme, "answers"])
    except Exception as error:
        print(port, scheme, type(error).__name__, file=sys.stderr)
def read(port, page):
    try:
        words = urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=3).read()
        if words and words != b'{"paths": ["/sitemap.json"]}':  # 这一页只说：除了这一页什么也没有
            reached.append([port, page, len(words)])
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(port, page, type(error).__name__, file=sys.stderr)
PAGES = ("", "health", "info/main/workers.html", "json/counts.json", "metrics", "status", "sitemap.json")
with ThreadPoolExecutor(32) as pool:
    for port in told["ports"]:
        for scheme, security in (("tcp", Security(require_encryption=False)), ("tls", own or Security())):
            pool.submit(ask, port, scheme, security)
        for page in PAGES:
            pool.submit(read, port, page)
print(json.dumps(reached))
"""


@pytest.fixture(scope="module", autouse=True)
def possible(sandbox) -> None:
    """造得出沙箱；换得了用户。"""
    if not nobody.capabilities():
        pytest.skip("换成另一个用户要有特权；CI 上的这些测试以 root 运行。")


device = nobody.device


@pytest.fixture
def course(tmp_path) -> Path:
    """收了 ``COUNT`` 份的一门课；路上的文件夹谁都进得去，挡住别人的就只有课程文件夹自己。"""
    inbox = tmp_path / "in"
    for number in range(COUNT):
        (inbox / f"学生{number}").mkdir(parents=True)
        (inbox / f"学生{number}" / "lab05.ipynb").write_text(json.dumps(filled(LAB, model(LAB))), encoding="utf-8")
    root = tmp_path / "course"
    assert main(["--course", str(root), "release", "lab05"]) == 0
    assert main(["--course", str(root), "collect", "lab05", str(inbox)]) == 0
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/") and parent != Path("/tmp"):
            parent.chmod(0o755)
    return root


def grading(course: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "sockscope.grading", "--course", str(course), "grade", "lab05", *words],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def family(pid: int) -> list[int]:
    """一个进程，和它的后代里与我们住在同一个网络命名空间的：别的用户够得着的只有那里。"""
    found = []
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with suppress(OSError):
            if os.readlink(f"/proc/{process.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
                found.append(process.pid)
    return found


def doors(pids: list[int]) -> dict[str, list]:
    """这些进程听着的（和绑了端口的 UDP）：从内核的表里看。"""
    inodes = set()
    for pid in pids:
        with suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        ports |= {int(row[1].rpartition(":")[2], 16) for row in rows
                  if row[9] in inodes and (row[3] == LISTENING or table.startswith("udp"))}
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    names = [" ".join(row[7:]) for row in rows if row[6] in inodes and int(row[3], 16) & ACCEPTING]
    return {"ports": sorted(ports), "unix": names}


def intrude(device: str, seen: dict[str, list], files: list[str], own: dict[str, str] | None = None) -> list:
    """nobody 去试；返回他做成了的。"""
    env = nobody.environment(device)
    python, _ = nobody.interpreter(env)
    told = json.dumps({**seen, "files": files, "own": own})
    done = subprocess.run([*python, "-c", INTRUDER, str(nobody.NOBODY)], input=told, env=env, cwd=nobody.ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def wait_for(fact, patience: float = 100.0) -> None:
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, "没有等到"
        time.sleep(0.05)


def inside(course: Path) -> list[str]:
    return [str(course), *map(str, course.rglob("*"))]


def test_nobody_reaches_a_run_on_this_machine(course, device):
    with grading(course, "--workers", "2") as run:
        wait_for(lambda: list((course / "results").rglob("*.json")))
        seen = doors(family(run.pid))
        assert run.poll() is None, "还在批"
        reached = intrude(device, seen, inside(course))
        assert "没有批成" not in run.stdout.read()
    assert run.returncode == 0
    assert reached == []
    assert seen == {"ports": [], "unix": []}


def test_nobody_reads_the_environment_or_the_words_of_a_worker(course, device):
    """命令行谁都看得见，所以里面不能有答卷、种子；环境变量与内存只有自己看得见。"""
    with grading(course, "--workers", "2") as run:
        wait_for(lambda: list((course / "results").rglob("*.json")))
        team = family(run.pid)
        words = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in team if Path(f"/proc/{pid}").exists()]
        files = [f"/proc/{pid}/{name}" for pid in team for name in ("environ", "fd", "maps")]
        assert intrude(device, {"ports": [], "unix": []}, files) == []
        run.stdout.read()
    assert run.returncode == 0
    secret = (course / "seed").read_text().strip()
    assert not any(secret in line or "def ask" in line for line in words)


def test_nobody_reaches_a_cluster_with_keys(course, tmp_path, device):
    """调度器、工作进程、它的保姆：每一个端口都只认这把钥匙，HTTP 的一页也不开；有钥匙的，批得成。"""
    keys, strange = tmp_path / "keys", tmp_path / "strange"
    cluster.make_keys(keys)
    cluster.make_keys(strange)
    told = json.loads((strange / cluster.SETTINGS).read_text())["distributed"]["comm"]["tls"]
    own = {"tls_ca_file": told["ca-file"], "tls_client_key": told["client"]["key"], "tls_client_cert": told["client"]["cert"]}
    env = {**os.environ, "DASK_CONFIG": str(keys)}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    with subprocess.Popen(dask, env=env, stderr=subprocess.PIPE, text=True) as scheduler:
        try:
            address = next(found[0] for line in scheduler.stderr if (found := re.search(r"tls://127\S+:\d+", line)))
            worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "4", "--no-dashboard"]
            with subprocess.Popen(worker, env=env, stderr=subprocess.PIPE, text=True) as helper:
                try:
                    next(line for line in helper.stderr if "Registered to" in line)
                    seen = doors([*family(scheduler.pid), *family(helper.pid)])
                    assert len(seen["ports"]) >= 4, "调度器、工作进程和保姆都听着"
                    assert intrude(device, seen, [str(keys), str(keys / cluster.SETTINGS)], own) == []
                    assert main(["--course", str(course), "grade", "lab05", "学生0", "--scheduler", address,
                                 "--keys", str(keys)]) == 0
                finally:
                    helper.terminate()
                    helper.communicate()
        finally:
            scheduler.terminate()
            scheduler.communicate()
    assert len(list((course / "results").rglob("*.json"))) == 1


def test_a_cluster_without_keys_is_refused(course, tmp_path, capsys):
    command = ["--course", str(course), "grade", "lab05", "--scheduler"]
    assert main([*command, "tcp://127.0.0.1:8786"]) == 1
    assert "没有钥匙把门" in capsys.readouterr().err
    assert main([*command, "tls://127.0.0.1:8786"]) == 1
    assert "--keys" in capsys.readouterr().err
    assert main([*command, "tls://127.0.0.1:8786", "--keys", str(tmp_path)]) == 1
    assert "里没有钥匙" in capsys.readouterr().err
    path = cluster.make_keys(tmp_path / "keys")
    path.chmod(0o644)
    assert main([*command, "tls://127.0.0.1:8786", "--keys", str(tmp_path / "keys")]) == 1
    assert "别的用户也读得到" in capsys.readouterr().err


def test_keys_are_private_from_birth_and_never_overwritten(tmp_path, capsys):
    before = os.umask(0)
    try:
        assert main(["keys", str(tmp_path / "keys")]) == 0
    finally:
        os.umask(before)
    path = tmp_path / "keys" / cluster.SETTINGS
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert main(["keys", str(tmp_path / "keys")]) == 1
    assert "已经有了" in capsys.readouterr().err
