"""从症状找原因：每一条都连得到讲它的小节，和真的发生过它的录制。"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockscope import experiments
from sockscope.experiments.tools import looks, recorded
from sockscope.pages import errors, ledger, symptoms, tools

ROOT = Path(__file__).parents[2]
CAUSES = [pytest.param(cause, id=f"{symptom.name}-{cause.chapter}-{cause.cell or cause.experiment}")
          for symptom in symptoms.everything() for cause in symptom.causes]
ASKED = ("connection-reset", "broken-pipe", "connection-refused", "timed-out", "unreachable", "port-in-use", "permission-denied",
         "message-too-long", "would-block", "too-many-files", "recv-hangs", "connect-hangs", "close-hangs", "send-hangs",
         "forty-milliseconds", "half-messages", "partial-send", "close-wait", "time-wait")


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_leads_to_a_section_that_proves_it(cause):
    assert all((cause.why, cause.tell, cause.cure, cause.heading))
    if not cause.chapter:  # 线上的事、真程序：那一页上有它
        page = (ROOT / symptoms.PAGES[cause.place]).read_text()
        assert f"# {cause.heading}\\n" in page
        return
    source = next("".join(cell["source"]) for cell in json.loads(ledger.chapters()[cause.chapter].read_text())["cells"]
                  if cell["id"] == cause.cell)
    assert cause.cell in {claim.cell for claim in ledger.claims(cause.chapter)} or "assert " in source


@pytest.mark.parametrize("cause", [c for c in CAUSES if c.values[0].experiment])
def test_a_cause_really_happened(cause):
    wanted = experiments.get(cause.experiment)
    assert cause.trace.parameters == wanted.complete(cause.given)


@pytest.mark.parametrize("symptom", symptoms.everything(), ids=lambda s: s.name)
def test_the_error_in_the_title_is_in_a_recording(symptom):
    """标题里写着错误码的，它的录制里就有一条真的说出它（没有录制的原因不算）。"""
    titled = set(errors.WORD.findall(symptom.says)) & errors.known()
    traces = [cause.trace for cause in symptom.causes if cause.trace]
    if traces and symptom.name != "too-many-files":  # 它在本页的单元格里发生
        assert titled <= {errors.said(call) for trace in traces for call in trace.calls}


def test_names_are_anchors_and_differ():
    names = [symptom.name for symptom in symptoms.everything()]
    assert len(set(names)) == len(names)
    assert set(ASKED) <= set(names)


def test_every_group_is_on_the_page():
    page = "".join("".join(cell["source"]) for cell in json.loads((ROOT / "book" / "symptoms.ipynb").read_text())["cells"])
    for group in symptoms.groups():
        assert f"## {group}" in page, f"book/symptoms.ipynb 里没有“{group}”一节"
        assert f'symptoms("{group}")' in page, f"book/symptoms.ipynb 的“{group}”一节没有列出它的症状"


def test_it_stands_beside_the_chapter_of_production():
    part = (ROOT / "_toc.yml").read_text().split("caption: 线上")[1].split("caption:")[0]
    assert "chapters/1[3-9]_*" in part
    assert "file: book/symptoms" in part


def test_the_command_repeats_the_recording():
    cause = symptoms.everything()[0].causes[0]
    assert cause.command == "python -m sockscope run closing how=close unread=1"
    assert f"$ {cause.command}" in symptoms.symptoms("报错").html


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_says_what_to_run(cause):
    assert cause.run or not cause.experiment, "该运行什么命令"


@pytest.mark.parametrize("cause", [c for c in CAUSES if c.values[0].look])
def test_what_the_tool_said_is_recorded(cause):
    assert recorded(cause.look)


def test_what_a_tool_said_is_labelled_a_recording():
    shown = symptoms.symptoms("报错").html
    assert shown.count("<figcaption>录制，Linux ") == shown.count('<figure class="sockscope-tool">') > 0
    assert "<figcaption>录制，Linux " in tools.tool("growing-tcpdump")._repr_html_()


def test_nothing_else_is_recorded():
    assert set(looks()) == {wanted for wanted, _ in tools.everything()}


def test_there_are_enough_symptoms_and_they_speak_as_programs_do():
    everything = symptoms.everything()
    said = {line.partition("：")[0] for symptom in everything for line in symptom.lines}
    assert len(everything) >= 80
    assert {"nginx", "Java", "Go", "Python", "Node", "Redis", "curl", "systemd", "Docker", "PostgreSQL", "内核"} <= said
    assert all(who and words for symptom in everything for who, _, words in (line.partition("：") for line in symptom.lines))


@pytest.mark.parametrize(("line", "name"), [
    ("java.net.SocketTimeoutException: Read timed out", "program-timeout"), ("i/o timeout", "program-timeout"),
    ("nf_conntrack: table full", "conntrack-full"), ("Possible SYN flooding on port", "syn-flood"),
    ("connect ECONNREFUSED ::1:3000", "localhost-refused"), ("curl: (52) Empty reply from server", "empty-reply"),
    ("upstream prematurely closed connection while reading response header", "empty-reply"),
    ("disconnect while reading sideband packet", "big-ones-stall")])
def test_lines_from_production_lead_to_their_symptom(line, name):
    """公开提问里的原话，一字不差地搜。"""
    assert name in {s.name for s in symptoms.everything() if any(line in said for said in s.lines)}


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="没有“天气”这一类"):
        symptoms.symptoms("天气")
