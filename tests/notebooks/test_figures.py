"""图的名字全书只有一个：重了，构建就不成，而那要几分钟之后才知道。"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def names() -> list[str]:
    books = (json.loads(path.read_text()) for folder in ("chapters", "book") for path in (ROOT / folder).glob("*.ipynb"))
    return [cell["metadata"]["mystnb"]["figure"]["name"] for book in books for cell in book["cells"]
            if "figure" in cell["metadata"].get("mystnb", {})]


def test_a_figure_name_is_used_once():
    counts = Counter(names())
    assert counts
    assert [name for name, count in counts.items() if count > 1] == []
