"""拴着的子进程：``python leash.py 程序 参数…``。启动它的一方怎样结束（哪怕是 kill -9），它都跟着结束。

工作原理
--------
标准输入是一根管道，启动它的一方握着另一端。那一端没了，read() 就返回：连同全部后代一起杀死，它们在同一个进程组里。
优先级比别人低：读者在等的是服务器。
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    if hasattr(os, "setpgrp"):
        os.setpgrp()
        os.nice(10)
    low = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)    # 只有 Windows 有
    child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.DEVNULL, creationflags=low)
    threading.Thread(target=follow, args=(child,), daemon=True).start()
    return child.wait()


def follow(child: subprocess.Popen[bytes]) -> None:
    """等到管道的另一端没了，一起结束。"""
    while os.read(0, 1):
        pass
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    child.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
