"""``/book/…``：送出构建好的书，并在网页里放下“这里有服务器”的标记；还没有书，就送出等候页。"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from sockscope import places
from sockscope.live import capability
from sockscope.render.palette import COLOURS, properties
from sockscope.serve.builder import Builder
from sockscope.serve.policy import POLICY

__all__ = ["BookHandler", "BuilderHandler", "marker", "waiting"]

WAITING = places.PACKAGE / "serve" / "waiting.html"


def marker(base: str, xsrf: str) -> str:
    """写进网页的标记：服务器的根地址、运行实验的地址、提交时要带的 XSRF 令牌，它做不做得了现场实验。"""
    told = {"base": base, "run": f"{base}sockscope/run", "xsrf": xsrf, "live": capability().level == "cable"}
    return f'<script id="sockscope-server" type="application/json">{_in_script(told)}</script>'


def waiting(base: str, state: dict[str, Any]) -> str:
    """等候页：不向别处取任何东西，自己看进度，书有了就重新打开同一个地址。"""
    page = WAITING.read_text(encoding="utf-8")
    for name, text in (("colours", properties()), ("base", html.escape(base)), ("state", _in_script(state))):
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


def notice(lines: list[str]) -> str:
    """放在上一本书每一页的顶上：新的一本没有构建成功。"""
    told = html.escape("\n".join(lines))
    paper, ink = COLOURS["leaving"]
    return (f'<details role="status" style="padding:.5rem 1rem;background:{paper};color:{ink};font-size:.9rem">'
            "<summary>来源改过之后，书没有重新构建成功，这是上一本。点开看原因。</summary>"
            f'<pre style="white-space:pre-wrap;margin:.5rem 0 0;color:inherit;background:none;border:0">{told}</pre></details>')


def _in_script(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")


class BookHandler(JupyterHandler, web.StaticFileHandler):
    """静态文件，要求登录；令牌在地址里时，父类会换成 cookie。目录之外的路径由 tornado 拒绝（403）。"""

    auth_resource = "contents"

    @property
    def content_security_policy(self) -> str:
        """书页自己的策略；谁可以把它放进框里，照 Jupyter 的设置。"""
        return f"{super().content_security_policy}; {POLICY}"

    def initialize(self, path: str, default_filename: str, builder: Builder) -> None:  # type: ignore[override]  # tornado：参数由路由表给
        web.StaticFileHandler.initialize(self, path, default_filename)
        self.builder = builder

    @web.authenticated
    @authorized
    async def get(self, path: str | None = None, include_body: bool = True) -> None:  # type: ignore[override]  # 没有路径时转到首页
        """送出一个文件；网页先加上标记。"""
        if path is None:
            self.redirect(f"{self.base_url}book/?{self.request.query}")
        elif self.get_argument("token", None):
            self.redirect(self.request.path)    # 令牌已换成 cookie，不留在地址栏和历史里
        elif not self.builder.exists:
            self._wait()
        elif page := self._page(path):
            self._finish_page(self._marked(page))
        else:
            await web.StaticFileHandler.get(self, path, include_body)

    @web.authenticated
    @authorized
    async def head(self, path: str | None = None) -> None:  # type: ignore[override]  # tornado 的是普通函数
        """与 get 相同，只送出头部。"""
        await web.StaticFileHandler.get(self, path or "", include_body=False)

    def _wait(self) -> None:
        self.builder.restart_if_gone()
        self.set_status(503)
        self.set_header("Retry-After", "2")
        self._finish_page(waiting(self.base_url, self.builder.state()))

    def _finish_page(self, text: str) -> None:
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")    # 标记里的 XSRF 令牌因人而异
        self.finish(text)

    def _page(self, path: str) -> Path | None:
        """``path`` 若是书里的一个网页，返回它在磁盘上的位置。"""
        root = Path(self.root).resolve()
        file = (root / (path or "index.html")).resolve()
        return file if file.suffix == ".html" and file.is_file() and file.is_relative_to(root) else None

    def _marked(self, page: Path) -> str:
        told = marker(self.base_url, self.xsrf_token.decode())
        text = page.read_text(encoding="utf-8").replace("</head>", f"{told}</head>", 1)
        if failure := self.builder.failure:
            text = re.sub(r"<body[^>]*>", lambda body: body[0] + notice(failure), text, count=1)
        return text

    def compute_etag(self) -> str | None:
        """网页是现做的，没有 ETag；别的文件每次都看内容：父类在进程里记着第一次的，换了书也不知道。"""
        path = getattr(self, "absolute_path", None)
        return None if path is None else f'"{self.get_content_version(path)}"'

    def set_extra_headers(self, path: str) -> None:
        """开发时书会重新构建：每次都问一下文件是否变了。"""
        self.set_header("Cache-Control", "no-cache")


class BuilderHandler(APIHandler):
    """回答书构建到哪里了。"""

    auth_resource = "contents"

    def initialize(self, builder: Builder) -> None:
        self.builder = builder

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """见 ``Builder.state``。"""
        self.finish(self.builder.state())
