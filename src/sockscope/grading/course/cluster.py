"""交给许多台机器批：现成的 dask 集群，两头都用这门课自己的钥匙（TLS）。工作进程死了，它手里的卷子由别的进程重批。

dask 的调度器和工作进程谁连得上就听谁的，叫它们运行什么都行；没有钥匙的集群等于把账号借给同一个网里的每个人，
所以一概不用。钥匙写在 dask 自己的设置文件里，各台机器用 ``DASK_CONFIG`` 指着它，就都只认这把钥匙。
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distributed import Client, Security, Worker, WorkerPlugin, as_completed

from sockscope.grading.course.marking import Outcome, mark
from sockscope.grading.course.private import MASK, create, folder

__all__ = ["gathered", "make_keys", "security"]

SETTINGS = "distributed.json"  # DASK_CONFIG 指着的文件夹里，dask 读每一个 .json


class Unwatched(WorkerPlugin):
    """叫工作进程别再每 10 毫秒看一眼各个线程停在哪里。

    它看的办法 ``sys._current_frames()`` 在 Python 3.11 里碰上垃圾回收会把整个进程锁死（python/cpython#106883）：
    线程生生灭灭的批改正是那样的场合，几十份里就遇得到。
    """

    def setup(self, worker: Worker) -> None:
        for name in ("profile", "profile-cycle"):
            if callback := worker.periodic_callbacks.pop(name, None):
                callback.stop()


# ---------------------------------------------------------------- 钥匙

def make_keys(keys: Path) -> Path:
    """做一把钥匙，写成 dask 的设置文件，返回它；已经有了则 ``ValueError``。只有自己读得到。"""
    try:
        made = Security.temporary()
    except ImportError:
        raise ValueError("做钥匙要用 cryptography，这里没有装：pip install 'sockscope[cluster]'。") from None
    settings = {"distributed": {
        "comm": {"require-encryption": True, "default-scheme": "tls", "tls": {
            "ca-file": made.tls_ca_file,
            **{role: {"key": getattr(made, f"tls_{role}_key"), "cert": getattr(made, f"tls_{role}_cert")}
               for role in ("scheduler", "worker", "client")}}},
        # /info 那几页是不加密、不认人的 HTTP：一页也不开；看板只能在命令行里用 --no-dashboard 关
        "scheduler": {"http": {"routes": []}},
        "worker": {"http": {"routes": []}, "memory": {"target": False, "spill": False}}}}  # 也不把答卷写到磁盘上
    path = folder(keys) / SETTINGS
    try:
        with create(path) as file:
            json.dump(settings, file, indent=1)
    except FileExistsError:
        raise ValueError(f"{path} 已经有了。要换一把，先删掉它，再把新的拷到每台机器上。") from None
    return path


def security(keys: Path | None) -> Security:
    """钥匙文件夹里的那一把。没有给、没有、别人也读得到，都是 ``ValueError``。"""
    if keys is None:
        raise ValueError("交给集群批要有钥匙：--keys 文件夹。先用 python -m sockscope.grading keys 文件夹 做一把。")
    path = keys / SETTINGS
    if not path.exists():
        raise ValueError(f"{keys} 里没有钥匙。先用 python -m sockscope.grading keys {keys} 做一把。")
    if path.stat().st_mode & MASK:
        raise ValueError(f"{path} 别的用户也读得到，不能再当钥匙：删掉它，重新做一把（拷贝时用 scp -p、cp -p）。")
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["distributed"]["comm"]["tls"]
        return Security(require_encryption=True, tls_ca_file=told["ca-file"], **{
            f"tls_{role}_{part}": told[role][part] for role in ("scheduler", "worker", "client") for part in ("key", "cert")})
    except (OSError, ValueError, LookupError, TypeError):
        raise ValueError(f"{path} 读不出钥匙：打不开，或者不是 keys 命令写的。删掉它，重新做一把。") from None


# ---------------------------------------------------------------- 批

def gathered(work: dict[str, tuple[Any, ...]], scheduler: str, keys: Path | None) -> Iterator[Outcome]:
    """在集群 ``scheduler`` 里批 ``编号 → mark 的参数``，批完一份交出一份。不是 ``tls://`` 的一概不用：``ValueError``。"""
    if not scheduler.startswith("tls://"):
        raise ValueError(f"{scheduler} 没有钥匙把门：连得上它的人，都能用你的账号运行代码。"
                         "请用 tls:// 的调度器；怎样开，见《教师手册》“许多台机器”。")
    ours = security(keys)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            client = Client(scheduler, security=ours)
        except OSError:
            raise ValueError(f"连不上 {scheduler}：地址不对，它没有在运行，或者用的不是同一把钥匙。") from None
        with client:
            yield from _gather(client, work)


def _gather(client: Client, work: dict[str, tuple[Any, ...]]) -> Iterator[Outcome]:
    client.register_plugin(Unwatched())
    waiting = {client.submit(mark, *task, key=key, pure=False, retries=1) for key, task in work.items()}
    for future in as_completed(list(waiting)):
        waiting.remove(future)
        error = future.exception()
        yield future.key, {} if error else future.result(), error
        future.release()
