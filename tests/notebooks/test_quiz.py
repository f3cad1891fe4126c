"""预测题：答案来自录制，选项里没有它就拒绝出题。"""

from __future__ import annotations

import pytest

from sockscope.experiments import recording
from sockscope.pages.quiz import outcome, predict

FIRST = {"4": "照样返回 `4`", "EPIPE": "报错"}


def question(choices=FIRST, nth=1):
    return predict("第一次 `send()` 呢？", "closing", outcome("server", "send", nth), choices,
                   because="FIN 只说不再发。", how="close", peer_sends=True)


def test_the_recording_knows_the_answer():
    assert question().right == "4"
    assert question({"5": "照样", "EPIPE": "报错"}, nth=2).right == "EPIPE"


def test_a_question_whose_choices_miss_the_answer_is_refused():
    with pytest.raises(ValueError, match="选项里没有它"):
        question({"5": "照样", "ECONNRESET": "报错"})


def test_one_choice_is_right_and_says_where_it_comes_from():
    html = question()._repr_html_()
    assert html.count('class="right"') == html.count('class="wrong"') == 1
    assert "录制 closing（close.0.1.0）" in html
    assert "<code>send()</code>" in html
    assert "<script" not in html


def test_the_text_form_gives_nothing_away():
    assert "对" not in repr(question())
    assert "EPIPE" not in repr(question())


def explained(wrong, told=None):
    return predict("第一次 `send()` 呢？", "closing", outcome("server", "send"), FIRST, because="FIN 只说不再发，{count} 个包。",
                   wrong=wrong, told=told or (lambda trace: {"count": len(trace.packets)}), how="close", peer_sends=True)


def test_a_wrong_choice_says_why_from_the_recording():
    html = explained({"EPIPE": "录制里有 {count} 个包，`send()` 没有报错。"})._repr_html_()
    packets = len(recording("closing", how="close", peer_sends=True).packets)
    assert f"✗ 不是。录制里有 {packets} 个包" in html
    assert f"{packets} 个包。 <small>" in html


def test_a_reason_for_a_choice_that_is_not_wrong_is_refused():
    for astray in ({"4": "对的"}, {"ECONNRESET": "没有这个选项"}):
        with pytest.raises(ValueError, match="不是答错的选项"):
            explained(astray)
