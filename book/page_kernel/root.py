"""页内内核的文件：一个只读的根（ext2 的映像，读到哪里取哪里），和一个小小的 initramfs，只为找到它。

根里是 Debian 的 Python 与 libc、本书的包和数据、IPython、scapy 和 tcc；全部由锁里的版本来，
修改时间固定，两次构建的文件一字不差（映像还记着 ctime，所以映像不同）。
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from debian import Refused

__all__ = ["EPOCH", "disk", "initramfs", "kernel_image", "root"]

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
EPOCH = 1_700_000_000
"""所有文件的修改时间，秒。"""

BOOT_MODULES = ["crc32c_generic", "virtio_pci", "ata_piix", "sd_mod", "ext4"]
"""找到根文件系统要的内核模块。"""
MODULES = ["virtio_console", "tun", "inet_diag", "tcp_diag", "udp_diag", "unix_diag", "raw_diag", "sctp", "sctp_diag", "tcp_bbr"]
"""书里的实验要的内核模块。"""

LIBRARIES = ["ipython", "scapy"]
"""要带进去的 Python 包；它们的依赖跟着来。"""
UNNEEDED = [
    "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/bug", "usr/share/python3",
    "usr/lib/i386-linux-gnu/gconv", "usr/lib/python3.11/ensurepip", "usr/lib/python3.11/idlelib", "usr/lib/python3.11/lib2to3",
    "usr/lib/python3.11/pydoc_data", "usr/lib/python3.11/tkinter", "usr/lib/python3.11/turtledemo", "usr/lib/python3.11/test",
    "opt/app/scapy/contrib", "opt/app/scapy/modules", "opt/app/scapy/tools", "opt/app/sockscope/grading",
    "opt/app/sockscope/data/labs", "opt/app/jedi/third_party", "opt/app/psutil", "opt/app/sockscope/data/recordings/kernels",
]
"""读者用不着的：不放进去，映像小一些。"""


def root(trees: Path, target: Path) -> None:
    """摆好根。``trees`` 是解开的 Debian 包。"""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(trees, target, symlinks=True, ignore=shutil.ignore_patterns("boot", "modules"))
    app = target / "opt" / "app"
    for name in sorted(closure(LIBRARIES)):
        copy_distribution(name, app)
    copy_book(app)
    for name in UNNEEDED:
        shutil.rmtree(target / name, ignore_errors=True)
    for name in ("_ssl", "_hashlib"):  # 没有 OpenSSL：hashlib 用 Python 自带的摘要
        next((target / "usr/lib/python3.11/lib-dynload").glob(f"{name}.*")).unlink()
    for path in sorted((target / "usr/share/doc").rglob("*")):  # 只留各包的版权与许可
        if path.is_symlink() or (path.is_file() and path.name != "copyright"):
            path.unlink()
    for path in sorted(target.rglob("*.a")):
        if path.name not in {"libtcc1.a", "libc_nonshared.a"}:
            path.unlink()
    for name in ("proc", "sys", "dev", "tmp", "run", "root", "mnt", "lib/modules"):
        (target / name).mkdir(parents=True, exist_ok=True)
    already = set(in_order(trees, BOOT_MODULES))
    modules = [module for module in in_order(trees, MODULES) if module not in already]
    for module in modules:
        shutil.copy(module, target / "lib/modules" / module.name)
    (target / "lib/modules/order").write_text("".join(f"{module.name}\n" for module in modules))
    for link, to in (("bin/sh", "busybox"), ("usr/bin/cc", "tcc")):
        (target / link).unlink(missing_ok=True)
        (target / link).symlink_to(to)
    manufacturers = target / "usr/share/wireshark/manuf"  # scapy 先找它；空的一份省下 15 MB 网卡厂商表
    manufacturers.parent.mkdir(parents=True)
    manufacturers.write_text("# none\n")
    shutil.copy(HERE / "start", target / "start")
    compile_all(target)
    settle(target)


def closure(names: Iterable[str]) -> set[str]:
    """几个包和它们的全部依赖（不带 extras）；装在建书的环境里，版本由 requirements.txt 锁定。"""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        told = (Requirement(line) for line in metadata.requires(name) or [])
        guest = {"extra": "", "python_version": "3.11", "python_full_version": "3.11.2"}
        waiting += [need.name for need in told if need.marker is None or need.marker.evaluate(guest)]
    return found


def copy_distribution(name: str, target: Path) -> None:
    """一个装好的 Python 包的源文件。"""
    for file in metadata.files(name) or []:
        if file.parts[0] == ".." or file.suffix == ".pyc" or "tests" in file.parts:
            continue
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(file.locate()), place)


def copy_book(target: Path) -> None:
    """本书的包，与装好的 wheel 一样的布局。"""
    import tempfile
    import zipfile

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=REPO, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)})
        [wheel] = Path(folder).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(target)


def compile_all(target: Path) -> None:
    """用根里那个 i386 的 Python 编好字节码：模拟的处理器上现编太慢。"""
    for cache in list(target.rglob("__pycache__")):
        shutil.rmtree(cache)
    libraries = ":".join(str(target / name) for name in ("lib/i386-linux-gnu", "usr/lib/i386-linux-gnu", "lib", "usr/lib"))
    python = [target / "lib/ld-linux.so.2", "--library-path", libraries, target / "usr/bin/python3.11"]
    done = subprocess.run(
        [*python, "-S", "-B", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", target, "-p", "/",
         target / "usr/lib/python3.11", target / "opt/app"],
        capture_output=True, text=True, env={"PYTHONHOME": str(target / "usr"), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"})
    if not (target / "opt/app/sockscope/__pycache__").is_dir():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Refused(f"这台机器运行不了 i386 的程序，编不了字节码：{said[-1] if said else done.returncode}")


def settle(target: Path) -> None:
    """所有文件同一个时间，权限不取决于是谁构建的。"""
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def disk(tree: Path, image: Path) -> None:
    """根 → ext2 映像，大小取整到 1 MiB；不要 root。"""
    files = [path for path in tree.rglob("*") if not path.is_dir()]
    megabytes = sum(-(-path.lstat().st_size // 4096) + 1 for path in files) * 4096 * 11 // 10 // 2**20 + 16
    image.unlink(missing_ok=True)
    identity = "6b65726e-656c-4069-6e2d-706167650000"
    subprocess.run(
        ["/sbin/mke2fs", "-q", "-t", "ext2", "-b", "4096", "-I", "256", "-m", "0", "-U", identity, "-L", "root",
         "-E", f"hash_seed={identity},root_owner=0:0,lazy_itable_init=0", "-O", "^resize_inode", "-d", tree,
         image, f"{megabytes}M"], check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "E2FSPROGS_FAKE_TIME": str(EPOCH)})


# ---------------------------------------------------------------- 内核与 initramfs

def kernel_image(trees: Path) -> Path:
    [found] = (trees / "boot").glob("vmlinuz-*")
    return found


def initramfs(trees: Path, work: Path, target: Path) -> None:
    """只有 busybox、几个模块和 ``init``。"""
    shutil.rmtree(work, ignore_errors=True)
    for name in ("bin", "proc", "dev", "root", "modules"):
        (work / name).mkdir(parents=True)
    shutil.copy(trees / "bin/busybox", work / "bin/busybox")
    modules = list(in_order(trees, BOOT_MODULES))
    for module in modules:
        shutil.copy(module, work / "modules")
    (work / "modules/order").write_text("".join(f"{m.name}\n" for m in modules))
    shutil.copy(HERE / "init", work / "init")
    settle(work)
    names = sorted(str(path.relative_to(work)) for path in work.rglob("*"))
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0"], cwd=work,
                            input="\n".join(names).encode(), capture_output=True, check=True)
    target.write_bytes(packed.stdout)


def in_order(trees: Path, names: Iterable[str]) -> Iterator[Path]:
    """这些模块和它们依赖的，被依赖的在前；编进内核的没有文件，略去。"""
    found = {path.name.partition(".ko")[0].replace("-", "_"): path for path in sorted(trees.rglob("*.ko"))}
    done: set[str] = set()

    def visit(name: str) -> Iterator[Path]:
        if name in done or name not in found:
            return
        done.add(name)
        for need in needs(found[name]):
            yield from visit(need)
        yield found[name]

    for name in names:
        yield from visit(name)


def needs(module: Path) -> list[str]:
    """一个模块自己写着的依赖（.modinfo 的 depends 与 softdep）。"""
    told = module.read_bytes()
    hard = re.findall(rb"\0depends=([^\0]*)", b"\0" + told)
    soft = re.findall(rb"\0softdep=pre: ([^\0]*)", told)
    words = b" ".join([*(item.replace(b",", b" ") for item in hard), *soft]).decode()
    return [word.replace("-", "_") for word in words.split()]
