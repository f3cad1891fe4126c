"""中枢：镜像里只有学生的那一份，各种清单说的是同一回事；过滤器交给真的内核，够用，也只够用。

没有 Docker 的机器上，容器由 bubblewrap 来做：用户 1000，没有权能，同一份 seccomp，同样的 ``/dev/net/tun``（0666）。
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyseccomp
import pytest
import yaml
from tests.tun import own_tun

from sockscope.grading.course.source import model
from sockscope.grading.exam.lab import find_lab
from sockscope.grading.jail.sandbox import bwrap

ROOT = Path(__file__).parents[2]
HUB = ROOT / "hub"
STUDENT, GRADER = (json.loads((HUB / name).read_text()) for name in ("seccomp.json", "seccomp-grading.json"))
COMPOSE, VALUES = (yaml.safe_load((HUB / name).read_text()) for name in ("compose.yml", "values.yaml"))
DEVCONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
EXCLUDED = re.findall(r"':\(exclude\)(\S+)'", (ROOT / "tools" / "student").read_text())
IGNORED = [line for line in (HUB / "Dockerfile.dockerignore").read_text().splitlines() if line and line[0] != "#"]


# ---------------------------------------------------------------- 镜像与清单

@pytest.fixture(scope="module")
def copied() -> list[str]:
    """``COPY . .`` 抄进镜像的文件：给学生的一份里，.dockerignore 没有挡住的。"""
    done = subprocess.run(["git", "archive", "HEAD", "--", ".", *(f":(exclude){path}" for path in EXCLUDED)], cwd=ROOT,
                          capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        names = packed.getnames()
    return [name for name in names if not any(fnmatch(name, p) or name.startswith(f"{p}/") for p in IGNORED)]


def instructions() -> list[tuple[str, str]]:
    """Dockerfile 的每条指令和它的参数。"""
    text = re.sub(r"(?m)^#.*\n", "", (HUB / "Dockerfile").read_text()).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def test_the_image_has_what_a_student_needs_and_no_solution(copied):
    assert {"hub/start.py", "book/build.py", "labs/lab05/lab05.ipynb", "requirements.txt", "pyproject.toml"} <= set(copied)
    assert [name for name in copied if name.split("/")[0] in ("teacher", "tests", "bench")] == []
    assert set(EXCLUDED) <= set(IGNORED), "与 tools/student 不放的对不上"


def test_every_file_that_the_image_copies_exists(copied):
    asked = dict(instructions())
    assert [source for name, rest in instructions() if name == "COPY" for source in rest.split()[:-1]] == ["."]
    assert re.findall(r"/srv/sockscope/(\S+?\.py)", asked["CMD"]) == ["hub/start.py"]
    assert set(re.findall(r"python (\S+\.py)", asked["RUN"])) <= set(copied)


def test_the_image_refuses_the_teacher_s_copy_and_runs_as_nobody_special():
    asked = instructions()
    assert any(name == "RUN" and "test ! -e teacher" in rest for name, rest in asked)
    assert [rest for name, rest in asked if name == "USER"] == ["1000"]
    assert re.fullmatch(r"python:3\.1[123]-slim-\w+", dict(asked)["FROM"])
    pinned = dict(line.split("==") for line in (HUB / "requirements.txt").read_text().splitlines() if "==" in line)
    assert dict(asked)["ARG"] == f"JUPYTERHUB={pinned['jupyterhub']}"


def test_every_list_gives_the_container_the_same_and_no_more():
    service = COMPOSE["services"]["book"]
    assert (service["user"], service["cap_drop"], service["read_only"]) == ("1000:1000", ["ALL"], True)
    assert "cap_add" not in service
    assert "privileged" not in service
    asked = [a.split("=", 1)[1] for a in DEVCONTAINER["runArgs"] if "security-opt" in a]
    options = {option.replace(":true", "").replace("${localWorkspaceFolder}/hub/", "")
               for option in (*service["security_opt"], *asked)}
    assert len(asked) == len(service["security_opt"]) == len(options)
    assert options == {"no-new-privileges", "seccomp=seccomp.json", "systempaths=unconfined", "apparmor=unconfined"}
    assert service["devices"] == ["/dev/net/tun"]
    assert {"--cap-drop=ALL", "--device=/dev/net/tun"} <= set(DEVCONTAINER["runArgs"])
    own = VALUES["hub"]["config"]["KubeSpawner"]["container_security_context"]
    assert (own["runAsUser"], own["capabilities"], own["allowPrivilegeEscalation"]) == (1000, {"drop": ["ALL"]}, False)
    assert own["procMount"] == "Unmasked"
    assert VALUES["singleuser"]["extraPodConfig"]["hostUsers"] is False, "procMount 要与它一起"
    assert VALUES["cull"]["enabled"]
    rules = VALUES["singleuser"]["networkPolicy"]["egressAllowRules"]
    assert [name for name, value in rules.items() if value] == ["dnsPortsKubeSystemNamespace"]


@pytest.mark.parametrize("path", sorted(path.name for path in HUB.glob("*.py")))
def test_what_the_hub_runs_can_be_parsed(path):
    ast.parse((HUB / path).read_text(), feature_version=(3, 11))


def test_the_student_gets_what_he_lacks_and_keeps_what_he_has(tmp_path):
    own = tmp_path / "sockscope" / "labs" / "lab05" / "lab05.ipynb"
    own.parent.mkdir(parents=True)
    own.write_text("我写的")
    program = (f"import runpy, os; os.execv = lambda *a: print(a[1][1:]); "
               f"runpy.run_path({str(HUB / 'start.py')!r}, run_name='__main__')")
    said = subprocess.run([sys.executable, "-c", program], env={**os.environ, "HOME": str(tmp_path), "JUPYTERHUB_API_TOKEN": "x"},
                          capture_output=True, text=True, check=True)
    assert said.stdout == "['-m', 'jupyterhub.singleuser']\n"
    assert own.read_text() == "我写的"
    assert (tmp_path / "sockscope" / "chapters" / "05_closing.ipynb").read_bytes() \
        == (ROOT / "chapters" / "05_closing.ipynb").read_bytes()


PLATFORM = {"SOCKSCOPE_LTI_ISSUER": "https://lms.example.edu", "SOCKSCOPE_LTI_CLIENT_ID": "1",
            "SOCKSCOPE_LTI_AUTHORIZE_URL": "https://lms.example.edu/auth", "SOCKSCOPE_LTI_JWKS_URL": "https://lms.example.edu/jwks"}


def configured(name: str, told: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """运行 ``hub/`` 里的一份配置，打印它又读了哪一份。登录本身在 tests/hub 里试。"""
    program = ("import runpy; from traitlets.config import Config; c = Config(); runpy.run_path("
               f"{str(HUB / name)!r}, {{'c': c, 'get_config': lambda: c, 'load_subconfig': lambda name, path: print(name)}})")
    kept = {key: value for key, value in os.environ.items() if key not in PLATFORM}
    return subprocess.run([sys.executable, "-c", program], env={**kept, **told}, capture_output=True, text=True)


@pytest.mark.parametrize(("told", "expected"), [({}, ""), (dict.fromkeys(PLATFORM, " "), ""),
                                                *(({name: "x"}, "lti.py\n") for name in PLATFORM)])
def test_one_setting_is_enough_to_ask_for_the_platform_s_login(told, expected):
    done = configured("jupyterhub_config.py", told)
    assert (done.stdout, done.returncode) == (expected, 0), done.stderr


@pytest.mark.parametrize("name", PLATFORM)
def test_a_missing_setting_is_one_sentence(name):
    done = configured("lti.py", {**PLATFORM, name: ""})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"从教学平台登录还缺 {name}：")


def test_keys_come_over_https_or_from_this_machine():
    done = configured("lti.py", {**PLATFORM, "SOCKSCOPE_LTI_JWKS_URL": "http://lms.example.edu/jwks"})
    assert done.stderr.startswith("SOCKSCOPE_LTI_JWKS_URL 要以 https:// 开头")
    done = configured("lti.py", {**PLATFORM, "SOCKSCOPE_LTI_JWKS_URL": "http://127.0.0.1/jwks"})
    assert "https" not in done.stderr


def test_the_chart_and_the_page_name_the_same_settings():
    assert set(yaml.safe_load((HUB / "lti.yaml").read_text())["hub"]["extraEnv"]) == set(PLATFORM)
    assert set(re.findall(r"SOCKSCOPE_LTI_[A-Z_]+", (ROOT / "book" / "hub.ipynb").read_text())) == set(PLATFORM)


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binder_can_run_its_files(name):
    path = ROOT / ".binder" / name
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)


# ---------------------------------------------------------------- 过滤器

def test_the_profiles_are_what_the_script_writes(tmp_path):
    code = f"import runpy; print(*map(repr, runpy.run_path({str(HUB / 'profile.py')!r})['PROFILES'].items()), sep='\\n')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name, text in map(ast.literal_eval, said.splitlines()):
        assert (HUB / name).read_text() == text, "运行 python hub/profile.py"


def compiled(profile: dict[str, Any]) -> bytes:
    """OCI 的一份过滤器，由 libseccomp 写成 BPF 程序；这个架构没有的调用跳过，像 runc 那样。"""
    actions = {"SCMP_ACT_ALLOW": lambda _: pyseccomp.ALLOW,
               "SCMP_ACT_ERRNO": lambda rule: pyseccomp.ERRNO(rule.get("errnoRet", profile["defaultErrnoRet"]))}
    filters = pyseccomp.SyscallFilter(actions[profile["defaultAction"]]({}))
    for rule in profile["syscalls"]:
        conditions = [pyseccomp.Arg(one["index"], pyseccomp.MASKED_EQ, one["value"], one["valueTwo"])
                      if one["op"] == "SCMP_CMP_MASKED_EQ" else pyseccomp.Arg(one["index"], pyseccomp.EQ, one["value"])
                      for one in rule.get("args", [])]
        for name in rule["names"]:
            if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:
                filters.add_rule(actions[rule["action"]](rule), name, *conditions)
    with tempfile.TemporaryFile() as file:
        filters.export_bpf(file)
        file.seek(0)
        return file.read()


def opened(needed: Iterable[str]) -> list[str]:
    """root 的家目录别人进不去：在里面换成一个空的，只放要用的几个文件夹。"""
    found: list[str] = []
    for path in dict.fromkeys(needed):
        closed = next((p for p in reversed(Path(path).parents) if not p.stat().st_mode & 1), None)
        if closed:
            found += [] if str(closed) in found else ["--perms", "0755", "--tmpfs", str(closed)]
            steps = [p for p in reversed(Path(path).parents) if p.is_relative_to(closed) and p != closed]
            found += [word for p in steps for word in ("--perms", "0755", "--dir", str(p))]
            found += ["--ro-bind", path, path]
    return found


def inside(program: str, profile: dict[str, Any] | None, *arguments: str,
           more: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """在“容器”里运行一段 Python：用户 1000，没有权能，``profile`` 是过滤器。"""
    with own_tun() as tun:
        return _inside(program, profile, arguments, more, tun)


def _inside(program: str, profile: dict[str, Any] | None, arguments: Iterable[str], more: Iterable[str],
            tun: str) -> subprocess.CompletedProcess[str]:
    root = os.geteuid() == 0
    read, write = os.pipe()
    with open(write, "wb") as file:
        file.write(compiled(profile) if profile else b"")  # 几 KB，管道装得下
    # 自己的一份 /proc，没有盖住的地方：bubblewrap 的 --proc 会盖住几处，里面就不许再挂一份
    walls = ["unshare", *([] if root else ["--map-root-user"]), "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "--", bwrap(), "--die-with-parent", "--ro-bind", "/", "/", "--bind", "/proc", "/proc", "--dev", "/dev",
             "--perms", "0755", "--dir", "/dev/net", "--dev-bind", tun, "/dev/net/tun",
             "--perms", "1777", "--tmpfs", "/tmp", *opened([str(ROOT), sys.prefix, sys.base_prefix]),
             *(["--ro-bind", str(ROOT), str(ROOT)] if str(ROOT).startswith("/tmp/") else []),
             *(["--ro-bind", sys.prefix, sys.prefix] if sys.prefix.startswith("/tmp/") else []),
             "--setenv", "HOME", "/tmp", "--setenv", "PYTHONPATH", str(ROOT / "src"),
             "--setenv", "PYTHONDONTWRITEBYTECODE", "1", "--chdir", "/tmp", *more, *(["--seccomp", str(read)] if profile else [])]
    who = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
           "--no-new-privs"] if root else []
    walls += [] if root else ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    try:
        return subprocess.run([*walls, "--", *who, sys.executable, "-c", program, *arguments], pass_fds=[read], text=True,
                              capture_output=True, timeout=120)
    finally:
        os.close(read)


WHO = r"""
import os, re
status = open("/proc/self/status").read()
assert os.geteuid() == 1000
assert len(re.findall(r"Cap(?:Eff|Prm|Amb):\s*0+$", status, re.M)) == 3, status
assert re.search(r"NoNewPrivs:\s*1$", status, re.M) and re.search(r"Seccomp:\s*2$", status, re.M), status
"""
LIVE = WHO + """
import json, sys
from sockscope import Network, capability, experiments
from sockscope.grading.exam.selfcheck import check
from sockscope.grading.exam.student import Answers
from sockscope.live.settings import table
print(capability().level)
trace = experiments.get("closing").run()
print(trace.label, trace.canonical() == experiments.get("closing").recorded().canonical())
print(check("lab05.half_close", answers=Answers(json.loads(sys.argv[1]))).status)
with Network("client", "server") as net:
    print(net.client.program("getent", "hosts", "server").stdout.read().split()[1:])
