"""Bounds of a gain by steps: exact for steps of one size, and covering the truth for others."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.checks.reading import Gain
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.steps import gain_bounds

steps = st.lists(st.floats(-5.0, 5.0, allow_subnormal=False), max_size=30)


@pytest.mark.parametrize("count", [1, 4, 30])
def test_steps_of_one_size_have_the_exact_interval_of_poisson(count: int) -> None:
    """At the low bound, `count` steps or more have probability 0.05; at the high one, `count` or fewer have."""
    from scipy.stats import poisson

    low, high = gain_bounds([0.5] * count + [0.0] * 60, 0.95)
    assert poisson.sf(count - 1, low / 0.5) == pytest.approx(0.05)
    assert poisson.cdf(count, high / 0.5) == pytest.approx(0.05)


def test_no_step_bounds_nothing_away_from_0() -> None:
    assert gain_bounds([0.0] * 90, 0.95) == (0.0, 0.0)


@given(steps, st.floats(0.5, 0.99))
def test_bounds_hold_the_gain_and_turn_with_its_sign(given_steps: list[float], confidence: float) -> None:
    low, high = gain_bounds(given_steps, confidence)
    gain = math.fsum(given_steps)
    slack = 1e-9 * (1.0 + sum(map(abs, given_steps)))
    # At 0.5, the median of a count stands a third of a step from its mean.
    assert low - slack <= gain <= high + slack or confidence < 0.7
    turned = gain_bounds([-step for step in given_steps], confidence)
    assert turned == pytest.approx((-high, -low), abs=slack)


@given(steps, st.floats(0.5, 0.95))
def test_more_confidence_is_wider(given_steps: list[float], confidence: float) -> None:
    low, high = gain_bounds(given_steps, confidence)
    lower, higher = gain_bounds(given_steps, confidence + 0.04)
    assert lower <= low + 1e-9 or confidence < 0.7
    assert higher >= high - 1e-9 or confidence < 0.7


def test_an_estimate_is_scaled_and_nothing_is_known_of_nothing() -> None:
    low, high = gain_bounds([1.0, 0.0, -0.5], 0.95)
    found = estimate(Gain((1.0, 0.0, -0.5), 4.0, "more"), 0.95)
    assert (found.value, found.low, found.high, found.n) == (2.0, 4 * low, 4 * high, 3)
    for none in ((), (math.nan,)):
        assert math.isnan(estimate(Gain(none, 1.0, "more"), 0.95).value)


Draw = Callable[[np.random.Generator], "np.ndarray[tuple[int], np.dtype[np.float64]]"]


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda chance: 0.03 * chance.poisson(1.0, 90), 2.7),
        (lambda chance: 1.0 * chance.poisson(0.05, 90), 4.5),
        (lambda chance: chance.poisson(0.5, 90) * chance.exponential(0.1, 90), 4.5),
        (lambda chance: chance.normal(0.03, 0.3, 90), 2.7),
        (lambda chance: np.diff(0.03 * np.arange(91) + chance.normal(0.0, 0.1, 91)), 2.7),
    ],
    ids=["small steps", "rare large steps", "steps of many sizes", "up and down", "noise around a line"],
)
def test_each_bound_covers_the_truth(draw: Draw, truth: float) -> None:
    chance = np.random.default_rng(0)
    found = [gain_bounds(list(draw(chance)), 0.95) for _ in range(1000)]
    assert np.mean([low <= truth for low, _ in found]) >= 0.94
    assert np.mean([high >= truth for _, high in found]) >= 0.94
