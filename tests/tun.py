"""自己的 TUN 设备节点：/dev/net/tun 在有的机器上是 0600，普通用户的测试不该看它的脸色。"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MACHINE_S = "/dev/net/tun"


@contextmanager
def own_tun() -> Iterator[str]:
    """一个谁都读得写得的节点的路径；不是 root，造不了节点，就是机器的那一个。"""
    if os.geteuid():
        yield MACHINE_S
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        node = Path(folder) / "tun"
        os.mknod(node, stat.S_IFCHR, os.makedev(10, 200))
        node.chmod(0o666)
        yield str(node)
