"""编译一格 C，得到一个共享库和编译器说的话。

批改时由 ``runner`` 装入，在一间自己的牢房里：没有网，没有考官的文件，时间、内存、磁盘都有上限，``#include``、
``.incbin`` 看得见的只有系统的头文件。在 JupyterLab 里由 ``%%c`` 直接叫。只用标准库里最小的一部分。
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["build"]

# 老的编译器只是提醒，新的（GCC 14）算错误；在哪台机器上都一样，才公平
SAME = [f"-Werror={name}" for name in ("implicit-function-declaration", "implicit-int", "int-conversion",
                                       "incompatible-pointer-types")]
FLAGS = ("-std=gnu17", "-Wall", "-O1", "-fPIC", "-shared", "-pthread", "-Wl,-Bsymbolic", "-D_GNU_SOURCE=1", *SAME)
LIMITED = 'ulimit -t 5; ulimit -v 1048576; ulimit -f 2048; exec "$@"'  # 处理器五秒，内存一 GB，文件一 MB
SAID = 16_000  # 编译器的话最多留多少，字节
LARGEST = 400_000  # 共享库最大，字节：它要写成一句话交回去
TOO_LARGE = "编好的程序太大"


def build(cc: str, name: str, text: str, headers: Iterable[tuple[str, str]], folder: str) -> tuple[bytes, str]:
    """在 ``folder``（以 ``/`` 结尾）里编译；返回共享库（没有编成则为空）和编译器的话。

    ``headers`` 是头文件的名字与全文；它们也接在 ``text`` 的后面，好让编译器核对原型。
    """
    for file, content in headers:
        put(folder + file, content)
    checked = "".join(f'\n\n#include "{file}"\n' for file, _ in headers)
    put(f"{folder}{name}.c", text + checked)
    target, said = f"{folder}{name}.so", f"{folder}said"
    null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    words = ["/bin/sh", "-c", LIMITED, "sh", cc, *FLAGS, "-I", folder, "-o", target, f"{folder}{name}.c"]
    told = os.POSIX_SPAWN_OPEN, 2, said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
    running = os.posix_spawn(words[0], words, {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TMPDIR": folder},
                             file_actions=[*null, told])
    failed = os.waitpid(running, 0)[1]
    remarks = take(said, SAID).decode("utf-8", "replace")
    library = b"" if failed else take(target, LARGEST + 1)
    return (b"", TOO_LARGE) if len(library) > LARGEST else (library, remarks)


def put(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def take(path: str, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return b""


def main(task: dict[str, Any], channel: Any, _questions: Any) -> None:
    try:
        library, said = build(task["cc"], task["cell"], task["text"], task["headers"], task["folder"])
    except OSError as error:  # 牢房里没有这个编译器
        library, said = b"", str(error)
    channel.say(returned={"tuple": [{"bytes": library.hex()}, {"value": said}]})
