"""《一个班在一台服务器上》里由测量写成的部分：同时上课的快慢与内存，人更多时要多大的机器。

数来自 ``book/measurements/hub.json``（``python -m bench.hub`` 写成）；这里一个数也不另写。
"""

from __future__ import annotations

import math
from typing import Any

from sockscope.cells.made import made
from sockscope.pages.prose import Table
from sockscope.pages.teaching import measured

__all__ = ["class_at_once", "memory", "needs"]

PLACE = "measurements/hub.json"
CLASSES = (30, 100, 500)
SHARE = 4  # 推算里的另一种情形：同一时刻只有几分之一的人按下“运行”
PARTS = {"enter": "登录，服务器起来，打开书的首页", "page": "翻一页书，连同样式和脚本（不用缓存）", "play": "交互实验拨一次",
         "check": "自检一项", "chapter": "第 05 章从头运行到尾", "submit": "交作业"}
TIMES = {"idle": "书开着", "chapter": "运行第 05 章", "together": "书、交互实验、自检同时"}


@made()
def class_at_once() -> Table | None:
    """同时做一件事，各要几秒；没有测过就没有这张表。"""
    if not (told := measured(PLACE)):
        return None
    rows = [(title, str(told[name]["count"]), *(seconds(told[name][one]) for one in ("median", "p95", "most")))
            for name, title in PARTS.items()]
    return Table(["做什么", "次数", "中位数", "p95", "最慢"], rows, caption=(
        f"{told['students']} 个学生同时：{told['machine']}，测于 {told['date']}；开始之前机器的负载是 {told['load']:g}。"
        f"翻书、交互实验和自检是同时进行的。自检 {told['check']['count']} 次，通过 {told['passed']} 次；"
        f"交互实验都是“{'、'.join(told['labels'])}”。教师收卷以后批这 {told['students']} 份用了 "
        f"{told['grading']['seconds']:.0f} 秒，满分 {told['grading']['full_marks']} 份。"))


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


@made()
def memory() -> Table | None:
    """每个学生占多少内存。"""
    if not (told := measured(PLACE)):
        return None
    rows = [(title, f"{own['median']} MB", f"{own['most']} MB", f"{own['hub']} MB") for name, title in TIMES.items()
            for own in [told["memory"][name]]]
    return Table(["什么时候", "一个学生，中位数", "最多的一个", "JupyterHub 与代理"], rows, caption=(
        f"每半秒看一眼，取各人最多的一次。内存是 PSS：几个进程合用的一页平摊。批改时教师的账户最多 "
        f"{told['memory']['grading']['teacher']} MB。"
        f"一个学生的文件夹 {told['home_megabytes']} MB，书 {told['book_megabytes']} MB（全班合用一份）。"))


@made()
def needs() -> Table | None:
    """三十、一百、五百个学生要多大的机器：按比例推算。"""
    if not (told := measured(PLACE)):
        return None
    rows = [(f"{count} 人", *needed(told, count)) for count in CLASSES]
    most = told["memory"]["together"]
    return Table(["多少人", "内存", f"处理器：同时按下 / {SHARE} 人里有 1 人", "磁盘"], rows, caption=(
        f"推算，不是测量：只量过 {told['students']} 个人。n 个人的内存 = JupyterHub {most['hub']} MB + 批改 "
        f"{told['memory']['grading']['teacher']} MB + n × {most['most']} MB；处理器 = n ÷ {told['students']} × "
        f"{told['cores']} 核，等的时间就与上面那张表一样；磁盘 = 书 {told['book_megabytes']} MB + n × "
        f"{told['home_megabytes']} MB，系统与软件另算。"
        "没有算进去的：内存的余地、代理与网络的上限、很多人同时登录。"))


def needed(told: dict[str, Any], count: int) -> tuple[str, str, str]:
    """``count`` 个人的内存、处理器、磁盘。"""
    most = told["memory"]["together"]
    megabytes = most["hub"] + told["memory"]["grading"]["teacher"] + count * most["most"]
    cores = count / told["students"] * told["cores"]
    disk = told["book_megabytes"] + count * told["home_megabytes"]
    return (f"{math.ceil(megabytes / 1024)} GB", f"{math.ceil(cores)} / {math.ceil(cores / SHARE)} 核",
            f"{math.ceil(disk / 1024)} GB")