"""
LEVEL = "from sockscope import capability; print(capability().level)"


def without(profile: dict[str, Any], name: str) -> dict[str, Any]:
    """少放行一个调用的过滤器。"""
    kept = [rule | {"names": [one for one in rule["names"] if one != name]} for rule in profile["syscalls"]]
    return profile | {"syscalls": [rule for rule in kept if rule["names"]]}


def test_the_book_and_its_exercises_live_under_the_profile():
    done = inside(LIVE, STUDENT, json.dumps(model(find_lab("lab05")).cells))
    assert done.stdout.splitlines() == ["cable", "实时 True", "passed", "[b'server']"], done.stderr


SERVER = WHO + """
import json, subprocess, sys, urllib.request
server = subprocess.Popen([sys.executable, sys.argv[1], "--ServerApp.port=0", "--ServerApp.allow_root=True"], text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "JUPYTER_CONFIG_PATH": os.path.dirname(sys.argv[1])})
base, token = next(found for line in server.stdout if (found := re.search(r"(http://\\S+/)lab\\?token=(\\w+)", line))).groups()

def ask(path, told=None):
    body = None if told is None else json.dumps(told).encode()
    with urllib.request.urlopen(urllib.request.Request(base + path, body, {"Authorization": "token " + token})) as answer:
        return json.load(answer)

