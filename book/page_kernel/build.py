"""做出页内内核（``make page-kernel``）：Debian 的 i386 内核与 Python、本书的包，在 v86 里热好身，存成快照。

产物在 ``_build/page-kernel/site/版本/``，版本是清单（manifest.json）的 SHA-256；书构建时看见它，就带上“启动页内内核”的按钮。
清单里有每个 Debian 包的版本和它的源码包；各包的许可在映像的 /usr/share/doc 里，v86 的在 v86-LICENSE。
根里的文件两次构建一字不差；快照里有时钟和随机数，每次不同，所以版本也不同。
要 apt、cpio、mke2fs、zstd、node 和 npm，不要 root。

用法：python book/page_kernel/build.py [--relock | --from 发布的书.zip]
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import debian
import released
import root
from debian import Refused

from sockscope.guest.warm import CELL
from sockscope.terminal import Parser, speak_chinese

HERE = Path(__file__).resolve().parent
BUILD = root.REPO / "_build" / "page-kernel"
SITE = BUILD / "site"
MEMORY = 128 << 20
"""页内的机器有多少内存，字节。"""
PART = 128 << 10
"""硬盘一块的大小，字节。"""
CMDLINE = "console=ttyS0 quiet tsc=reliable mitigations=off random.trust_cpu=on nokaslr audit=0 init_on_free=1"
"""``init_on_free``：放掉的内存清成零，快照才压得小。"""
TOOLS = {"node": "nodejs", "npm": "npm", "cpio": "cpio", "zstd": "zstd", "/sbin/mke2fs": "e2fsprogs", "dpkg-deb": "dpkg"}
EXPERIMENTS = ["closing", "handshake", "urgent", "half_open", "closed_port", "small_writes", "error_queue", "option_values",
               "closing"]
"""做过它们，v86 就编译好了实验和单元格常走的代码；编译好的随快照一起走，读者的第一个实验不必从头热身。"""
WARM = [{"do": "run", "experiment": name} for name in EXPERIMENTS] + [
    {"do": "cell", "notebook": "", "source": source} for source in [CELL, "print(1)", "1 / 0"] * 2]
BOOTED = 1200  # 模拟的机器热好身的上限，秒


def main(arguments: list[str] | None = None) -> int:
    speak_chinese()
    parser = Parser(prog="python book/page_kernel/build.py", description="做出页内内核，放在 _build/page-kernel/site。")
    parser.add_argument("--relock", action="store_true", help="先把 debian.lock 换成 apt 现在的版本")
    parser.add_argument("--kernel", default="", metavar="版本", help="换一个内核（如 6.1），放在 site-版本 里，只为比较")
    parser.add_argument("--from", dest="book", type=Path, metavar="书", help="不构建，从发布的书（sockscope-book-*.zip）里取")
    asked = parser.parse_args(arguments)
    try:
        version, total = released.take(asked.book, SITE) if asked.book else build(asked.relock, asked.kernel)
    except Refused as reason:
        print(reason, file=sys.stderr)
        return 1
    print(f"• 页内内核 {version[:12]}，启动时取 {total / 1e6:.1f} MB，在 {site(asked.kernel).relative_to(root.REPO)}。")
    return 0


def site(kernel: str) -> Path:
    """产物放在哪里。"""
    return BUILD / f"site-{kernel}" if kernel else SITE


def build(relock: bool, kernel: str) -> tuple[str, int]:
    """做出一个版本；返回版本，和启动时要取的字节数。"""
    if missing := [package for tool, package in TOOLS.items() if not shutil.which(tool)]:
        raise Refused(f"做页内内核还缺 {'、'.join(missing)}。补救：sudo apt install {' '.join(missing)}。")
    packages = debian.relock(BUILD / "apt") if relock else debian.read_lock()
    if kernel:
        packages = debian.with_kernel(packages, kernel, BUILD / "apt")
    trees = BUILD / "trees"
    with step("取 Debian 的包"):
        shutil.rmtree(trees, ignore_errors=True)
        for deb in debian.fetch(packages, BUILD / "debs", BUILD / "apt"):
            debian.unpack(deb, trees)
    with step("摆好文件"):
        root.initramfs(trees, BUILD / "initramfs", BUILD / "initrd.img")
        root.root(trees, BUILD / "root")
        root.disk(BUILD / "root", BUILD / "root.img")
    with step("在模拟的机器里启动、热身"):
        snapshot(trees)
    with step("压缩"):
        for name in ("state", "compiled"):
            subprocess.run(["zstd", "-q", "-f", "--ultra", "-22", "--long=27", "-T0", f"{name}.bin", "-o", f"{name}.zst"],
                           cwd=BUILD, check=True)
        return publish(trees, packages, site(kernel))


class step:
    """一步：做完了说用了多久。"""

    def __init__(self, title: str) -> None:
        self.title = title

    def __enter__(self) -> None:
        self.started = time.monotonic()
        print(f"• {self.title}", end="", flush=True)

    def __exit__(self, *_: Any) -> None:
        print(f"（{time.monotonic() - self.started:.0f} 秒）", flush=True)


def snapshot(trees: Path) -> None:
    """启动，等热好身，存下整台机器。"""
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"npm 没有装好 v86：{(done.stderr or done.stdout).strip()[-200:]}")
    bios = trees / "usr/share/seabios"
    settings = {"wasm": v86("v86.wasm"), "memory": MEMORY, "bios": bios / "bios.bin", "vga_bios": bios / "vgabios-stdvga.bin",
                "kernel": root.kernel_image(trees), "initrd": BUILD / "initrd.img", "disk": BUILD / "root.img",
                "state": BUILD / "state.bin", "compiled": BUILD / "compiled.bin", "index": BUILD / "compiled.json",
                "cmdline": CMDLINE, "warm": WARM}
    (BUILD / "snapshot.json").write_text(json.dumps(settings, default=str))
    with (BUILD / "boot.log").open("w") as log:
        try:
            done = subprocess.run(["node", "snapshot.mjs", BUILD / "snapshot.json"], cwd=HERE, stderr=log, timeout=BOOTED)
        except subprocess.TimeoutExpired:
            raise Refused(f"模拟的机器 {BOOTED} 秒还没有准备好，它说过的话在 {BUILD / 'boot.log'}。") from None
    if done.returncode:
        raise Refused(f"模拟的机器没有启动成功，它说过的话在 {BUILD / 'boot.log'}。")


def v86(name: str) -> Path:
    return HERE / "node_modules/v86/build" / name


def publish(trees: Path, packages: list[debian.Package], site: Path) -> tuple[str, int]:
    """摆成网站上的样子：一个版本一个文件夹，里面每个文件的摘要都在清单里。"""
    bios = trees / "usr/share/seabios"
    sources = {"libv86.js.gz": v86("libv86.js"), "v86.wasm.gz": v86("v86.wasm"), "bios.bin.gz": bios / "bios.bin",
               "vgabios.bin.gz": bios / "vgabios-stdvga.bin", "state.zst": BUILD / "state.zst",
               "compiled.zst": BUILD / "compiled.zst"}
    shutil.rmtree(site, ignore_errors=True)
    new = site / "new"
    (new / "disk").mkdir(parents=True)
    files = {}
    for name, path in sources.items():
        content = path.read_bytes()
        content = gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
        (new / name).write_bytes(content)
        files[name] = {"size": len(content), "sha256": digest(content)}
    files["state.zst"]["whole"] = (BUILD / "state.bin").stat().st_size
    shutil.copy(HERE / "node_modules/v86/LICENSE", new / "v86-LICENSE")
    manifest = {"files": files, "memory": MEMORY, "compiled": json.loads((BUILD / "compiled.json").read_text()),
                "disk": parts(new / "disk"),
                "packages": [{"name": p.name, "version": p.version, "source": p.source} for p in packages]}
    text = json.dumps(manifest, separators=(",", ":")).encode()
    (new / "manifest.json").write_bytes(text)
    version = digest(text)
    new.rename(site / version)
    total = sum(file["size"] for file in files.values())
    (site / "current.json").write_text(json.dumps({"version": version, "bytes": total}))
    return version, total


def parts(folder: Path) -> dict[str, Any]:
    """硬盘切成块，一块一个文件；全是零的没有文件，摘要为空。"""
    image = (BUILD / "root.img").read_bytes()
    digests = []
    for number, start in enumerate(range(0, len(image), PART)):
        part = image[start:start + PART]
        if not part.strip(b"\0"):
            digests.append("")
            continue
        packed = gzip.compress(part, 9, mtime=0)
        (folder / f"{number}.gz").write_bytes(packed)
        digests.append(digest(packed))
    return {"size": len(image), "part": PART, "parts": digests}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
