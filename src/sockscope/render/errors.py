"""错误码的意思：全书与图上只有这一张表，``errors.toml``。"""

from __future__ import annotations

import errno
import os
import tomllib
from dataclasses import dataclass
from functools import cache

from sockscope.places import PACKAGE

__all__ = ["ALIASES", "TIMEOUT", "TLS", "Error", "errors", "phrase"]

ALIASES = {"ENOTSUP": "EOPNOTSUPP", "EWOULDBLOCK": "EAGAIN"}  # Linux 里是同一个数
TIMEOUT = "timeout"  # 不是 errno 的失败：Python 的 TimeoutError
TLS = {  # 也不是 errno：OpenSSL 说的
    "CERTIFICATE_VERIFY_FAILED": "证书靠不住。这是 OpenSSL 说的，不是内核：签发的人不认得，名字不符，或者过期了。",
    "UNEXPECTED_EOF_WHILE_READING": "对端没有说 TLS 的再见就关了连接。这是 OpenSSL 说的，不是内核：FIN 不加密，谁都可以替它发。",
}


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
    if name in TLS:
        return TLS[name]
    if error := errors().get(ALIASES.get(name, name)):
        return f"{error.says}。{error.why}".replace("`", "")
    number = getattr(errno, name, None)
    return f"内核的说法是“{os.strerror(number)}”。" if number else "内核拒绝了这次调用。"
