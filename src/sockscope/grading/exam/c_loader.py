"""在学生的进程里装入编好的一格 C；它的文字接在考官的适配前面，由 ``runner`` 执行，所以不导入本包。"""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False  # 与 runner 一样，不导入 typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class LinkError(Exception):
    """装不进来，或者没有约定的函数。"""


def opened(library: bytes, path: str) -> Callable[..., Any]:
    """装入共享库，返回取函数的 ``native(名字, 返回类型, 参数类型……)``；文件随即删去。"""
    with open(path, "wb") as file:
        file.write(library)
    try:
        loaded = ctypes.CDLL(path, ctypes.RTLD_GLOBAL, use_errno=True)
    except OSError as error:
        lacking = str(error).partition("undefined symbol: ")[2]
        raise LinkError(f"用了 {lacking}，可是前面没有哪一格 C 定义它" if lacking else f"装不进来：{error}") from None
    finally:
        os.unlink(path)
    libc = ctypes.CDLL(None)
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, 1, ctypes.c_size_t(0))  # 打印一行，交出一行

    def native(function: str, result: Any, *arguments: Any) -> Any:
        try:
            found = loaded[function]
        except AttributeError:
            raise LinkError(f"没有定义 {function}()") from None
        found.restype, found.argtypes = result, arguments
        return found
    return native


def failure() -> OSError:
    """C 的函数刚刚留下的 errno，写成异常。"""
    return OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
