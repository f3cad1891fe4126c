"""真实的 Firefox，经 WebDriver BiDi 说话（Playwright 开不了发行版里的 Firefox）。只有测试要的几句。"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

NAMES = ["firefox-esr", "firefox"]
PREFERENCES = {
    "app.update.enabled": False, "app.normandy.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "browser.safebrowsing.malware.enabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "services.settings.server": "data:,", "toolkit.telemetry.enabled": False,
}
"""自己往外说话的都关掉。"""
PATIENCE = 600  # 秒；只为不永远等下去


def program() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """一个标签页。"""

    def __init__(self, address: str) -> None:
        self.numbers = itertools.count(1)
        self.socket = websocket.create_connection(f"{address}/session", timeout=PATIENCE, suppress_origin=True)
        self.ask("session.new", capabilities={})
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """说一句，等到回答；不成抛 ``RuntimeError``。"""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.socket.recv())).get("id") != number:
            pass
        if answer["type"] == "error":
            raise RuntimeError(answer["message"])
        return answer["result"]

    def resize(self, width: int, height: int) -> None:
        self.ask("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    def visit(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """表达式（可以是一个 Promise）的值，经 JSON 送回来。"""
        told = self.ask("script.evaluate", expression=f"Promise.resolve({expression}).then(JSON.stringify)",
                        target={"context": self.context}, awaitPromise=True)
        if told["type"] == "exception":
            raise RuntimeError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])


@contextmanager
def opened(path: str) -> Iterator[Firefox]:
    """开一个没有窗口的 Firefox，用一份自己的设置；离开时关掉它。"""
    with tempfile.TemporaryDirectory() as profile:
        lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in PREFERENCES.items())
        (Path(profile) / "user.js").write_text("".join(lines))
        browser = subprocess.Popen([path, "--headless", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_environment(profile))
        try:
            firefox = Firefox(_address(browser))
            yield firefox
            firefox.socket.close()
        finally:
            browser.terminate()
            browser.communicate()


def _environment(home: str) -> dict[str, str]:
    import os

    return {**os.environ, "HOME": home, "MOZ_HEADLESS": "1"}


def _address(browser: subprocess.Popen[str]) -> str:
    """Firefox 说它在哪里听。"""
    assert browser.stderr is not None
    for line in browser.stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise RuntimeError("Firefox 没有启动成功")
