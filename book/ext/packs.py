"""许多段文字打成一包：一个脚本，里面是 zstd 压过的 base64；读者要看哪一包才取，解开它的是 packs.js。

file:// 上浏览器不许取文件，只许载脚本，所以包是脚本。相像的几段（同一个实验的各种变体、一页的图）在一起压，
比各压各的小得多。
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import zstandard

WINDOW = 23  # 回头看 8 MiB：一包里相像的几段离得再远也认得出
LEVEL = 12


def pack(name: str, entries: Mapping[str, object]) -> str:
    """一包：脚本的内容。``entries`` 是 名字 → 写得成 JSON 的东西，名字里没有制表符。"""
    lines = (f"{key}\t{json.dumps(entry, ensure_ascii=False, separators=(',', ':'))}" for key, entry in entries.items())
    how = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW, enable_ldm=True)
    squeezed = zstandard.ZstdCompressor(compression_params=how).compress("\n".join(lines).encode())
    return f"sockscopePacked({json.dumps(name)},{json.dumps(base64.b64encode(squeezed).decode())});\n"


def unpack(script: str) -> dict[str, object]:
    """``pack`` 反过来：名字 → 东西。"""
    squeezed = base64.b64decode(script.rpartition(",")[2].removesuffix(");\n").strip('"'))
    lines = zstandard.ZstdDecompressor().decompress(squeezed).decode().split("\n")
    return {key: json.loads(entry) for key, _, entry in (line.partition("\t") for line in lines)}


def write(folder: Path, name: str, entries: Mapping[str, object]) -> None:
    """写成 ``folder/name.js``；名字里可以有文件夹。"""
    target = folder / f"{name}.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(pack(name, entries), encoding="utf-8")
