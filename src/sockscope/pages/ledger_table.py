"""账本的表：说法、裁决、证据，一行一条。颜色之外总有字。

``holds`` 给了，就每条写明凭什么成立，并带上筛选要用的 ``data-``。筛的按钮由 ``book/_assets/ledger.js`` 放上去；
没有脚本时，整张表都在。
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from sockscope.pages.prose import LINK, Block, marked

if TYPE_CHECKING:
    from sockscope.pages.ledger import Claim

__all__ = ["LedgerTable"]

TONES = {"成立": "yes", "不成立": "no", "看系统": "depends"}
HEADS = ("说法", "裁决", "证据")
NO_SCRIPT = ('<noscript><p class="missing">浏览器没有运行脚本，所以这里少了筛选（裁决、凭什么、章、文字）；全部说法都在下面。</p>'
             "</noscript>")


class LedgerTable(Block):
    """若干条说法。内核都相同时只在表下写一次。"""

    def __init__(self, claims: list[Claim], holds: Mapping[str, str] | None = None) -> None:
        self.claims, self.holds = claims, holds
        self.kernels = sorted({claim.kernel for claim in claims})

    def __len__(self) -> int:
        return len(self.claims)

    def page_html(self) -> str:
        head = "".join(f"<th>{text}</th>" for text in HEADS)
        table = (f'<table class="sockscope-table sockscope-ledger"><caption>{escape(self._caption)}</caption>'
                 f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(self._row, self.claims))}</tbody></table>")
        return f'<div class="sockscope-ledger-filter">{NO_SCRIPT}{table}</div>' if self.holds else table

    def _row(self, claim: Claim) -> str:
        verdict = f'<td class="verdict {TONES[claim.verdict]}">{claim.verdict}</td>'
        told = f' data-verdict="{claim.verdict}" data-holds="{claim.holds}" data-chapter="{claim.chapter}"' if self.holds else ""
        return f'<tr id="{claim.name}"{told}><td>{marked(claim.says)}</td>{verdict}<td>{marked(self._why(claim))}</td></tr>'

    def _why(self, claim: Claim) -> str:
        """为什么，见哪里，凭什么成立。"""
        lines = [claim.because, f"见{claim.evidence}" + (f"，{claim.kernel}" if len(self.kernels) > 1 else "")]
        if self.holds:
            lines[1] += f"（第 {claim.chapter} 章）"
            elsewhere = f"。别的系统：{claim.elsewhere}" if claim.elsewhere else ""
            lines.append(f"{self.holds[claim.holds]}：{claim.source}{elsewhere}")
        return "\n".join(lines)

    @property
    def _caption(self) -> str:
        return f"裁决于 {'、'.join(self.kernels)}。"

    def __repr__(self) -> str:
        rows = ([claim.says, claim.verdict, self._why(claim)] for claim in self.claims)
        return "\n".join(LINK.sub(r"\1", "  ".join(row)).replace("\n", "  ") for row in rows)
