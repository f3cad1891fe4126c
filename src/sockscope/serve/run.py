"""``/sockscope/run`` 与 ``/sockscope/ping``：书页请本机内核真的做一次实验。"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from sockscope.live.pace import patience

__all__ = ["PingHandler", "RunHandler", "question"]

LIMIT = 90.0    # 秒；最长的实验是保活与重传，都在一分钟以内
WORKERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="sockscope-run")


def question(body: bytes) -> tuple[str, dict[str, Any], list[str]]:
    """从请求正文读出 (实验名, 参数, 剪掉的包)；不合格式时抛出 ValueError（中文）。"""
    try:
        asked = json.loads(body)
    except ValueError:
        raise ValueError("请求正文不是 JSON。") from None
    if not isinstance(asked, dict):
        raise ValueError("请求正文应当是一个 JSON 对象。")
    name, parameters, drop = asked.get("experiment"), asked.get("parameters", {}), asked.get("drop", [])
    if not isinstance(name, str):
        raise ValueError("缺少 experiment：要运行哪个实验？")
    if not isinstance(parameters, dict):
        raise ValueError("parameters 应当是一个对象：参数名对应取值。")
    if not isinstance(drop, list) or not all(isinstance(one, str) for one in drop):
        raise ValueError("drop 应当是一列包的签名。")
    return name, parameters, drop


def run(name: str, parameters: dict[str, Any], drop: list[str]) -> dict[str, Any]:
    """运行实验，返回 ``report.payload`` 的字典；没有这个实验、参数或包时抛出 ValueError（中文）。"""
    from sockscope import experiments

    wanted = experiments.get(name)
    wanted.complete(parameters)
    from sockscope.widgets.report import payload

    try:
        return payload(name, parameters, drop)
    finally:
        wanted.prepare(drop=drop)


async def within(limit: float, work: Callable[..., Any], *arguments: Any) -> Any:
    """在工作线程里运行 ``work``，至多等 ``limit`` 秒；超时抛出 TimeoutError（线程会自己结束）。"""
    return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(WORKERS, work, *arguments), limit)


class RunHandler(APIHandler):
    """运行一次实验。"""

    auth_resource = "kernels"

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """正文 ``{experiment, parameters, drop}``；回答 ``report.payload`` 的字典。"""
        try:
            self.finish(await within(patience(LIMIT), run, *question(self.request.body)))
        except ValueError as wrong:
            self._refuse(400, str(wrong))
        except FileNotFoundError as missing:    # 这台机器做不了，而这个变体又没有录制
            self._refuse(404, str(missing))
        except TimeoutError as late:    # 实验自己说得出为什么，就用它的话
            self._refuse(504, str(late) or f"实验在 {patience(LIMIT):.0f} 秒内没有结束，已不再等它。")

    def _refuse(self, status: int, message: str) -> None:
        self.set_status(status)
        self.finish({"message": message})


class PingHandler(APIHandler):
    """回答这台机器能做到哪一步。"""

    auth_resource = "kernels"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """``{"live": "实时" | "实时（无抓包）" | "录制"}``。"""
        from sockscope.live import capability
        self.finish({"live": (await within(patience(LIMIT), capability)).label})
