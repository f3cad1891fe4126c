"""颜色：字在它的底色上读得清，浅色深色都是（WCAG 1.4.3：4.5 比 1）。"""

from __future__ import annotations

import pytest

from sockscope.render.palette import COLOURS, INKS, PACKET_STYLES, PAGE

EVERY = COLOURS | PAGE
BAR = 0.72  # 状态条盖在纸上，半透明
ON_PAPER = sorted({"ink", "soft", "fin", "rst", "syn", *(colour for colour, *_ in PACKET_STYLES.values())})


def channels(colour: str) -> list[float]:
    return [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]


def light(rgb: list[float]) -> float:
    """相对亮度，WCAG 2 的定义。"""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21():
    assert contrast(channels("#000000"), channels("#ffffff")) == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ON_PAPER)
def test_words_on_paper(name, theme):
    assert contrast(channels(COLOURS[name][theme]), channels(COLOURS["paper"][theme])) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("fill", "ink"), [*INKS.items(), *((fill, "ink") for fill in INKS)])
def test_the_name_of_a_state_on_its_bar(fill, ink, theme):
    paper, colour = channels(COLOURS["paper"][theme]), channels(COLOURS[fill][theme])
    bar = [BAR * top + (1 - BAR) * under for top, under in zip(colour, paper, strict=True)]
    assert contrast(channels(COLOURS[ink][theme]), bar) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "soft", "syn", "data", "fin", "rst", "again", "alive"])
def test_words_on_the_tint(name, theme):
    """代码、提示框、按钮垫着的浅底。"""
    assert contrast(channels(EVERY[name][theme]), channels(EVERY["tint"][theme])) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_a_found_word_stands_out_and_reads(theme):
    """检索标出的字：ink 在 leaving 上。"""
    assert contrast(channels(COLOURS["ink"][theme]), channels(COLOURS["leaving"][theme])) >= 7
