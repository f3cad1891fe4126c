"""第 13 章的场面：每个都有四步，决策树走得到每一个，也只走到它们。"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sockscope.pages import scenes
from sockscope.pages.tools import named

CHAPTER = Path(__file__).parents[2] / "chapters" / "13_production.ipynb"
SCENES = list(scenes.scenes().values())
STEPS = scenes.steps()


def sections() -> dict[str, str]:
    """章里“实验”之下，三级标题 → 那一节的全部文字和程序。"""
    text = "\n".join("".join(cell["source"]) for cell in json.loads(CHAPTER.read_text())["cells"])
    (inside,) = re.findall(r"^## 实验$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    _, *parts = re.split(r"^### ", inside, flags=re.MULTILINE)
    return {title: rest for title, _, rest in (part.partition("\n") for part in parts)}


def test_every_section_is_a_scene_in_the_same_order():
    assert list(sections()) == [scene.title for scene in SCENES]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_scene_shows_its_log_its_tools_its_figure_and_its_cure(scene):
    section = sections()[scene.title]
    places = [section.index(f"**{step}**") for step in ("日志", "工具", "图", "治法")]
    assert places == sorted(places)
    assert f'log("{scene.name}")' in section
    shown = re.findall(r'tool\("([^"]+)"\)', section)
    assert shown
    assert set(shown) <= set(named())
    assert re.search(r"^explorer\(", section, re.MULTILINE)
    assert scene.lines


def leaves(name: str) -> list[str]:
    """从这一步走得到的场面。"""
    return [leaf for answer in STEPS[name].answers for leaf in ([answer.scene] if answer.scene else leaves(answer.step))]


def test_the_tree_leads_to_every_scene_and_to_nothing_else():
    assert set(leaves(next(iter(STEPS)))) == set(scenes.scenes())


def test_every_step_but_the_root_is_reached_once():
    reached = [answer.step for step in STEPS.values() for answer in step.answers if answer.step]
    assert sorted(reached) == sorted(list(STEPS)[1:])


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.name)
def test_an_answer_leads_to_one_place(step):
    assert len(step.answers) >= 2
    assert all(bool(answer.scene) != bool(answer.step) for answer in step.answers)


def test_the_tree_links_to_the_sections():
    shown = scenes.tree()
    assert shown.html.count('<a href="../chapters/13_production.ipynb#') == len(leaves("where"))
    assert "→ 被忘掉的连接" in repr(shown)


def test_the_pages_count_the_scenes_right():
    pages = (CHAPTER, CHAPTER.parents[1] / "book" / "symptoms.ipynb")
    assert len(SCENES) == 19
    assert all("十九个场面" in page.read_text() for page in pages)
