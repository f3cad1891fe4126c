"""``/sockscope/compare``：书页上的“你的内核与书”。GET 问进展，POST 开始，DELETE 停下；同时只有一次。"""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from sockscope.widgets.kernel_panel import Job

__all__ = ["CompareHandler"]


class CompareHandler(APIHandler):
    """回答总是面板的状态（``kernel_panel.State``）。"""

    auth_resource = "kernels"

    def initialize(self, job: Job) -> None:
        self.job = job

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.finish(self.job.state)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        self.job.start()
        self.finish(self.job.state)

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        self.job.stop()
        self.finish(self.job.state)
