"""Debian 的 i386 包：用一份自己的 apt 状态取来，不要 root，不碰这台机器装了什么；按 ``debian.lock`` 里的版本和摘要核对。

取包、验签名都是 apt 的事。锁里一行一个包：名字、版本、SHA256、源码包和它的版本。
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Package", "Refused", "fetch", "read_lock", "relock", "unpack", "with_kernel"]

HERE = Path(__file__).resolve().parent
LOCK = HERE / "debian.lock"
SUITE = "bookworm"

WANTED = [
    "linux-image-686", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "zlib1g",
    "libexpat1", "libffi8", "libcrypt1", "libgcc-s1", "libbz2-1.0", "liblzma5", "libuuid1", "libsqlite3-0",
    "libncursesw6", "libtinfo6", "busybox-static", "seabios", "tcc", "libc6-dev", "linux-libc-dev",
]
"""页内内核里的包；``linux-image-686`` 换成 Debian 为 i386 编过的最新一版内核（多半在 backports 里）。"""


class Refused(Exception):
    """做不下去的原因，一句话。"""


@dataclass(frozen=True)
class Package:
    """一个包和它的来历。"""

    name: str
    version: str
    sha256: str
    source: str

    def line(self) -> str:
        return f"{self.name} {self.version} {self.sha256} {self.source}"


def read_lock() -> list[Package]:
    """锁里的全部包。"""
    lines = (line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return [Package(*line.split(" ", 3)) for line in lines]


def relock(state: Path) -> list[Package]:
    """照 apt 现在的版本重写锁。"""
    apt = Apt(state)
    apt.update()
    found = sorted((apt.show(apt.kernel() if name == "linux-image-686" else name) for name in WANTED), key=lambda p: p.name)
    head = "# 页内内核里的 Debian i386 包：名字 版本 SHA256 源码包（由 build.py --relock 写成）\n"
    LOCK.write_text(head + "".join(f"{package.line()}\n" for package in found), encoding="utf-8")
    return found


def with_kernel(packages: Iterable[Package], version: str, state: Path) -> list[Package]:
    """同样的包，内核换成 ``version`` 那一系里最新的；它不在锁里，只为比较。"""
    apt = Apt(state)
    apt.update()
    return [*(package for package in packages if not package.name.startswith("linux-image-")), apt.show(apt.kernel(version))]


def fetch(packages: Iterable[Package], folder: Path, state: Path) -> list[Path]:
    """把包取到 ``folder``，已经有的不再取；摘要不对、取不到，抛 ``Refused``。"""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {package: folder / f"{package.name}_{package.sha256[:12]}.deb" for package in packages}
    missing = [package for package, path in wanted.items() if not path.exists()]
    if missing:
        apt = Apt(state)
        apt.update()
        for package in missing:
            apt.download(package, wanted[package])
    return list(wanted.values())


def unpack(deb: Path, target: Path) -> None:
    """解开一个包。"""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "-x", deb, target], check=True)


class Apt:
    """一份自己的 apt 状态：只看 i386，来源照这台机器的（只取 Debian 自己的那几行）。"""

    def __init__(self, state: Path) -> None:
        if not shutil.which("apt-get"):
            raise Refused("页内内核由 Debian 的包做成，要在有 apt 的系统（Debian、Ubuntu）上构建。")
        self.state = state
        for folder in ("lists/partial", "cache/archives/partial"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (state / "sources.list").write_text(f"{sources()}\n")
        self.options = [f"-o{name}" for name in (
            "APT::Architecture=i386", "APT::Architectures::=i386", f"Dir::State::lists={state / 'lists'}",
            f"Dir::Cache={state / 'cache'}", "Dir::State::status=/dev/null", "Dir::Etc::sourceparts=/nonexistent",
            f"Dir::Etc::sourcelist={state / 'sources.list'}", "Debug::NoLocking=1", "APT::Sandbox::User=")]

    def update(self) -> None:
        """取包的清单。有一个来源取不到不算失败：缺哪个包，取它的时候自会说。"""
        with suppress(Refused):
            self._run("apt-get", "-qq", "update")

    def kernel(self, version: str = "") -> str:
        """最新的一版 i386 内核的包；``version`` 只要这一系（如 ``6.1``）。"""
        told = self._run("apt-cache", "search", "--names-only", r"^linux-image-[0-9][^ ]*[0-9]-686$")
        found = [line.split()[0] for line in told.splitlines() if line.startswith(f"linux-image-{version}")]
        if not found:
            raise Refused(f"apt 里没有 {SUITE} 的 i386 内核{f' {version}' if version else ''}。")
        return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])

    def show(self, name: str) -> Package:
        """一个包现在的版本。"""
        told = self._run("apt-cache", "show", "--no-all-versions", name)
        fields = dict(re.findall(r"^(\w[\w-]*): (.*)$", told, re.MULTILINE))
        source, _, version = fields.get("Source", name).partition(" (")
        return Package(name, fields["Version"], fields["SHA256"], f"{source} {version.rstrip(')') or fields['Version']}")

    def download(self, package: Package, target: Path) -> None:
        """取一个包：版本要是锁里的，摘要要对。"""
        place = self.state / "cache" / "download"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            self._run("apt-get", "-qq", "download", f"{package.name}={package.version}", cwd=place)
        except Refused:
            raise Refused(f"apt 里没有 {package.name} {package.version}（锁里的版本可能已经被换下）。"
                          "运行 make page-kernel ARGS=--relock，换成现在的版本。") from None
        [found] = place.glob("*.deb")
        if hashlib.sha256(found.read_bytes()).hexdigest() != package.sha256:
            raise Refused(f"{found.name} 的 SHA256 与锁里的不同，没有用它。")
        found.replace(target)

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        tool, *rest = command
        done = subprocess.run([tool, *self.options, *rest], capture_output=True, text=True, cwd=cwd,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise Refused(f"apt 没有做成 {' '.join(rest)}：{said[-1] if said else done.returncode}")
        return done.stdout


def sources() -> str:
    """这台机器的 apt 来源里 Debian 自己的几行（Deb822 与一行式），换成 ``SUITE`` 的。"""
    found = dict.fromkeys(uri for path in _source_files() for uri in _debian(path.read_text(encoding="utf-8", errors="replace")))
    if not found:
        raise Refused("在 apt 的来源里没有找到 Debian 的仓库（要有一行 /debian）。")
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    signed = f" [signed-by={keyring}]" if Path(keyring).exists() else ""
    return "\n".join(f"deb{signed} {uri} {suite} main" for uri, suite in found)


def _source_files() -> Iterator[Path]:
    place = Path("/etc/apt")
    for pattern in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        yield from sorted(place.glob(pattern))


def _debian(text: str) -> Iterator[tuple[str, str]]:
    """一份来源里的 Debian 仓库：``(地址, 套件)``；安全更新在另一个仓库。"""
    for uri in re.findall(r"\b\w+://\S+", text):
        if uri.rstrip("/").endswith("/debian"):
            yield from ((uri, suite) for suite in (SUITE, f"{SUITE}-updates", f"{SUITE}-backports"))
        elif uri.rstrip("/").endswith("/debian-security"):
            yield uri, f"{SUITE}-security"
