"""内核交出来的输出里，哪些留得下：文字，和确实是 PNG 的图。别的都可能是学生的代码冒充的，一样也不要。"""

from __future__ import annotations

import base64
import binascii
import html
import re
import struct
import zlib
from dataclasses import dataclass, field

__all__ = ["Output", "Ran", "picture", "visible"]

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
TEXT = 20_000  # 一格的文字，字
MOST = 60  # 一格的输出，块
PICTURE = 512 << 10  # 一张图，字节
PIXELS = 4 << 20  # 一张图，像素
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # 图要用的块；说明文字、时间、色彩档案都不留
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = ("stdout", "stderr", "error", "text")
ENDINGS = {
    "overtime": "这一格超过了时限，被打断了。",
    "stuck": "这一格超过了时限，而且打不断；后面的没有再运行。",
    "dead": "内核在这一格里没了：os._exit()、崩溃，或超出了限制；后面的没有再运行。",
    "deaf": "内核与外面断开了：一句话说得太长，或关掉了自己的套接字；后面的没有再运行。",
    "garbled": "这一格运行时，内核说的话看不懂：也许是学生的代码在冒充它。",
}
LOST = {
    "long": "输出太长，后面的没有收。",
    "rich": "输出里还有网页、脚本或别的东西，没有收。",
    "picture": "有一张图不是完好的 PNG，没有收。",
}


@dataclass(frozen=True)
class Output:
    """一块输出：文字已经只剩看得见的字，图已经是一张干净的 PNG。"""

    kind: str
    text: str = ""
    png: bytes = b""

    def html(self) -> str:
        if self.kind == "png":
            return f'<img alt="输出的图" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'
        return f'<pre class="{self.kind}">{html.escape(self.text)}</pre>'


@dataclass
class Ran:
    """一格运行的结果。``ending`` 为空：没有轮到它。"""

    outputs: list[Output] = field(default_factory=list)
    ending: str = ""
    lost: set[str] = field(default_factory=set)
    room: int = TEXT

    def take(self, kind: str, text: str) -> None:
        """收下一块输出；收不下的记一笔。"""
        if len(self.outputs) >= MOST:
            self.lost.add("long")
        elif kind == "png":
            png = picture(text)
            self.outputs += [Output("png", png=png)] if png else []
            self.lost |= set() if png else {"picture"}
        elif kind in KINDS:
            self.outputs.append(Output(kind, visible(text[:self.room])))
            self.lost |= {"long"} if len(text) > self.room else set()
            self.room -= min(len(text), self.room)

    def end(self, ending: str, lost: list[str]) -> None:
        self.ending = ending if ending in ENDINGS else "done"
        self.lost |= set(LOST) & {name for name in lost if isinstance(name, str)}

    def notes(self) -> list[str]:
        """要对教师说的话。"""
        ending = ENDINGS.get(self.ending, "") if self.ending else "没有运行到这一格。"
        return [*([ending] if ending else []), *(LOST[name] for name in sorted(self.lost))]


def visible(text: str) -> str:
    """别人的话：去掉终端的颜色，只留看得见的字；看不见的、能改变书写方向的，都变成一个点。"""
    return "".join(c if c.isprintable() or c in "\n\t\u3000" else "·" for c in ANSI.sub("", text))


def picture(text: str) -> bytes:
    """base64 写成的 PNG，只留图本身；不是完好的 PNG、太大，则为空。"""
    try:
        data = base64.b64decode(text[:2 * PICTURE].replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return b""
    chunks = _chunks(data) if len(data) <= PICTURE else []
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND" or not _whole(chunks):
        return b""
    return SIGNATURE + b"".join(_written(name, body) for name, body in chunks if name in KEPT)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """PNG 的各块（PNG 规范 5.3）；校验和不对、缺一截、多一截，则为空。"""
    found, place = [], len(SIGNATURE)
    if not data.startswith(SIGNATURE):
        return []
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8:place + 8 + length]
        if data[place:place + 12 + length] != _written(name, body):
            return []
        found.append((name, body))
        place += 12 + length
        if name == b"IEND":
            break
    return found if place == len(data) else []


def _written(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _whole(chunks: list[tuple[bytes, bytes]]) -> bool:
    """图像数据解得开，长短与头里说的宽高相符：小小一块压缩数据，解开来可以有几个 GB。"""
    if len(chunks[0][1]) != 13:
        return False
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if not 0 < width * height <= PIXELS or colour not in CHANNELS or depth not in (1, 2, 4, 8, 16):
        return False
    size = height * (1 + (width * depth * CHANNELS[colour] + 7) // 8)
    unpacked = _unpacked(b"".join(body for name, body in chunks if name == b"IDAT"), 2 * size + 4096)
    return len(unpacked) == size or (interlaced == 1 and len(unpacked) > 0)


def _unpacked(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error:
        return b""
