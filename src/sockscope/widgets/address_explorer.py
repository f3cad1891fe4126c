"""地址的字节：输入一个地址，看见交给内核的那段内存；输入一段内存，读回地址。

Lab 里是一个可以打字的部件；书页里没有内核，给几个事先编好的地址，一个脚本也不用。两处的表由同一个函数写出。
"""

from __future__ import annotations

import ctypes
import hashlib
from html import escape
from typing import Any

import anywidget
import traitlets

from sockscope import places
from sockscope.cells.made import made
from sockscope.live.sockaddr import Field, decode, encode, fields, structure_of
from sockscope.pages.prose import marked
from sockscope.render.sheets import Sheeted, sheet

__all__ = ["SAMPLES", "AddressExplorer", "AddressPage", "address_explorer", "view"]

HERE = places.PACKAGE / "widgets"
SHEETS = ("widgets/address_explorer.css",)
SAMPLES = {
    "10.0.0.2:7007": "IPv4 地址和端口", "0.0.0.0:0": "INADDR_ANY，端口随内核挑", "127.0.0.1:80": "INADDR_LOOPBACK",
    "[fd00::2]:7007": "IPv6", "[fe80::1%2]:7007": "IPv6 链路本地，要说哪个网口", "[::ffff:10.0.0.2]:7007": "写成 IPv6 的 IPv4",
    "/tmp/echo.sock": "Unix 域的路径", "@echo": "Unix 域的抽象名字",
}


def view(text: str) -> str:
    """一个地址（或一段十六进制）的字节图，HTML。看不懂时是一句话。"""
    try:
        raw = encode(text)
        found = fields(raw)
    except ValueError as error:
        return f'<p class="sa-error" role="alert">{escape(str(error))}</p>'
    structure = structure_of(raw)
    head = marked(f"`struct {structure.__name__}`，共 {ctypes.sizeof(structure)} 个字节，交给内核 {len(raw)} 个。"
                  f"读回来是 `{decode(raw) or '（空）'}`。")
    strip = "".join(_byte(place, byte, found) for place, byte in enumerate(raw))
    rows = "".join(_row(number, field) for number, field in enumerate(found))
    return (f'<p>{head}</p><div class="sa-bytes" role="img" aria-label="{raw.hex(" ")}">{strip}</div>'
            '<table class="sa-fields"><thead><tr><th>字段</th><th>偏移</th><th>大小</th><th>值</th><th>字节序</th>'
            f"<th>字节</th></tr></thead><tbody>{rows}</tbody></table>")


def _byte(place: int, byte: int, found: list[Field]) -> str:
    number = max(n for n, field in enumerate(found) if field.offset <= place)
    return f'<span class="sa-{number}" title="{escape(found[number].name)}，偏移 {place}"><i>{place}</i>{byte:02x}</span>'


def _row(number: int, field: Field) -> str:
    shown = field.raw if len(field.raw) <= 16 else field.raw[:16]
    more = " …" if len(field.raw) > 16 else ""
    cells = (f"{field.offset}", f"{len(field.raw)}", escape(field.value), field.order,
             f'<span class="sa-mono">{shown.hex(" ")}{more}</span>')
    return (f'<tr><th><b class="sa-{number}"></b><span class="sa-mono">{escape(field.name)}</span></th>'
            + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")


class AddressExplorer(anywidget.AnyWidget):
    """现场的一份：``text`` 是输入框里的字，``html`` 是它的字节图。"""

    _esm = HERE / "address_explorer.js"
    _css = sheet(*SHEETS)

    text = traitlets.Unicode("").tag(sync=True)
    html = traitlets.Unicode("").tag(sync=True)
    samples: traitlets.List[list[str]] = traitlets.List().tag(sync=True)

    def __init__(self, text: str) -> None:
        super().__init__(samples=[list(pair) for pair in SAMPLES.items()])
        self.text = text

    @traitlets.observe("text")
    def _typed(self, change: Any) -> None:
        self.html = view(change["new"])


class AddressPage(Sheeted):
    """静态的一份：每个样例一个单选钮，选中哪个显示哪个，只靠样式表。"""

    SHEETS = SHEETS

    def __init__(self, text: str) -> None:
        self.samples: dict[str, str] = {text: SAMPLES.get(text, text)} | SAMPLES

    def page_html(self) -> str:
        group = "sa" + hashlib.sha256("".join(self.samples).encode()).hexdigest()[:6]
        rules = "".join(f"#{group}-{n}:checked~.sa-panels>:nth-child({n + 1}){{display:block}}" for n in range(len(self.samples)))
        buttons = "".join(
            f'<input type="radio" name="{group}" id="{group}-{n}"{" checked" if n == 0 else ""}>'
            f'<label for="{group}-{n}" title="{escape(why)}">{escape(text)}</label>'
            for n, (text, why) in enumerate(self.samples.items()))
        panels = "".join(f"<section><p><b>{escape(why)}</b></p>{view(text)}</section>" for text, why in self.samples.items())
        return (f'<div class="sa"><style>{rules}</style>'
                f'{buttons}<div class="sa-panels">{panels}</div></div>')

    def __repr__(self) -> str:
        return "\n".join(f"{text}  {encode(text).hex(' ')}" for text in self.samples)


@made(page=AddressPage)
def address_explorer(text: str = "10.0.0.2:7007") -> AddressExplorer:
    """地址的字节图。Lab 里可以打字；书页里换成 ``AddressPage``，静态的几个样例。"""
    return AddressExplorer(text)
