"""发布的书里带着页内内核：没有 apt 的系统（macOS、Windows、别的 Linux）从那个 zip 里取，逐个文件核对摘要。"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from debian import Refused

__all__ = ["take"]

INSIDE = "_static/page_kernel/"


def take(book: Path, site: Path) -> tuple[str, int]:
    """从发布的书 ``book``（zip）里取出页内内核，放进 ``site``；返回版本，和启动时要取的字节数。

    不是书、书里没有它、有一个文件与清单不符，抛 ``Refused``，``site`` 原样不动。
    """
    new = site.with_name("site.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        with zipfile.ZipFile(book) as archive:
            current = _unpack(archive, _root(archive), new)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        shutil.rmtree(new, ignore_errors=True)
        raise Refused(f"{book} 不是一本发布的书，或者已经损坏（{problem}）。从发布页重新下载 sockscope-book-*.zip。") from None
    except Refused:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(site, ignore_errors=True)
    new.rename(site)
    return current["version"], current["bytes"]


def _root(archive: zipfile.ZipFile) -> str:
    """zip 里页内内核所在的文件夹。"""
    for name in archive.namelist():
        if name.endswith(f"{INSIDE}current.json"):
            return name.removesuffix("current.json")
    raise Refused(f"{archive.filename} 里没有页内内核：这本书构建的时候没有带上它。")


def _unpack(archive: zipfile.ZipFile, folder: str, new: Path) -> dict[str, Any]:
    current: dict[str, Any] = json.loads(archive.read(f"{folder}current.json"))
    version = current["version"]
    place = new / str(int(version, 16) and version)  # 是十六进制数，就不会是别处的路径
    (place / "disk").mkdir(parents=True)
    for name, sha256 in _files(archive.read(f"{folder}{version}/manifest.json"), version):
        content = archive.read(f"{folder}{version}/{name}")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(f"{archive.filename} 里的 {name} 与清单不符，没有用它。从发布页重新下载。")
        (place / name).write_bytes(content)
    for name in ("manifest.json", "v86-LICENSE"):
        (place / name).write_bytes(archive.read(f"{folder}{version}/{name}"))
    (new / "current.json").write_text(json.dumps(current))
    return current


def _files(manifest: bytes, version: str) -> Iterator[tuple[str, str]]:
    """清单里的每个文件和它的摘要；清单自己的摘要就是版本。"""
    if hashlib.sha256(manifest).hexdigest() != version:
        raise Refused("页内内核的清单与版本不符，没有用它。从发布页重新下载。")
    told = json.loads(manifest)
    for name, file in told["files"].items():
        if "/" in name or name.startswith("."):
            raise Refused(f"清单里的文件名 {name!r} 不对，没有用它。")
        yield name, file["sha256"]
    yield from ((f"disk/{number}.gz", sha256) for number, sha256 in enumerate(told["disk"]["parts"]) if sha256)
