"""预测题：先猜，再看。答案由录制算出来，谁也没有把它写进题目里。

没有用现成的测验库：它们要往每一页塞脚本，答案要手写，提示是英文。这里一个选项就是一个 ``<details>``，
不需要脚本，键盘可用，静态书页、Lab、打印出来都一样。
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from sockscope import experiments
from sockscope.cells.made import made_from
from sockscope.pages.prose import Block, marked
from sockscope.trace import Trace

__all__ = ["Question", "outcome", "predict"]



@made_from("text", "choices", "right", "because", "source", "wrong")
@dataclass(frozen=True)
class Question(Block):
    """一道题。``choices`` 是 答案→说法；``right`` 是录制给出的那一个答案；``source`` 说明是哪一条录制；
    ``wrong`` 是 答错的选项→为什么不是它。
    """

    text: str
    choices: dict[str, str]
    right: str
    because: str
    source: str
    wrong: dict[str, str] = field(default_factory=dict)

    def page_html(self) -> str:
        group = hashlib.sha256(self.text.encode()).hexdigest()[:8]
        options = "".join(self._option(f"q{group}", key, label) for key, label in self.choices.items())
        return f'<div class="sockscope-quiz" id="q{group}"><p>{marked(self.text)}</p>{options}</div>'

    def _option(self, group: str, key: str, label: str) -> str:
        right = key == self.right
        verdict = f"✓ 对。{marked(self.because)} <small>{escape(self.source)}</small>" if right \
            else f"✗ 不是。{marked(self.wrong.get(key, '再猜一次，或者往下做实验。'))}"
        return (f'<details name="{group}"><summary>{marked(label)}</summary>'
                f'<p class="{"right" if right else "wrong"}">{verdict}</p></details>')

    def __repr__(self) -> str:
        return "\n".join([self.text, *(f"  {n}. {label}" for n, label in enumerate(self.choices.values(), 1))])


def predict(text: str, experiment: str, answer: Callable[[Trace], Any], choices: dict[str, str],
            because: str, wrong: dict[str, str] | None = None,
            told: Callable[[Trace], dict[str, Any]] | None = None, **values: Any) -> Question:
    """出一道题：在实验 ``experiment`` 的这个变体（``values``）的录制上，``answer`` 算出的就是正确答案。

    ``because`` 说为什么对，``wrong`` 说答错的选项各为什么不对；其中的 ``{名字}`` 由 ``told(录制)`` 给出。
    算出的答案不在 ``choices`` 里，或 ``wrong`` 说的不是答错的选项，说明题目与内核不符，抛 ``ValueError``。
    """
    trace = experiments.recording(experiment, **values)
    right = str(answer(trace))
    if right not in choices:
        raise ValueError(f"录制给出的答案是 {right!r}，而选项里没有它：{'、'.join(choices)}。请改题目，不要改录制。")
    if wrong and (astray := set(wrong) - (set(choices) - {right})):
        raise ValueError(f"wrong 里有不是答错的选项：{'、'.join(sorted(astray))}。正确答案是 {right!r}。")
    seen = told(trace) if told else {}
    key = experiments.get(experiment).key(values)
    return Question(text, choices, right, _filled(because, seen), f"依据：录制 {experiment}（{key}），{trace.kernel}。",
                    {choice: _filled(why, seen) for choice, why in (wrong or {}).items()})


def _filled(text: str, seen: dict[str, Any]) -> str:
    """把 ``{名字}`` 换成录制里的值；没有名字的文字原样。"""
    return text.format(**seen) if seen else text


def outcome(host: str, call: str, nth: int = 1) -> Callable[[Trace], str]:
    """一个算答案的函数：某主机第 ``nth`` 次某种调用的结果，或它的 errno。"""
    def find(trace: Trace) -> str:
        made = [c for c in trace.calls if c.host == host and c.name == call]
        return made[nth - 1].errno or made[nth - 1].result or "成功"
    return find
