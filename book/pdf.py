"""全书的 PDF：目录里的每一页由 Chromium 打印，接成一本，页码连着，链接跳到书里的那一页。

用法：python book/pdf.py [--only 页名…] [--output 文件]
"""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote, urldefrag

import press

from sockscope import __version__
from sockscope.render.palette import COLOURS
from sockscope.terminal import Parser, speak_chinese

FACE = f"font: 8.5pt sans-serif; color: {COLOURS['soft'][0]}"

# 每一页的锚点换成全书里唯一的名字；每个锚点有一条看不见的链接指着，Chromium 才把它写进 PDF。
ANCHORS = """(name) => {
  const place = document.createElement("nav"), top = document.createElement("span");
  document.querySelector(".bd-article").prepend(top);
  for (const link of document.querySelectorAll('.bd-article a[href^="#"]'))
    link.hash = `#${name}/${decodeURIComponent(link.hash.slice(1))}`;
  for (const target of [top, ...document.querySelectorAll(".bd-article [id]:not(svg *)")]) {
    target.id = `${name}/${target.id}`;
    place.append(Object.assign(document.createElement("a"), {href: `#${target.id}`}));
  }
  place.style.display = "none";
  document.body.append(place);
}"""

NUMBERS = """(numbers) => {
  for (const link of document.querySelectorAll(".toctree-wrapper a")) { // 没有印的一页，目录里也没有
    const number = numbers[link.getAttribute("href").replace(/\\.html$/, "")];
    if (number) link.append(Object.assign(document.createElement("span"), {className: "page", textContent: number}));
    else link.parentElement.remove();
  }
}"""


def main() -> int:
    """做出 PDF；返回退出码，2 是缺少什么。"""
    speak_chinese()
    parser = Parser(description="全书的 PDF，用 Chromium 打印构建好的书。")
    parser.add_argument("--only", nargs="+", default=[], metavar="页名", help="只要这几页，如 chapters/05_closing")
    parser.add_argument("--output", type=Path, default=press.RELEASE / f"sockscope-book-{__version__}.pdf", metavar="文件")
    wanted = parser.parse_args()
    started = time.monotonic()
    try:
        press.build()
        many = bound(wanted.only, wanted.output)
    except press.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    size = wanted.output.stat().st_size / 1e6
    print(f"• PDF：{wanted.output}，{many} 页，{size:.0f} MB，用时 {time.monotonic() - started:.0f} 秒")
    return 0


def bound(only: list[str], output: Path) -> int:
    """打印、接起来、写下；返回一共几页。"""
    try:
        from pypdf import PdfReader, PdfWriter
    except ImportError:
        raise press.Missing("缺少 pypdf：运行 make，它会把环境建好。") from None
    sheets, numbers, at = [], {}, 1
    with press.press() as page:
        for leaf in press.leaves(page):
            if only and leaf.name not in only:
                continue
            print(f"  {leaf.title}", flush=True)
            numbers[leaf.name] = at
            sheets.append((leaf, PdfReader(io.BytesIO(printed(page, leaf.name, leaf.title, at)))))
            at += len(sheets[-1][1].pages)
        front = PdfReader(io.BytesIO(printed(page, "index", "", 0, numbers)))
    book = PdfWriter()
    book.append(front, outline_item="目录", import_outline=False)
    part = None
    for leaf, sheet in sheets:
        offset = len(book.pages)
        book.append(sheet, import_outline=False)
        if leaf.part:
            part = book.add_outline_item(title=leaf.part, page_number=offset)
        outline(book, sheet, offset, part)
    relink(book)
    respell(book)
    book.set_page_label(0, len(front.pages) - 1, style="/r")
    book.set_page_label(len(front.pages), len(book.pages) - 1, style="/D", start=1)
    book.add_metadata({"/Title": "看得见的套接字", "/Author": "本书作者", "/Subject": f"sockscope {__version__}"})
    book.root_object[name_object("/Lang")] = text_object("zh-CN")
    book.compress_identical_objects()
    output.parent.mkdir(parents=True, exist_ok=True)
    book.write(output)
    return len(book.pages)


