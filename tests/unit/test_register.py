"""弱引用的名单：别的线程一边添，这边照样数得完。"""

from __future__ import annotations

import sys
from weakref import WeakKeyDictionary

from sockscope.live.register import alive


class Thing:
    """名单上的一样东西。"""


def test_the_living_are_told_in_order_and_the_dead_are_not():
    one, two, three = Thing(), Thing(), Thing()
    register = WeakKeyDictionary({one: None, two: None, three: None})
    del two
    assert alive(register) == [one, three]


def test_a_register_is_read_while_it_grows():
    """数名单的每一行 Python 之间，都有人添一样。"""
    first, came = Thing(), []
    register = WeakKeyDictionary({first: None})

    def someone_comes(_frame, _event, _value):
        came.append(Thing())
        register[came[-1]] = None
        return someone_comes

    before = sys.gettrace()
    sys.settrace(someone_comes)
    try:
        found = alive(register)
    finally:
        sys.settrace(before)
    assert found[0] is first
    assert len(came) > 2
