"""``/book/…``：送出构建好的书，并在网页里放下“这里有服务器”的标记。"""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

__all__ = ["BookHandler", "marker"]

MISSING = "书还没有构建。请在仓库里运行 make serve，它会先构建再打开。"


def marker(base: str, xsrf: str) -> str:
    """写进网页的标记：服务器的根地址、运行实验的地址、提交时要带的 XSRF 令牌。"""
    told = {"base": base, "run": f"{base}sockscope/run", "xsrf": xsrf}
    text = json.dumps(told).replace("<", "\\u003c")
    return f'<script id="sockscope-server" type="application/json">{text}</script>'


class BookHandler(JupyterHandler, web.StaticFileHandler):
    """静态文件，要求登录；令牌在地址里时，父类会换成 cookie。目录之外的路径由 tornado 拒绝（403）。"""

    auth_resource = "contents"

    @web.authenticated
    @authorized
    async def get(self, path: str | None = None, include_body: bool = True) -> None:  # type: ignore[override]
        """送出一个文件；网页先加上标记。"""
        if path is None:
            self.redirect(f"{self.base_url}book/?{self.request.query}")
        elif self.get_argument("token", None):
            self.redirect(self.request.path)    # 令牌已换成 cookie，不留在地址栏和历史里
        elif not Path(self.root, "index.html").exists():
            self.set_status(404)
            self.finish(MISSING)
        elif page := self._page(path):
            self.set_header("Content-Type", "text/html; charset=UTF-8")
            self.set_header("Cache-Control", "no-store")    # 标记里的 XSRF 令牌因人而异
            self.finish(self._marked(page))
        else:
            await web.StaticFileHandler.get(self, path, include_body)

    @web.authenticated
    @authorized
    async def head(self, path: str | None = None) -> None:  # type: ignore[override]
        """与 get 相同，只送出头部。"""
        await web.StaticFileHandler.get(self, path or "", include_body=False)

    def _page(self, path: str) -> Path | None:
        """``path`` 若是书里的一个网页，返回它在磁盘上的位置。"""
        root = Path(self.root).resolve()
        file = (root / (path or "index.html")).resolve()
        return file if file.suffix == ".html" and file.is_file() and file.is_relative_to(root) else None

    def _marked(self, page: Path) -> str:
        told = marker(self.base_url, self.xsrf_token.decode())
        return page.read_text(encoding="utf-8").replace("</head>", f"{told}</head>", 1)

    def compute_etag(self) -> str | None:
        """网页是现做的，没有 ETag；别的文件用父类的。"""
        return super().compute_etag() if hasattr(self, "absolute_path") else None

    def set_extra_headers(self, path: str) -> None:
        """开发时书会重新构建：每次都问一下文件是否变了。"""
        self.set_header("Cache-Control", "no-cache")
