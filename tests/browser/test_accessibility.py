"""每一页、两种宽度、浅色与深色：axe-core 一处也指不出毛病。折起来的都打开，走近了才做的都做出来。

颜色的对比照“字色、字号、一层一层的底色”归类，每一类查几处：同一类的对比是同一个数，一处一处查要几十倍的时间。
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
EVERY = ["index.html", "search.html", "genindex.html", "404.html", *sorted(
    f"{path.relative_to(ROOT).with_suffix('.html')}" for folder in ("chapters", "book") for path in (ROOT / folder).glob("*.*")
    if path.suffix in {".ipynb", ".md"})]
OFTEN = {"index.html", "search.html", "404.html", "chapters/05_closing.html", "book/symptoms.html", "book/appendix_d.html"}
PAGES = [pytest.param(name, marks=() if name in OFTEN else pytest.mark.soak) for name in EVERY]  # 各种页各一；其余在长跑里
AAA = ("color-contrast-enhanced", "identical-links-same-purpose", "meta-refresh-no-exceptions")  # 这一级不是目标
REST = ("target-size", "label-content-name-mismatch", "css-orientation-lock", "td-has-header")  # axe 缺省不查的
EVERYTHING = {"preload": False, "resultTypes": ["violations"],
              "rules": {**{rule: {"enabled": False} for rule in (*AAA, "color-contrast")},
                        **{rule: {"enabled": True} for rule in REST}}}
COLOURS = {"preload": False, "resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}

RUN = """([context, options]) => axe.run(context ?? document, options).then(({violations}) => violations.flatMap(
  ({id, nodes}) => nodes.map(({html, failureSummary}) =>
    `${id}：${html.slice(0, 160)}　${failureSummary.replace(/\\s+/g, " ").slice(0, 260)}`)))"""

KINDS = """() => {  // 看得见的字，照颜色归类，每一类标出两处
  const met = new Map();
  for (const old of document.querySelectorAll("[data-kind]")) delete old.dataset.kind;
  for (const node of document.body.querySelectorAll("*")) {
    if (!("dataset" in node) || node.namespaceURI.endsWith("svg") || !node.getClientRects().length) continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const {color, fontSize, fontWeight} = getComputedStyle(node), kind = [color, fontSize, fontWeight];
    for (let at = node; at; at = at.parentElement) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(at);
      const plain = backgroundColor === "rgba(0, 0, 0, 0)" && backgroundImage === "none" && opacity === "1";
      if (!plain) kind.push(backgroundColor, backgroundImage, opacity);
    }
    const seen = met.get(kind.join()) ?? 0;
    met.set(kind.join(), seen + 1);
    if (seen < 2) node.dataset.kind = "";
  }
  return met.size;
}"""


WALK = """async () => {  // 从头走到尾，走近了才做的都做出来；页面追着人长，就不走了
  for (let y = 0, steps = 0; y < document.documentElement.scrollHeight; y += innerHeight, steps += 1) {
    if (steps > 1000) throw new Error("这一页走不完：往下走，它就变长");
    scrollTo(0, y);
    await Promise.race([new Promise((seen) => requestAnimationFrame(() => setTimeout(seen))),
                        new Promise((tired) => setTimeout(tired, 2000))]);  // 忙的机器上，一帧也不画的时候有
  }
  scrollTo(0, 0);
}"""
UNFOLD = """() => {  // 折着的打开；查找会打开的，也打开
  const open = () => { for (const fold of document.querySelectorAll("details")) fold.open = true; };
  open();
  dispatchEvent(new KeyboardEvent("keydown", {key: "f", ctrlKey: true}));
  open();
}"""


def settled(page: Page) -> None:
    """全打开，走一遍，等网络静下来。"""
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(UNFOLD)
    page.evaluate(WALK)
    page.wait_for_load_state("networkidle")


def problems(page: Page) -> list[str]:
    """axe 指出的每一处，两种明暗都看。"""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(RUN, [None, EVERYTHING])
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", re.compile(f"{theme}|auto"))  # 404 没有主题的脚本
        assert page.evaluate(KINDS)
        found += [f"{theme} {problem}" for problem in page.evaluate(RUN, [{"include": [["[data-kind]"]]}, COLOURS])]
    return found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(name, width, site, visit):
    page = visit(site + name, width=width).page
    settled(page)
    assert problems(page) == []
