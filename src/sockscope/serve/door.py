"""服务器在听了之后：打印地址，打开浏览器，在后台开始构建书。"""

from __future__ import annotations

import ipaddress
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any

from traitlets import Bool, Unicode
from traitlets.config import Configurable

from sockscope.serve.builder import Builder

__all__ = ["Door", "root_address"]

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1", "*": "127.0.0.1"}  # 听着全部地址 → 其中的环回


class Door(Configurable):
    """一台服务器的门。设置由命令行写明（``--Door.build=True``），别人的 Jupyter 里都是“否”。"""

    build = Bool(False, config=True, help="没有书、书旧了，就在后台构建")
    browser = Bool(False, config=True, help="服务器在听了就打开浏览器")
    book = Unicode("", config=True, help="构建好的书在哪个文件夹；空着就是 root_dir 里的 _build/html")

    def __init__(self, server: Any) -> None:
        super().__init__(parent=server)
        self.server = server
        self.builder = Builder(Path(server.root_dir), self.build, self.book)

    def open_up(self) -> None:
        """告诉读者两个地址。此刻服务器已经在听。"""
        root = root_address(self.server.ip, self.server.port) + self.server.base_url
        token = f"token={self.server.identity_provider.token}"
        book = f"{root}book/?{token}"
        print(f"\n  书          {book}\n  JupyterLab  {root}lab?{token}\n{self._elsewhere()}\n  按 Ctrl + C 结束。\n", flush=True)
        self.builder.start()
        if self.browser:
            webbrowser.open(book)

    def _elsewhere(self) -> str:
        everywhere = self.server.ip in EVERYWHERE
        return "  在别的机器上，把地址里的主机换成这台机器的名字或地址。\n" if everywhere else ""


def root_address(ip: str, port: int) -> str:
    """在这台机器上打得开的根地址。听着全部地址时，环回也在其中；``ip`` 也可以是名字（Jupyter 缺省的 localhost）。"""
    host = EVERYWHERE.get(ip, ip)
    with suppress(ValueError):
        host = str(ipaddress.ip_address(host))
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
