"""一台 Linux 服务器，一个班：系统里的账户登录，各有自己的进程。

    sudo SOCKSCOPE_BOOK=书的文件夹 jupyterhub -f hub/jupyterhub_config.py

组 ``sockscope`` 里的人进得来，``sockscope-teachers`` 里的是教师。有 systemd 和 jupyterhub-systemdspawner，每个人的内存、
处理器就有上限；没有，就只有内核不许他碰别人的东西。

有 ``SOCKSCOPE_LTI_…`` 这样的设置，就改由教学平台登录（``lti.py``），组还是这两个。
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOOK = Path(os.environ.get("SOCKSCOPE_BOOK", HERE.parent))
IDLE = 3600  # 秒：这么久没有人用的服务器就停掉，笔记本都存着

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
c.LocalAuthenticator.allowed_groups = {"sockscope", "sockscope-teachers"}
c.LocalAuthenticator.admin_groups = {"sockscope-teachers"}
if any(value.strip() for name, value in os.environ.items() if name.startswith("SOCKSCOPE_LTI_")):
    load_subconfig("lti.py", path=str(HERE))  # type: ignore[name-defined]  # noqa: F821

c.Spawner.cmd = [sys.executable, str(HERE / "start.py")]
c.Spawner.notebook_dir = "~/sockscope"
c.Spawner.default_url = "/book/"
c.Spawner.environment = {"JUPYTER_CONFIG_PATH": str(HERE), "SOCKSCOPE_BOOK": str(BOOK)}
c.Spawner.env_keep.extend(["TZ", "SOCKSCOPE_EXCHANGE"])
c.Spawner.start_timeout = 120
c.Spawner.mem_limit, c.Spawner.cpu_limit = "1G", 2.0
if Path("/run/systemd/system").exists() and find_spec("systemdspawner"):
    c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.isolate_tmp = True

c.JupyterHub.load_roles = [{
    "name": "culler", "services": ["culler"],
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"]}]
c.JupyterHub.services = [{
    "name": "culler",
    "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE}"]}]
