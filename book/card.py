"""社交网络上的卡片：书名、一句话，和一张真的图（录制）。python book/card.py 重做 book/_assets/card.png（要 Chromium）。"""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which

from playwright.sync_api import sync_playwright

from sockscope import experiments
from sockscope.render import svg
from sockscope.render.palette import properties
from sockscope.terminal import Parser, speak_chinese

TARGET = Path(__file__).parent / "_assets" / "card.png"
SIZE = {"width": 1200, "height": 630}
PAGE = """<!doctype html><html lang="zh-CN" data-theme="light"><meta charset="utf-8"><style>{colours}
body {{ margin: 0; display: flex; align-items: center; gap: 36px; width: 1200px; height: 630px; overflow: hidden;
  box-sizing: border-box; padding: 0 44px 0 64px; background: var(--ss-ground); color: var(--ss-ink);
  font-family: system-ui, "Noto Sans CJK SC", sans-serif; }}
h1 {{ font-size: 60px; margin: 0 0 24px; white-space: nowrap; }}
p {{ font-size: 28px; line-height: 1.6; margin: 0; color: var(--ss-soft); }}
figure {{ margin: 0; flex: 1; }} svg {{ width: 100%; height: auto; }}</style>
<div><h1>看得见的套接字</h1><p>真实的套接字，<br>真实的内核，<br>真实的包。</p></div><figure>{figure}</figure></html>"""


def main() -> int:
    speak_chinese()
    Parser(description="重做社交网络上的卡片 book/_assets/card.png；要 Chromium。").parse_args()
    browser = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("没有找到 Chromium：apt install chromium 以后再来。", file=sys.stderr)
        return 2
    figure = svg.render(experiments.recording("closing", how="SHUT_WR"))
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport=SIZE)
        page.set_content(PAGE.format(colours=properties(), figure=figure))
        page.screenshot(path=TARGET)
        opened.close()
    print(f"• {TARGET.name}：{TARGET.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