print(ask("sockscope/run", {"experiment": "closing"})["label"])
print(ask("api/kernels", {"name": "python3"})["execution_state"])
print([entry["name"] for entry in sorted(ask("api/contents")["content"], key=lambda entry: entry["name"])])
server.terminate()
print(server.wait())
"""


def test_the_server_of_the_image_starts_under_the_profile():
    """镜像的 CMD：只读的根，写得了的只有家目录和 ``/tmp``；书页的实验是实时的，内核起得来。"""
    done = inside(SERVER, STUDENT, str(HUB / "start.py"))
    assert done.stdout.splitlines() == ["实时", "starting", "['chapters', 'labs']", "0"], done.stdout + done.stderr


def test_without_a_call_that_it_needs_there_is_no_cable():
    assert inside(LEVEL, without(STUDENT, "unshare")).stdout == "loopback\n"


def test_a_read_only_proc_sys_is_told():
    """Docker 缺省的样子：网线有，参数写不进去，路由器不转发。"""
    program = ("from sockscope import Network, capability; print(capability().level, capability().remedy)\n"
               "with Network('a', 'b') as net: print(net.trace.settings['ipv4/ip_default_ttl'])")
    done = inside(program, STUDENT, more=("--ro-bind", "/proc/sys", "/proc/sys"))
    assert re.match(r"cable 补救：.*systempaths=unconfined.*\n\d+\n", done.stdout), done.stdout + done.stderr


def test_grading_works_under_its_own_profile_and_not_under_the_student_s():
    program = "import sys; from sockscope.grading.__main__ import main; sys.exit(main(['machine']))"
    done = inside(program, GRADER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert inside(program, STUDENT).returncode == 1


PROBE = """
import ctypes, errno, json, sys
libc = ctypes.CDLL(None, use_errno=True)
for name, number, *arguments in json.loads(sys.argv[1]):
    ctypes.set_errno(0)
    said = libc.syscall(*(ctypes.c_long(value) for value in (number, *arguments)))
    print(name, errno.errorcode.get(ctypes.get_errno(), "") if said == -1 else "ok")
