"""内核参数表：与缺省不同的都说得出缘故，仪器要的都在表里，写进去的样子内核认得。"""

from __future__ import annotations

import re

from sockscope.live.settings import INSTRUMENT, LESSONS, MACHINE, STOCK, table


def test_what_differs_from_the_kernel_s_own_says_why():
    assert [name for name, lesson in LESSONS.items() if not re.search(r"[一-鿿]", lesson.why)] == []
    assert [name for name, lesson in LESSONS.items() if STOCK.get(name) == lesson.value] == []


def test_hosts_get_the_whole_table():
    assert table("stock").values == STOCK | {name: lesson.value for name, lesson in LESSONS.items()}
    assert set(INSTRUMENT) <= set(table("stock").values)


def test_what_the_whole_machine_shares_is_not_written():
    assert set(MACHINE) & set(table("stock").values) == set()


def test_names_and_values_are_as_the_kernel_writes_them():
    for name, value in STOCK.items():
        assert re.fullmatch(r"(core|ipv4|ipv6|unix)/[a-z0-9_/]+", name), name
        assert value == " ".join(value.split()), name


def test_an_interface_is_born_after_what_it_copies():
    for family in ("ipv4", "ipv6"):
        both = [n.rpartition("/")[2] for n in STOCK if n.startswith(f"{family}/conf/all/")]
        assert sorted(both) == sorted(n.rpartition("/")[2] for n in STOCK if n.startswith(f"{family}/conf/default/"))
