"""颜色只有一处：render/palette.py。别处的 CSS 用它的自定义属性，所以页面上的 SYN 与图上的 SYN 同色。"""

from __future__ import annotations

import re

import pytest

from sockscope import places
from sockscope.render.palette import COLOURS, PACKET_STYLES, PAGE, ROLES, properties, stylesheet

HEX = re.compile(r"(?<![\w&])#(?:[0-9a-fA-F]{3,4}){1,2}\b")
NAMED = re.compile(r"\b(?:rgba?|hsla?|oklch|lab)\((?!0 0 0 /)")  # 黑色的影子不算颜色
USED = re.compile(r"var\(--ss-(\w+)")
DRAWN = ("book/_assets/logo.svg", "book/_assets/favicon.svg")
FILES = sorted(path for pattern in ("src/**/*.css", "src/**/*.js", "src/**/*.html", "src/**/*.py", "book/*.py", "book/ext/*.py",
                                    "book/_assets/*.css", "book/_assets/*.js", "book/_templates/**/*.html")
               for path in places.ROOT.glob(pattern) if path.name != "palette.py")
SHEETS = [path for path in FILES if path.suffix in {".css", ".html"}]
OWN = {"mono"}  # explorer.css 自己的：字体，不是颜色


def named(path) -> str:
    return str(path.relative_to(places.ROOT))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_colour_is_written_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    assert HEX.findall(text) + NAMED.findall(text) == []


@pytest.mark.parametrize("path", SHEETS, ids=named)
def test_every_colour_used_is_in_the_table(path):
    assert set(USED.findall(path.read_text(encoding="utf-8"))) <= {*COLOURS, *PAGE, *ROLES, *OWN}


@pytest.mark.parametrize("name", DRAWN)
def test_the_logo_is_drawn_in_the_same_colours(name):
    text = (places.ROOT / name).read_text(encoding="utf-8")
    drawn = dict(zip(["light", "dark"], text.split("@media"), strict=True))
    for which, theme in enumerate(drawn):
        for kind in ("syn", "data", "fin"):
            assert f".{kind} {{ stroke: {COLOURS[kind][which]} }}" in drawn[theme]


@pytest.mark.parametrize(("which", "theme"), [(0, "light"), (1, "dark")])
def test_the_page_and_the_figure_agree(which, theme):
    themed = f'html[data-theme="{theme}"]'
    for sheet, target in ((properties(), f"{themed},"), (stylesheet(), f"{themed} .sockscope,")):
        block = sheet.partition(target)[2].partition("}")[0]
        assert all(f"--ss-{kind}:{COLOURS[kind][which]};" in block for kind in ("syn", "fin", "rst", "data", "ack"))


def test_each_kind_of_packet_has_its_colour():
    assert {kind: PACKET_STYLES[kind][0] for kind in ("syn", "fin", "rst", "data", "ack")} \
        == {kind: kind for kind in ("syn", "fin", "rst", "data", "ack")}
    assert ROLES["accent"] == "syn"
