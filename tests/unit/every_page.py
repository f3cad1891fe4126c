"""书页里由 sockscope 做成的一切，各算一个摘要，写成 JSON：在哪个系统上都应当相同。"""

import functools
import hashlib
import json
import pkgutil
import sys

import sockscope
from sockscope import experiments
from sockscope.cells.made import construct
from sockscope.experiments.ch11.option_list import LEVELS
from sockscope.live import Unavailable, capability
from sockscope.pages.errors import index
from sockscope.pages.hub import class_at_once, memory, needs
from sockscope.pages.ledger import beliefs, chapters, edges, everything
from sockscope.pages.quiz import outcome, predict
from sockscope.pages.symptoms import contents, groups, symptoms
from sockscope.pages.teaching import exercises, hostility, mutants, speed
from sockscope.pages.terms import glossary
from sockscope.pages.type_table import type_table
from sockscope.widgets.report import describe, payload

LINUX = ("grading",)  # 批改要沙箱


def modules():
    """全部模块，一个一个真的导入。"""
    for module in pkgutil.walk_packages(sockscope.__path__, "sockscope."):
        if module.name.split(".")[1] not in LINUX and not module.name.endswith("__main__"):
            __import__(module.name)


def shown(value):
    """笔记本里的样子。"""
    return (getattr(value, "_repr_html_", None) and value._repr_html_()) or value._repr_markdown_()


def printed(name, *args):
    """由 ``sockscope`` 里的这个函数做成的东西，书页里的那一种。"""
    return shown(construct({"made": name, "args": args}, page=True))


def pages():
    """名字 → 书页里的样子。"""
    for name in experiments.names(recorded=True):
        yield f"explorer {name}", printed("widgets.explorer.explorer", name)
        yield f"describe {name}", json.dumps(describe(name))
    for chapter in chapters():
        yield f"beliefs {chapter}", beliefs(chapter)._repr_html_()
    for level in LEVELS:
        yield f"option_table {level}", printed("pages.option_table.option_table", level)
    yield "measurements", printed("measure.panel.comparison")
    for domain in ("AF_INET", "AF_INET6", "AF_UNIX"):
        yield f"type_table {domain}", type_table(domain, live=False)._repr_html_()
    for group in groups():
        yield f"symptoms {group}", symptoms(group)._repr_html_()
    for table in (contents, glossary, index, everything, edges, exercises, hostility, mutants, speed,
                  class_at_once, memory, needs):
        yield table.__name__, shown(table())
    for text in ("10.0.0.2:7007", "[fd00::2%1]:7007", "/tmp/x.sock", "@abstract"):
        yield f"address {text}", printed("widgets.address_explorer.address_explorer", text)
    yield "quiz", predict("？", "closed_port", outcome("client", "recv"), {"ECONNREFUSED": "拒绝"}, "因为")._repr_html_()


def observed():
    """各实验现场得到什么：做得了的是“实时”，做不了的是“录制”。"""
    return sorted({experiments.get(name).observe().label for name in experiments.names(recorded=True)})


def refusal():
    """现场做一个实验，被拒绝的那句话。"""
    try:
        experiments.get("closing").run()
    except Unavailable as sentence:
        return str(sentence)
    return ""


if __name__ == "__main__":
    modules()
    experiments.Recording.load = functools.cache(experiments.Recording.load)  # 许多页要同一份录制，读一遍就够
    made = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in pages()}
    found = capability()
    told = {"pages": made, "level": found.level, "sentence": found.sentence}
    if sys.platform != "linux":
        told |= {"observed": observed(), "payload": payload("closing", {})["label"], "refusal": refusal()}
    print(json.dumps(told))
