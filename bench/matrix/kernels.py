"""Debian 的别的内核：取来软件包，在 QEMU 里启动，借用这台机器的文件（9p，只读，上面盖一层内存），运行 ``worker``。

什么也不安装：软件包只解开在 ``_build/kernels``。版本取软件源里有的：每个大版本一个。
"""

from __future__ import annotations

import lzma
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench import Untested

__all__ = ["Kernel", "available", "compare", "fetched"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLACE = ROOT / "_build" / "kernels"
ESSENTIAL = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_rng")  # 换到这台机器的文件上之前就要有的模块
NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio", "depmod": "kmod",
          "apt-get": "apt", "dpkg": "dpkg"}
WALLS = ["setpriv", "--pdeathsig", "KILL"]
LIMIT = 7200  # 一个内核最多多久，秒：没有 KVM 的机器慢得多
GUEST = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mkdir -p /lib/modules && ln -s {modules} /lib/modules/
modprobe tun
cd {root} && {command} > /out/report.json 2> /out/errors.txt
sync; echo o > /proc/sysrq-trigger; sleep 60
"""


class Kernel:
    """解开了的一个内核：``version`` 如 ``6.1.0-50-amd64``。"""

    def __init__(self, version: str) -> None:
        self.version = version
        self.folder = PLACE / version

    @property
    def image(self) -> Path:
        return self.folder / f"boot/vmlinuz-{self.version}"

    @property
    def modules(self) -> Path:
        found = [self.folder / "lib/modules" / self.version, self.folder / "usr/lib/modules" / self.version]
        return next(path for path in found if path.exists())


def available() -> list[str]:
    """软件源里的内核，每个大版本取最新的一个。"""
    listed = run("apt-cache", "--names-only", "search", r"^linux-image-[0-9.]+.*-amd64$").split("\n")
    names = [line.split(" ")[0].removeprefix("linux-image-") for line in listed]
    stock = [name for name in names if re.fullmatch(r"\d+\.\d+\.\d+(-\d+|\+deb\d+)-amd64", name)]
    newest: dict[str, str] = {}
    for name in sorted(stock, key=lambda version: [int(number) for number in re.findall(r"\d+", version)]):
        newest[".".join(name.split(".")[:2])] = name
    return list(newest.values())


def need() -> None:
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        raise Untested(f"启动别的内核还缺 {'、'.join(missing)}；sudo apt-get install {' '.join(missing)} 之后再来。")


def fetched(version: str) -> Kernel:
    """取来并解开；取过了就用现成的。软件源里没有抛 ``Untested``。"""
    kernel = Kernel(version)
    if not kernel.image.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        run("apt-get", "download", f"linux-image-{version}", cwd=PLACE)
        package = next(PLACE.glob(f"linux-image-{version}_*.deb"))
        run("dpkg", "-x", str(package), str(kernel.folder))
        package.unlink()
        run("depmod", "-b", str(kernel.modules.parents[2]), version)
    return kernel


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise Untested(f"{command[0]} 没有做成：{(done.stderr.strip() or '没有说明').splitlines()[-1]}")
    return done.stdout


# ---------------------------------------------------------------- 启动

def initrd(kernel: Kernel) -> Path:
    """最小的 initrd：busybox、几个模块和 ``init.sh``。"""
    made = kernel.folder / "initrd"
    shutil.rmtree(made, ignore_errors=True)
    for name in ("bin", "mod", "proc", "sys", "dev", "lower", "above", "new"):
        (made / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "busybox", made / "bin/busybox")
    shutil.copy(HERE / "init.sh", made / "init")
    (made / "init").chmod(0o755)
    modules = list(dict.fromkeys(closure(kernel)))
    for module in modules:
        data = module.read_bytes()
        (made / "mod" / module.name.removesuffix(".xz")).write_bytes(lzma.decompress(data) if module.suffix == ".xz" else data)
    (made / "mod/order").write_text("".join(f"{module.name.removesuffix('.xz')}\n" for module in modules))
    packed = kernel.folder / "initrd.gz"
    run("sh", "-c", f"find . | cpio -o -H newc --quiet | gzip -1 > {shlex.quote(str(packed))}", cwd=made)
    return packed


def closure(kernel: Kernel) -> Iterator[Path]:
    """最先要装的模块，连它们依赖的，照装的次序。"""
    for name in ESSENTIAL:
        told = run("modprobe", "-d", str(kernel.modules.parents[2]), "-S", kernel.version, "--show-depends", name)
        yield from (Path(line.split()[1]) for line in told.splitlines() if line.startswith("insmod"))


def compare(version: str, command: list[str]) -> str:
    """在这个内核上运行 ``command``（在仓库里），返回它的标准输出；启动不了、没有跑完抛 ``Untested``。"""
    need()
    kernel = fetched(version)
    out = kernel.folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "guest.sh").write_text(GUEST.format(
        modules=shlex.quote(str(kernel.modules)), root=shlex.quote(str(ROOT)), command=shlex.join(command)))
    with open(kernel.folder / "console.txt", "wb") as console:
        machine = subprocess.Popen([*WALLS, *qemu(kernel, initrd(kernel), out)], stdin=subprocess.DEVNULL, stdout=console,
                                   stderr=subprocess.STDOUT)
        try:
            machine.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Untested(f"内核 {version} 过了 {LIMIT} 秒还没有跑完。") from None
        finally:
            machine.kill()
            machine.wait()
    report = out / "report.json"
    if not report.exists() or not report.stat().st_size:
        raise Untested(f"内核 {version} 没有交回结果；看 {(out / 'errors.txt').relative_to(ROOT)} 和同处的 console.txt。")
    return report.read_text(encoding="utf-8")


def has_kvm() -> bool:
    """有没有硬件做的虚拟化；kvm_pvm 那样的软件虚拟化只启动得了为它改过的内核。"""
    hardware = any(Path("/sys/module", name).exists() for name in ("kvm_intel", "kvm_amd"))
    return hardware and os.access("/dev/kvm", os.R_OK | os.W_OK)


def qemu(kernel: Kernel, packed: Path, out: Path) -> list[str]:
    """启动的命令；有 KVM 就用，没有就全靠翻译（慢十倍以上）。"""
    share = "security_model=none,multidevs=remap"
    engine = ["-enable-kvm", "-cpu", "host"] if has_kvm() else ["-accel", "tcg,thread=multi", "-cpu", "max"]
    return ["qemu-system-x86_64", *engine,
            "-smp", str(os.cpu_count() or 1), "-m", "6G", "-nographic", "-no-reboot", "-nic", "none",
            "-device", "virtio-rng-pci", "-kernel", str(kernel.image), "-initrd", str(packed),
            "-append", "console=ttyS0 quiet panic=-1",
            "-virtfs", f"local,path=/,mount_tag=host,readonly=on,{share}",
            "-virtfs", f"local,path={out},mount_tag=out,{share}"]
