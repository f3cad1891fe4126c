"""``make serve``：构建全书，在本机打开书和 JupyterLab。

读者自己的 Jupyter 配置（密码、端口、语言）与这里无关，也不会被改动：设置都放在虚拟环境里。
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

from sockscope.terminal import speak_chinese

# 教师的工具，和它带来的旧界面：不摆在读者面前（浏览器里的一半在 lab/page_config.json 里关掉）
TEACHERS = ["notebook", *(f"nbgrader.server_extensions.{part}" for part in (
    "formgrader", "validate_assignment", "assignment_list", "course_list"))]


def arguments(root: Path, port: int) -> list[str]:
    """给 JupyterLab 的全部设置。令牌每次新生成；写在这里不会出现在进程列表里。"""
    own = Path(sys.prefix) / "share" / "sockscope"
    return [
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=50",    # 被占用时换一个，打印的地址以实际的为准
        f"--IdentityProvider.token={secrets.token_hex(16)}",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--ServerApp.answer_yes=True",
        "--ServerApp.jpserver_extensions=sockscope.serve=True",
        *(f"--ServerApp.jpserver_extensions={name}=False" for name in TEACHERS),
        "--Application.log_level=WARN",
        f"--LabApp.app_settings_dir={Path(__file__).parent / 'lab'}",
        f"--LabApp.user_settings_dir={own / 'settings'}",
        f"--LabApp.workspaces_dir={own / 'workspaces'}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]


def has_display() -> bool:
    """这台机器有没有图形界面可以打开浏览器。"""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def serve(root: Path, port: int = 8888) -> None:
    """在 ``root`` 上启动 JupyterLab 与书，直到 Ctrl + C；``port`` 为 0 时由内核挑。地址由扩展在听好之后打印。"""
    from jupyterlab.labapp import LabApp

    os.environ["JUPYTER_CONFIG_DIR"] = str(Path(sys.prefix) / "etc" / "jupyter")
    os.environ["SOCKSCOPE_OPEN"] = "1" if has_display() else ""
    LabApp.launch_instance(argv=arguments(root, port))
    sys.stdout.flush()
    os._exit(0)  # 该收拾的它都收拾了；处理请求的线程却可能还在等活（anyio），解释器会一直等它们


def main() -> None:
    speak_chinese()
    root = Path.cwd()
    if not (root / "_toc.yml").exists():
        raise SystemExit("请在仓库的根目录里运行 make serve。")
    if status := subprocess.run([sys.executable, "book/build.py"]).returncode:
        raise SystemExit(status)
    print("• 启动 JupyterLab", flush=True)
    serve(root)


if __name__ == "__main__":
    main()