"""
NEWUSER, NEWPID = 0x10000000, 0x20000000  # <linux/sched.h>
# 名字、参数；不加过滤器时，前几种内核自己也许会答应，或者说参数不对
DANGEROUS = {
    "keyctl": (0, -3, 0), "add_key": (0, 0, 0, 0, -3), "request_key": (0, 0, 0, 0), "bpf": (0, 0, 0),
    "perf_event_open": (0, 0, -1, -1, 0), "userfaultfd": (0,), "name_to_handle_at": (-1, 0, 0, 0, 0),
    "open_by_handle_at": (-1, 0, 0), "kexec_load": (0, 0, 0, 0), "init_module": (0, 0, 0), "finit_module": (-1, 0, 0),
    "delete_module": (0, 0), "fsopen": (0, 0), "open_tree": (-1, 0, 0), "move_mount": (-1, 0, -1, 0, 0), "pivot_root":
    (0, 0), "setns": (-1, 0), "swapon": (0, 0), "reboot": (0, 0, 0), "chroot": (0,), "acct": (0,), "settimeofday": (0,
    0), "clock_settime": (0, 0), "quotactl": (0, 0, 0, 0), "syslog": (0, 0, 0), "iopl": (3,), "pidfd_getfd": (-1, 0,
    0), "process_vm_writev": (-1, 0, 0, 0, 0, 0), "kcmp": (0, 0, 0, 0, 0), "fanotify_init": (0, 0)}
WITH_ARGUMENTS = {"unshare": (NEWUSER | NEWPID,), "clone": (NEWUSER | 17, 0, 0, 0, 0), "mount": (0, 0, 0, 2, 0),
                  "socket": (40, 1, 0)}


def probed(profile: dict[str, Any] | None, asked: dict[str, tuple[int, ...]]) -> dict[str, str]:
    arch = pyseccomp.system_arch()
    numbers = [[name, pyseccomp.resolve_syscall(arch, name), *arguments] for name, arguments in asked.items()]
    done = inside(PROBE, profile, json.dumps([row for row in numbers if row[1] >= 0]))
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def test_what_reaches_outside_is_refused():
    refused = probed(STUDENT, DANGEROUS | WITH_ARGUMENTS)
    assert {name: said for name, said in refused.items() if said != "EPERM"} == {}
    assert len(refused) > 25


def test_it_is_the_profile_that_refuses():
    """不加过滤器，这几种内核答应，或者只嫌参数不对。"""
    asked = DANGEROUS | WITH_ARGUMENTS
    told = probed(None, {name: asked[name] for name in ("keyctl", "name_to_handle_at", "unshare", "setns")})
    assert "EPERM" not in told.values(), told


def test_the_student_s_profile_allows_less_than_the_grader_s():
    def names(profile: dict[str, Any]) -> set[str]:
        return {n for rule in profile["syscalls"] for n in rule["names"] if rule["action"] == "SCMP_ACT_ALLOW"}
    assert names(STUDENT) < names(GRADER)
    assert names(GRADER) - names(STUDENT) == {"chroot", "pivot_root", "setns"}
