"""书里的短句：转义，并把反引号里的名字写成代码。"""

from __future__ import annotations

import re
from html import escape

__all__ = ["marked"]


def marked(text: str) -> str:
    """一句话的 HTML。反引号里的 close() 这样的名字变成 ``<code>``。"""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
