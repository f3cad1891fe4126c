"""错误码的意思：全书与图上只有这一张表，``errors.toml``。"""

from __future__ import annotations

import errno
import os
import tomllib
from dataclasses import dataclass
from functools import cache

from sockscope.places import PACKAGE

__all__ = ["ALIASES", "TIMEOUT", "Error", "errors", "phrase"]

ALIASES = {"ENOTSUP": "EOPNOTSUPP", "EWOULDBLOCK": "EAGAIN"}  # Linux 里是同一个数
TIMEOUT = "timeout"  # 轨迹里唯一不是 errno 的失败：Python 的 TimeoutError


@dataclass(frozen=True)
class Error:
    """一个错误码。``number`` 是 Linux 的号码，``message`` 是读者在终端里看到的那一句（C 的 ``strerror()``）。

    两样都写在词条里，不问这台机器：书讲的是 Linux，在哪里构建都是同一页。``says`` 是意思，``why`` 是多半怎么回事。
    """

    name: str
    number: int
    message: str
    says: str
    why: str


@cache
def errors() -> dict[str, Error]:
    """全部词条，照字母排。字段不对抛 ``TypeError``。"""
    table = tomllib.loads((PACKAGE / "render" / "errors.toml").read_text(encoding="utf-8"))
    return {name: Error(name, **fields) for name, fields in sorted(table.items())}


def phrase(name: str) -> str:
    """一次失败的说明，没有反引号的文字。表里没有的，转述内核的那一句。"""
    if name == TIMEOUT:
        return "到了 settimeout 定的时间。这是 Python 的超时，不是内核的 ETIMEDOUT。"
    if error := errors().get(ALIASES.get(name, name)):
        return f"{error.says}。{error.why}".replace("`", "")
    number = getattr(errno, name, None)
    return f"内核的说法是“{os.strerror(number)}”。" if number else "内核拒绝了这次调用。"