def printed(page: Any, name: str, title: str, start: int, numbers: dict[str, int] | None = None) -> bytes:
    """一页书的 PDF；第一张纸的页码是 ``start``，0 是没有页码。"""
    press.open_leaf(page, name)
    page.evaluate(ANCHORS, name)
    if numbers is not None:
        page.evaluate(NUMBERS, numbers)
    if start:
        head = title.replace("\\", "\\\\").replace('"', '\\"')
        page.add_style_tag(content=f"""@page {{ @top-right {{ content: "{head}"; {FACE}; }}
            @bottom-center {{ content: counter(page); {FACE}; }} }}
            @page :first {{ counter-set: page {start}; @top-right {{ content: ""; }} }}""")
    return page.pdf(prefer_css_page_size=True, outline=True, tagged=True, print_background=True)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- 书签与链接

def outline(book: Any, sheet: Any, offset: int, parent: Any) -> None:
    """一页书自己的书签（它的各级标题），挂在它那一部分下面。"""
    def hang(items: Iterable[Any], above: Any) -> None:
        last = above
        for item in items:
            if isinstance(item, list):
                hang(item, last)
            elif (number := sheet.get_destination_page_number(item)) is not None and number >= 0:
                last = book.add_outline_item(title=item.title.removesuffix("#"), page_number=offset + number, parent=above)

    hang(sheet.outline, parent)


def relink(book: Any) -> None:
    """指向书里别的页的链接，换成跳到那一处；书里没有印的，只留下字。"""
    from pypdf.generic import ArrayObject
    names = {str(name) for name in book.get_named_dest_root()[::2]}
    home = press.HTML.as_uri() + "/"
    for page in book.pages:
        kept = [note for note in page.get("/Annots", []) if aimed(note.get_object(), home, names)]
        page[name_object("/Annots")] = ArrayObject(kept)


def aimed(note: Any, home: str, names: set[str]) -> bool:
    """一条链接指好了没有；返回它要不要留下。"""
    action = note.get("/A", {})
    address = str(action.get("/URI", ""))
    if not address.startswith(home):
        return True
    path, anchor = urldefrag(unquote(address.removeprefix(home)))
    target = f"{path.removesuffix('.html')}/{anchor}"
    if target not in names:
        return False
    del note["/A"]
    note[name_object("/Dest")] = text_object(target)
    return True


# 部首，字：NFKC 不换，或者换成了繁体的
SIMPLIFIED = ("⺟母⺠民⻁虎⻄西⻅见⻆角⻉贝⻋车⻓长⻔门⻘青⻙韦⻚页⻛风"
              "⻜飞⻝食⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻬齐⻮齿⻰龙⻳龟⼾户")
WORDS = dict(zip(SIMPLIFIED[::2], SIMPLIFIED[1::2], strict=True))
RADICAL = re.compile(rb"(?<=> <)(2[EF][0-9A-Fa-f]{2})(?=>\s*$)", re.MULTILINE)


def respell(book: Any) -> None:
    """Chromium 把“一”“用”这样的字记成了康熙部首，字形相同而编码不同：换回来，搜索和复制才是读者的那个字。"""
    def written(found: re.Match[bytes]) -> bytes:
        radical = chr(int(found[1], 16))
        return f"{ord(WORDS.get(radical) or normalize('NFKC', radical)):04X}".encode()

    for thing in book._objects:
        table = thing.get("/ToUnicode") if isinstance(thing, dict) and thing.get("/Type") == "/Font" else None
        if table is not None and (new := RADICAL.sub(written, old := table.get_object().get_data())) != old:
            table.get_object().set_data(new)


def name_object(text: str) -> Any:
    from pypdf.generic import NameObject
    return NameObject(text)


def text_object(text: str) -> Any:
    from pypdf.generic import TextStringObject
    return TextStringObject(text)


if __name__ == "__main__":
    sys.exit(main())
