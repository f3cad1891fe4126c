"""附录 F 由 recordings/kernels/ 里的录制做成：每一处不同都对得上书里的一条录制，两张图都画得出。"""

from __future__ import annotations

import json

import pytest
from bench.matrix import summary

from sockscope import places
from sockscope.pages import kernels
from sockscope.trace import compare, dumps, from_json

MADE_UP = {"experiment": "closing", "says": "只有一处不同"}


def made_up() -> kernels.Kernel:
    """一份编的：closing 的一个变体，轨迹取自另一个变体。"""
    from sockscope import experiments

    one, two = list(experiments.Recording.load("closing").variants.items())[:2]
    told = {"format": kernels.FORMAT, "kernel": "Linux 0.1.2", "package": "0.1.2", "variants": 2, "same": 1,
            "cells": {"all": 3, "different": {"chapters/05_closing.ipynb one-close": "不同"}},
            "differences": [MADE_UP | {"variant": one[0], "trace": json.loads(dumps(two[1]))}]}
    return kernels.load(told, "made-up.json")


def test_a_difference_is_a_sentence_and_two_figures():
    found = made_up()
    page = kernels.Gallery(found)._repr_html_()
    assert page.count("<figure>") == 2
    assert "只有一处不同" in page
    assert "`closing`" in kernels.told(found)
    assert "[05 问题](../chapters/05_closing.ipynb#问题)" in kernels.told(found)
    assert repr(kernels.Gallery(found)).startswith("closing（")


def test_a_file_of_another_format_is_one_sentence():
    with pytest.raises(ValueError, match=r"x\.json 的 format 应为 'sockscope-kernel/1'"):
        kernels.load({}, "x.json")


def test_a_kernel_never_recorded_is_one_sentence():
    with pytest.raises(ValueError, match=r"没有录过内核 0\.9"):
        kernels.differences("0.9")


def test_every_recorded_difference_is_one():
    """写成不同的，今天比起来仍然不同：书上重录过而这里没有，就在这里看见。"""
    for kernel in kernels.kernels():
        for one in kernel.differences:
            assert compare(one.book, one.trace) is not None, f"{kernel.kernel}：{one.experiment}（{one.variant}）"


def test_the_recordings_stay_small():
    assert sum(path.stat().st_size for path in (places.recordings() / "kernels").glob("*.json")) < 1_500_000


def test_one_variant_is_kept_for_each_kind_of_difference(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "RECORDINGS", tmp_path / "kernels")
    from sockscope import experiments

    traces = experiments.Recording.load("closing").variants
    verdicts = {key: {"verdict": "different", "says": "同一种", "trace": json.loads(dumps(trace))}
                for key, trace in traces.items()}
    summary.record("6.1.0-56-amd64", {"kernel": "Linux 6.1.0", "cells": {}, "experiments": {"closing": verdicts}})
    told = json.loads((tmp_path / "kernels/6.1.0.json").read_text(encoding="utf-8"))
    assert [one["variant"] for one in told["differences"]] == [next(iter(traces))]
    assert (told["variants"], told["same"]) == (len(traces), 0)
    assert from_json(told["differences"][0]["trace"]).experiment == "closing"
