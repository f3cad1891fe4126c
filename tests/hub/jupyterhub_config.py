"""测试用的中枢：仓库里的配置一字不改，只是中枢自己听在一个 Unix 套接字上，前面没有代理。

在 Kubernetes 上（有 ``KUBERNETES_SERVICE_HOST``）没有系统的账户，只有 ``lti.py``：图表用 ``exec`` 运行 ``extraConfig``。
"""

import os
from pathlib import Path

from jupyterhub.proxy import Proxy
from traitlets import Dict

ROOM, HUB = Path(os.environ["SOCKSCOPE_TEST_ROOM"]), Path(os.environ["SOCKSCOPE_TEST_HUB"])
c = get_config()  # type: ignore[name-defined]  # noqa: F821
if "KUBERNETES_SERVICE_HOST" in os.environ:
    exec((HUB / "lti.py").read_text(encoding="utf-8"))
else:
    load_subconfig("jupyterhub_config.py", path=str(HUB))  # type: ignore[name-defined]  # noqa: F821


class NoProxy(Proxy):
    """只记住路由：浏览器直接问中枢。"""

    should_start = False
    routes = Dict()

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return dict(self.routes)


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_bind_url = "http+unix://" + str(ROOM / "hub.sock").replace("/", "%2F")
c.JupyterHub.db_url = f"sqlite:///{ROOM / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(ROOM / "secret")
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
c.ConfigurableHTTPProxy.auth_token = "unused"
