"""What a second thread gives: the arithmetic with a clock that the test holds; the real one says something finite."""

from __future__ import annotations

import math
import os

import pytest

from raxe_conformance.measure import second_core
from raxe_conformance.measure.second_core import TRIES, SecondCore, find_second_core, usable_cores


def test_it_is_the_quickest_alone_ever_over_the_quickest_together_now() -> None:
    now = [0.0]
    took = iter(
        [0.5] * 19 + [0.4]  # alone, beforehand
        + [9.0] * 5         # warming the second thread up
        + [0.45] + [0.8, 0.25, 0.7]
        + [0.3] + [0.6, 0.6, 0.5]
        + [0.5] + [0.3] * 3
    )  # fmt: skip
    ends = [False]

    def clock() -> float:
        if ends[0]:
            now[0] += next(took)
        ends[0] = not ends[0]
        return now[0]

    tried = SecondCore(clock)
    assert tried() == pytest.approx(0.4 / 0.25)
    assert tried() == pytest.approx(0.3 / 0.5)
    assert tried() == pytest.approx(0.3 / 0.3)
    assert next(took, None) is None
    assert TRIES == 3


def test_the_real_one_says_something() -> None:
    gain = SecondCore()()
    assert math.isfinite(gain)
    assert gain > 0.0


def test_there_is_none_where_one_core_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    find_second_core.cache_clear()
    monkeypatch.setattr(second_core, "usable_cores", lambda: 1)
    assert find_second_core() is None
    find_second_core.cache_clear()
    monkeypatch.setattr(second_core, "usable_cores", lambda: 2)
    assert isinstance(find_second_core(), SecondCore)
    assert find_second_core() is find_second_core()
    find_second_core.cache_clear()
