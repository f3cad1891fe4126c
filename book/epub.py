"""全书的电子书（EPUB 3）：目录里的每一页是一份 XHTML，图是各自带着样式的 SVG，没有脚本。

内容与纸上的一样：交互实验是缺省的那张图，写明变体和命令；题的答案在每一页的最后。

用法：python book/epub.py [--only 页名…] [--output 文件]
"""

from __future__ import annotations

import base64
import posixpath
import re
import sys
import time
import uuid
import zipfile
from datetime import UTC, datetime
from html import escape
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import press
import tinycss2

from sockscope import __version__
from sockscope.render.palette import COLOURS, PAGE, ROLES
from sockscope.terminal import Parser, speak_chinese

sys.path.insert(0, str(press.ROOT / "book" / "ext"))
from trim import NAME, kept

TITLE, AUTHOR = "看得见的套接字", "本书作者"
XHTML = "http://www.w3.org/1999/xhtml"
WRAP = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="zh-CN" xml:lang="zh-CN">
<head><meta charset="UTF-8"/><title>{title}</title><link rel="stylesheet" href="{up}book.css"/></head>
<body>{body}</body>
</html>
"""
CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
COVER = """<body style="margin:0;display:flex;flex-direction:column;justify-content:center;height:100vh;padding:0 90px;
box-sizing:border-box;font-family:system-ui,'Noto Sans CJK SC',sans-serif;background:{paper};color:{ink}">
<img src="{logo}" style="width:190px"><h1 style="font-size:104px;margin:60px 0 30px">{title}</h1>
<p style="font-size:44px;line-height:1.6;color:{soft}">真实的套接字，真实的内核，真实的包。</p></body>"""


def main() -> int:
    """做出电子书；返回退出码，2 是缺少什么。"""
    speak_chinese()
    parser = Parser(description="全书的电子书（EPUB 3），由构建好的书做成。")
    parser.add_argument("--only", nargs="+", default=[], metavar="页名", help="只要这几页，如 chapters/05_closing")
    parser.add_argument("--output", type=Path, default=press.RELEASE / f"sockscope-book-{__version__}.epub", metavar="文件")
    wanted = parser.parse_args()
    started = time.monotonic()
    try:
        press.build()
        files = made(wanted.only)
    except press.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    packed(files, wanted.output)
    size = wanted.output.stat().st_size / 1e6
    print(f"• EPUB：{wanted.output}，{size:.0f} MB，用时 {time.monotonic() - started:.0f} 秒")
    return 0


def made(only: list[str]) -> dict[str, bytes]:
    """电子书里的全部文件：名字 → 内容。"""
    script, pages, files = (press.ROOT / "book" / "epub.js").read_text(encoding="utf-8"), {}, {}
    with press.press() as page:
        leaves = [leaf for leaf in press.leaves(page) if not only or leaf.name in only]
        files["cover.png"] = cover(page)
        page.emulate_media(media="print")
        for leaf in leaves:
            print(f"  {leaf.title}", flush=True)
            press.open_leaf(page, leaf.name)
            pages[leaf.name] = page.evaluate(script, leaf.name)
            files |= {readable(name): picture(page, name) for name in pages[leaf.name]["images"]}
    paint = light((press.HTML / "_static" / "sockscope" / "figure.css").read_text(encoding="utf-8"))
    for found in pages.values():
        files |= {one["file"]: painted(one["text"], paint).encode() for one in found["figures"]}
    trees = {name: ElementTree.fromstring(found["body"]) for name, found in pages.items()}
    ids = {name: {node.get("id") for node in tree.iter()} for name, tree in trees.items()}
    ElementTree.register_namespace("", XHTML)
    for leaf in leaves:
        resolve(trees[leaf.name], leaf.name, ids, files)
        body = ElementTree.tostring(trees[leaf.name], encoding="unicode")
        files[f"{leaf.name}.xhtml"] = document(leaf.title, body, leaf.name)
    files["book.css"] = stylesheet().encode()
    files["nav.xhtml"] = document("目录", navigation(leaves, pages), "nav")
    files["cover.xhtml"] = document(TITLE, f'<p><img src="cover.png" alt="{TITLE}"/></p>', "cover")
    files["book.opf"] = package(leaves, files).encode()
    return files


def document(title: str, body: str, name: str) -> bytes:
    return WRAP.format(title=escape(title), body=body, up="../" * name.count("/")).encode()


def cover(page: Any) -> bytes:
    """封面：一张 PNG。"""
    page.goto((press.HTML / "index.html").as_uri())
    logo = (press.HTML / "_static" / "logo.svg").as_uri()
    colours = {name: COLOURS[name][0] for name in ("paper", "ink", "soft")}
    page.set_viewport_size({"width": 1200, "height": 1600})
    page.evaluate("html => { document.documentElement.innerHTML = html; }", COVER.format(title=TITLE, logo=logo, **colours))
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    picture: bytes = page.screenshot()
    page.set_viewport_size({"width": 1280, "height": 900})
    return picture


JPEG = """async (url) => {
  const image = Object.assign(new Image(), {src: url}), canvas = document.createElement("canvas");
  await image.decode();
  Object.assign(canvas, {width: image.naturalWidth, height: image.naturalHeight}).getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.85).split(",")[1];
}"""


def readable(name: str) -> str:
    """图片在电子书里的名字：EPUB 3.2 的阅读器不必认识 WebP，换成 JPEG。"""
    return f"{name.removesuffix('.webp')}.jpg" if name.endswith(".webp") else name


def picture(page: Any, name: str) -> bytes:
    file = press.HTML / name
    return file.read_bytes() if readable(name) == name else base64.b64decode(page.evaluate(JPEG, file.as_uri()))


# ---------------------------------------------------------------- 链接

def resolve(tree: ElementTree.Element, name: str, ids: dict[str, set[str | None]], files: dict[str, bytes]) -> None:
    """``book:`` 开头的地址换成电子书里的；书里没有的，只留下字。"""
    for node in tree.iter():
        for attribute in ("href", "src"):
            address = node.get(attribute, "")
            if not address.startswith("book:"):
                continue
            path, _, anchor = address.removeprefix("book:").partition("#")
            target = path.removesuffix(".html")
            if attribute == "src" or path in files:
                node.set(attribute, quote(posixpath.relpath(readable(path), posixpath.dirname(name) or ".")))
            elif target in ids:
                there = posixpath.relpath(f"{target}.xhtml", posixpath.dirname(name) or ".")
                node.set(attribute, there + (f"#{anchor}" if anchor in ids[target] else ""))
            else:
                del node.attrib[attribute]


# ---------------------------------------------------------------- 样式

def stylesheet() -> str:
    """电子书的样式：自己的一份，加上代码的颜色；颜色都写死，老的阅读器不认识 ``var()``。"""
    colours = {name: pair[0] for name, pair in (COLOURS | PAGE).items()}
    colours |= {role: colours[name] for role, name in ROLES.items()}
    own = (press.ROOT / "book" / "epub.css").read_text(encoding="utf-8")
    own = re.sub(r"var\(--ss-(\w+)\)", lambda found: colours[found[1]], own)
    code = (press.HTML / "_static" / "pygments.css").read_text(encoding="utf-8")
    lines = re.findall(r'html\[data-theme="light"\] (\.highlight \.\w+ *\{[^}]*\})', code)
    return own + "\n".join(lines) + "\n"


def light(sheet: str) -> list[Any]:
    """图的样式里亮的、写死的那一半。"""
    rules = []
    for rule in tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule" or "data-" in (chosen := tinycss2.serialize(rule.prelude)):
            continue
        told = [one.serialize() for one in tinycss2.parse_declaration_list(rule.content, skip_whitespace=True)
                if one.type == "declaration" and not one.name.startswith("--") and "var(" not in one.serialize()]
        if told:
            rules += tinycss2.parse_stylesheet(f"{chosen}{{{';'.join(told)}}}")
    return rules


def painted(figure: str, rules: list[Any]) -> str:
    """一张图带上它用得着的样式。"""
    style = "".join(kept(rules, set(NAME.findall(figure))))
    opening, _, rest = figure.partition(">")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}><style>{escape(style, quote=False)}</style>{rest}'


# ---------------------------------------------------------------- 目录与清单

def navigation(leaves: list[press.Leaf], pages: dict[str, Any]) -> str:
    """目录：部分 → 页 → 二级标题。"""
    parts: dict[str, list[str]] = {}
    at = ""
    for leaf in leaves:
        at = leaf.part or at
        inside = "".join(f'<li><a href="{leaf.name}.xhtml#{quote(key)}">{escape(text)}</a></li>' for key, text in
                         pages[leaf.name]["headings"])
        parts.setdefault(at, []).append(f'<li><a href="{leaf.name}.xhtml">{escape(leaf.title)}</a>'
                                        f'{f"<ol>{inside}</ol>" if inside else ""}</li>')
    lines = "".join(f"<li><span>{escape(part or TITLE)}</span><ol>{''.join(inside)}</ol></li>" for part, inside in parts.items())
    return f'<nav epub:type="toc" id="toc"><h1>目录</h1><ol>{lines}</ol></nav>'


def package(leaves: list[press.Leaf], files: dict[str, bytes]) -> str:
    """``book.opf``：书是谁的、有哪些文件、按什么次序读。"""
    roles = {"nav.xhtml": ' properties="nav"', "cover.png": ' properties="cover-image"'}
    kinds = {".xhtml": "application/xhtml+xml"}
    keys = {name: f"f{number}" for number, name in enumerate(files)}
    manifest = "\n".join(f'<item id="{keys[name]}" href="{quote(name)}" media-type="'
                         f'{kinds.get(Path(name).suffix) or guess_type(name)[0]}"{roles.get(name, "")}/>' for name in files)
    order = ["cover.xhtml", "nav.xhtml", *(f"{leaf.name}.xhtml" for leaf in leaves)]
    spine = "\n".join(f'<itemref idref="{keys[name]}"/>' for name in order)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="book" xml:lang="zh-CN">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="book">urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f"sockscope-book-{__version__}")}</dc:identifier>
<dc:title>{TITLE}</dc:title><dc:language>zh-CN</dc:language><dc:creator>{AUTHOR}</dc:creator>
<dc:rights>文字与图：CC BY-SA 4.0，代码：MIT</dc:rights>
<meta property="dcterms:modified">{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""


def packed(files: dict[str, bytes], output: Path) -> None:
    """写成一个 .epub：``mimetype`` 在最前面，不压。"""
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        for name, content in files.items():
            book.writestr(f"EPUB/{name}", content)


if __name__ == "__main__":
    sys.exit(main())
