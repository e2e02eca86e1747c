"""Texts against themselves in two runs: the ratio, its bounds from both sides, and what disturbed calls leave open."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from raxe_conformance.checks.reading import Quantile
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.verdict.compare_texts import SLOWEST, Texts, compare_texts
from raxe_conformance.verdict.intervals import estimate

N = 200
LENGTHS = np.exp(np.random.default_rng(1).normal(0.0, 1.0, N))


def run(seed: int, scale: float = 1.0, *, jitter: float = 0.1, disturbed: float = 0.0, passes: int = 1) -> Latency:
    """Calls over N texts of very different lengths; `disturbed` of the texts wait for a CPU, ten times as long."""
    chance = np.random.default_rng(seed)
    texts = [text for _ in range(passes) for text in chance.permutation(N).tolist()]
    own = [scale * LENGTHS[text] * chance.uniform(1 - jitter, 1 + jitter) for text in texts]
    waits = chance.random(N) < disturbed
    return Latency(
        samples_ms=[10 * ms if waits[text] else ms for text, ms in zip(texts, own, strict=True)],
        texts=texts, cpu_ms=own, preempted=[int(waits[text]) for text in texts], pulse_ms=[0.04] * (len(texts) + 1),
        stages_ms={}, warmup=0, seed=0, method="", off_target=None, looks=[len(texts)],
    )  # fmt: skip


def compared(before: Latency, after: Latency, share: float = 1.0, kernels: tuple[float, float] = (0.04, 0.04)) -> Texts:
    found = compare_texts(before, after, kernels, share, 0.95)
    assert found is not None
    return found


@pytest.mark.parametrize("share", sorted({*SLOWEST.values()}))
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_bounds_hold_the_true_ratio(share: float, scale: float) -> None:
    found = compared(run(1), run(2, scale), share)
    assert found.n == math.ceil(share * N)
    assert found.low <= scale <= found.high
    if found.n >= 20:
        assert found.high / found.low < 1.2
    else:
        assert (found.low, found.high) == (0.0, math.inf)  # four texts say nothing


def test_bounds_miss_no_more_often_than_they_say() -> None:
    """Of 400 pairs of runs without a change, each bound is on the wrong side of 1 in 5 of 100 at most."""
    found = [compared(run(2 * k, jitter=0.3), run(2 * k + 1, jitter=0.3), 0.1) for k in range(400)]
    assert sum(one.low > 1.0 for one in found) <= 20
    assert sum(one.high < 1.0 for one in found) <= 20


def test_there_and_back_are_each_others_reciprocal() -> None:
    there, back = compared(run(1), run(2, 1.4), 0.1), compared(run(2, 1.4), run(1), 0.1)
    assert there.n == back.n
    # The order of the later run decides what is alike in time, so the bounds differ a little.
    assert there.value == pytest.approx(1.0 / back.value, rel=0.02)
    assert there.low == pytest.approx(1.0 / back.high, rel=0.1)


def test_the_kernel_takes_the_machine_out() -> None:
    assert compared(run(1), run(2, 2.0), kernels=(0.04, 0.08)).value == pytest.approx(1.0, abs=0.05)
    assert compared(run(1), run(2, 2.0), kernels=(0.04, 0.04)).value == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_disturbed_texts_may_have_changed_by_any_factor(share: float) -> None:
    some = compared(run(1), run(2, 1.0, disturbed=0.2), share)
    assert some.low < 1.0 < some.high
    for before, after in ((run(1), run(2, disturbed=0.6)), (run(1, disturbed=0.6), run(2))):
        most = compared(before, after, share)
        assert (most.low, most.high) == (0.0, math.inf)


def test_calls_of_a_text_that_were_not_disturbed_stand_for_it() -> None:
    before, after = run(1, passes=3), run(2, passes=3)
    marks = [i < N for i in range(3 * N)]  # all calls of the first pass
    spoilt = Latency(**{
        **vars(after),
        "samples_ms": [10 * ms if mark else ms for ms, mark in zip(after.samples_ms, marks, strict=True)],
        "preempted": [int(mark) for mark in marks],
    })  # fmt: skip
    found = compared(before, spoilt)
    assert 0.9 < found.low <= 1.0 <= found.high < 1.1


def test_other_texts_are_not_compared() -> None:
    before, after = run(1), run(2)
    after.texts[0] = N
    assert compare_texts(before, after, (0.04, 0.04), 1.0, 0.95) is None
    after.texts[0] = before.texts[0]
    after.samples_ms[0] = 0.0
    assert compare_texts(run(1), run(1), (0.04, 0.04), 1.0, 0.95) is not None


def timed(times: dict[int, float], **changes: Any) -> Latency:
    """A call on each text that takes so many ms."""
    n = len(times)
    values: dict[str, Any] = {
        "samples_ms": list(times.values()), "texts": list(times), "cpu_ms": list(times.values()), "preempted": [0] * n,
        "pulse_ms": [0.04] * (n + 1), "stages_ms": {}, "warmup": 0, "seed": 0, "method": "", "off_target": None,
    }  # fmt: skip
    return Latency(**{**values, **changes})


def test_the_slowest_texts_are_slow_in_both_runs() -> None:
    """Text 0 was slow once by chance, text 1 is slow each time; of eleven texts, a tenth is two."""
    before = timed({0: 10.0, 1: 4.0, 2: 3.0, **dict.fromkeys(range(3, 11), 1.0)})
    after = timed({0: 1.0, 1: 5.0, 2: 6.0, **dict.fromkeys(range(3, 11), 1.0)})
    found = compared(before, after, 0.1)
    assert (found.n, found.value) == (2, (5.0 / 4.0 + 6.0 / 3.0) / 2.0)


def test_nothing_is_said_of_no_texts_nor_of_times_of_nothing() -> None:
    some, none, stopped = timed({0: 1.0, 1: 2.0}), timed({}), timed({0: 1.0, 1: 0.0})
    for before, after in ((none, none), (some, none), (none, some), (some, stopped), (stopped, some)):
        assert compare_texts(before, after, (0.04, 0.04), 1.0, 0.95) is None


def test_columns_of_unequal_length_are_not_compared() -> None:
    """As a report has them that was edited by hand: a call too few would give every later text another's time."""
    whole = run(1)
    for texts in (whole.texts[:-1], [*whole.texts, 0]):
        with pytest.raises(ValueError, match=r"is (shorter|longer)"):
            compare_texts(replace(whole, texts=texts), whole, (0.04, 0.04), 1.0, 0.95)


@pytest.mark.parametrize(("before_looks", "after_looks"), [(0, 0), (1, 1), (2, 5), (5, 2)])
def test_bounds_are_those_of_the_median_ratio_each_way(before_looks: int, after_looks: int) -> None:
    """At the confidence that is left where either run may have ended at any of its looks, in the later run's order."""
    before, after = run(1), run(2, 1.3)
    before, after = replace(before, looks=[0] * before_looks), replace(after, looks=[0] * after_looks)
    was, now = (dict(zip(one.texts, one.samples_ms, strict=True)) for one in (before, after))
    ratios = [(0.04 * now[text]) / (0.05 * was[text]) for text in after.texts]
    each = 0.95
    for looks in (before_looks, after_looks):
        each = each if looks == 0 else 1.0 - (1.0 - each) / (looks * (looks + 1))
    low, high = (
        estimate(Quantile(0.5, tuple(ratio**power for ratio in ratios), (False,) * N), each).low for power in (1, -1)
    )
    found = compared(before, after, kernels=(0.04, 0.05))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(1.0 / high))
    assert found.value == pytest.approx(np.median(ratios))
