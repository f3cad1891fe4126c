"""``make serve``：在本机打开 JupyterLab 和书；书在后台构建。

读者自己的 Jupyter 配置（密码、端口、语言）与这里无关，也不会被改动：设置都放在虚拟环境里。
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

from sockscope import places
from sockscope.terminal import Parser, lacking, speak_chinese

PORT = 8888
IDLE = 30 * 60    # 秒：没有页面连着的内核，闲了这么久就结束；开着的标签页里的从不结束

EPILOG = f"""没有写 --port 时，{PORT} 被占用就换一个空闲的，以打印的地址为准。
没有页面连着、闲了 {IDLE // 60} 分钟的内核会自己结束；标签页还开着的，正在运行的，都不会。
从 make 传参数：make serve ARGS="--port 9000"，make serve ARGS=--help。"""

# 教师的工具，和它带来的旧界面：不摆在读者面前（浏览器里的一半在 lab/page_config.json 里关掉）
TEACHERS = ["notebook", *(f"nbgrader.server_extensions.{part}" for part in (
    "formgrader", "validate_assignment", "assignment_list", "course_list"))]


def arguments(root: Path, port: int, ip: str = "127.0.0.1", *, retries: int = 50, build: bool = False,
              browser: bool = False, teacher: bool = False) -> list[str]:
    """给 JupyterLab 的全部设置。令牌每次新生成；写在这里不会出现在进程列表里。``teacher`` 为真，教师的那一份也看得见。"""
    own = Path(sys.prefix) / "share" / "sockscope"
    return [
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.ip={ip}",
        f"--ServerApp.port={port}",
        f"--ServerApp.port_retries={retries}",    # 被占用时换一个，打印的地址以实际的为准
        f"--IdentityProvider.token={secrets.token_hex(16)}",
        f"--Door.build={build}",
        f"--Door.browser={browser}",
        "--ServerApp.open_browser=False",
        *([] if teacher else ["--ServerApp.contents_manager_class=sockscope.serve.contents.ReadersFiles"]),
        "--ServerApp.allow_root=True",
        "--ServerApp.answer_yes=True",
        "--ServerApp.jpserver_extensions=sockscope.serve=True",
        *(f"--ServerApp.jpserver_extensions={name}=False" for name in TEACHERS),
        "--Application.log_level=WARN",
        f"--MappingKernelManager.cull_idle_timeout={IDLE}",
        "--MappingKernelManager.cull_connected=False",
        "--MappingKernelManager.cull_busy=False",
        f"--LabApp.app_settings_dir={places.PACKAGE / 'serve' / 'lab'}",
        f"--LabApp.user_settings_dir={own / 'settings'}",
        f"--LabApp.workspaces_dir={own / 'workspaces'}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]


def lab_app() -> Any:
    """导入 JupyterLab；不做它在导入时做、这里又用不上的两件事，两秒因此省下来。"""
    sys.modules.setdefault("rfc3987_syntax", None)    # type: ignore[arg-type]  # 核对国际化网址的文法，导入时要编译一秒多
    import jupyterlab.commands

    # 它运行 node，问重建 Lab 时去哪里下载
    jupyterlab.commands._yarn_config = lambda _logger: {"yarn config": {}, "npm config": {}}
    from jupyterlab.labapp import LabApp
    return LabApp


def serve(root: Path, port: int = PORT, ip: str = "127.0.0.1", *, retries: int = 50, build: bool = False,
          browser: bool = False, teacher: bool = False) -> None:
    """在 ``root`` 上启动 JupyterLab 与书，直到 Ctrl + C；``port`` 为 0 时由内核挑。地址由扩展在听好之后打印。"""
    os.environ["JUPYTER_CONFIG_DIR"] = str(Path(sys.prefix) / "etc" / "jupyter")
    app = lab_app()
    from jupyter_server.serverapp import ServerApp  # 在 lab_app 之后：它也导入那份文法

    app.launch_instance(argv=arguments(root, port, ip, retries=retries, build=build, browser=browser, teacher=teacher))
    ServerApp.instance().web_app.settings["sockscope_door"].builder.stop()
    sys.stdout.flush()
    os._exit(0)  # 该收拾的它都收拾了；处理请求的线程却可能还在等活（anyio），解释器会一直等它们


# ---------------------------------------------------------------- 命令行

def main() -> None:
    speak_chinese()
    asked = parser().parse_args()
    root = Path.cwd()
    if not (root / "_toc.yml").exists():
        raise SystemExit("请在仓库的根目录里运行 make serve。")
    if said := lacking("book", "jupyterlab", "jupyter_server", "jupyter_book"):
        raise SystemExit(f"打开书要用的{said}")
    if refusal := refused(asked.ip, asked.port):
        raise SystemExit(refusal)
    if not ipaddress.ip_address(asked.ip).is_loopback:
        print(f"• 注意：{asked.ip} 不只对本机开着。拿到令牌的人能在这台机器上运行任何程序，而令牌在网络上不加密地传。",
              flush=True)
    print("• 启动 JupyterLab", flush=True)
    serve(root, asked.port or PORT, asked.ip, retries=0 if asked.port else 50, build=True,
          browser=asked.browser and has_display(), teacher=asked.teacher)


def parser() -> argparse.ArgumentParser:
    """命令行的参数。"""
    found = Parser(prog="python -m sockscope.serve", description="在本机打开 JupyterLab 和书；书在后台构建。", epilog=EPILOG)
    found.add_argument("--port", type=_port, metavar="端口", help=f"只用这个端口；缺省从 {PORT} 找起")
    found.add_argument("--ip", type=_ip, default="127.0.0.1", metavar="地址",
                       help="在这个地址上听，缺省 127.0.0.1，只有本机打得开；在容器里用 0.0.0.0")
    found.add_argument("--no-browser", dest="browser", action="store_false", help="不打开浏览器，只打印地址")
    found.add_argument("--teacher", action="store_true", help="教课的人：文件里也有范例和样品答卷（teacher/）")
    return found


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"端口是 1 到 65535 的整数，不是 {text}")
    return int(text)


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"要一个 IP 地址，如 127.0.0.1，不是 {text}") from None


def refused(ip: str, port: int | None) -> str:
    """在 ``ip`` 的 ``port``（None 是随便哪个）上听不成，说出为什么和怎么办；听得成则为空串。"""
    try:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as trial:
            if os.name == "posix":    # 与服务器自己听的时候一样；Windows 上这个选项是另一个意思
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((ip, port or 0))
    except OSError as error:
        return _because(error, ip, port)
    return ""


def _because(error: OSError, ip: str, port: int | None) -> str:
    if error.errno == errno.EADDRINUSE:
        return (f"端口 {port} 已经有别的程序在用（也许是另一个没有关的 make serve）：结束它，或用 --port 换一个；"
                "不写 --port，就找一个空闲的。")
    if error.errno == errno.EACCES:
        return f"没有权限使用端口 {port}；请换一个 1024 以上的。"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"这台机器没有 {ip} 这个地址；--ip 写它自己的一个地址，或 0.0.0.0。"
    return f"不能在 {ip} 上听：{error.strerror or error}。"


def has_display() -> bool:
    """这台机器有没有图形界面可以打开浏览器。"""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


if __name__ == "__main__":
    main()
