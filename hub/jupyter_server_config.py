"""学生的服务器：与 ``make serve`` 同样的设置，书是构建好的一本，另外打开 nbgrader 的作业列表。

``JUPYTER_CONFIG_PATH`` 里有本文件所在的文件夹时生效；命令行、JupyterHub 和学生自己的设置优先。
"""

import os
from pathlib import Path

from sockscope.serve.__main__ import IDLE, TEACHERS

HERE = Path(__file__).parent
BOOK = Path(os.environ.get("SOCKSCOPE_BOOK", HERE.parent))
ASSIGNMENTS = "nbgrader.server_extensions.assignment_list"

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.Door.book = str(BOOK / "_build" / "html")
c.ServerApp.open_browser = False
c.ServerApp.jpserver_extensions = {**dict.fromkeys(TEACHERS, False), "sockscope.serve": True, ASSIGNMENTS: True}
c.ServerApp.contents_manager_class = "sockscope.serve.contents.ReadersFiles"
c.ServerApp.default_url = "/lab"
c.MappingKernelManager.cull_idle_timeout = IDLE
c.MappingKernelManager.cull_connected = False
c.MappingKernelManager.cull_busy = False
c.KernelManager.transport = "ipc"  # 不用 TCP 的端口：同一台机器上几个人同时起内核会抢同一个，别人也连得上
c.LabApp.app_settings_dir = str(HERE / "lab")
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
