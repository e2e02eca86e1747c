"""Bounds of samples in a row: what a look costs, what bursts cost, and what further passes over the same texts tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raxe_conformance.checks.reading import Mean, Quantile
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.quantiles import LEAST_EFFECT, quantile_bounds, quantile_ranks
from raxe_conformance.verdict.series import WAVES, at_look, mean_bounds, waves


def effect(samples: np.ndarray, q: float, texts: tuple[int, ...] = ()) -> float:
    return quantile_bounds(samples, samples, q, 0.95, texts)[2]


@given(st.floats(0.5, 0.9999))
def test_all_looks_together_spend_the_error_rate_and_no_more(confidence: float) -> None:
    spent = [1.0 - at_look(confidence, look) for look in range(1, 1000)]
    assert sum(spent) == pytest.approx((1.0 - confidence) * (1.0 - 1.0 / 1000.0))
    assert spent == sorted(spent, reverse=True)
    assert at_look(confidence, 0) == confidence


@given(st.integers(1, 40), st.sampled_from([0.5, 0.95, 0.99]), st.integers(0, 100))
def test_a_later_look_at_the_same_samples_is_never_surer(look: int, q: float, seed: int) -> None:
    samples = tuple(np.random.default_rng(seed).random(500).tolist())
    for reading in (Quantile, Mean):
        args = (q, samples) if reading is Quantile else (samples,)
        now, then = estimate(reading(*args, look=look), 0.95), estimate(reading(*args, look=look + 1), 0.95)
        assert then.low <= now.low <= now.value <= now.high <= then.high


@given(st.integers(1, 2000), st.sampled_from([0.5, 0.95, 0.99]), st.floats(1.0, 50.0))
def test_samples_that_are_alike_bound_less(n: int, q: float, alike: float) -> None:
    low, high = quantile_ranks(n, q, 0.95)
    lower, higher = quantile_ranks(n, q, 0.95, alike)
    assert 0 <= lower <= low <= high <= higher <= n + 1


def test_p95_needs_59_groups_of_alike_samples() -> None:
    assert quantile_ranks(590, 0.95, 0.95, 10.0)[1] == 590
    assert quantile_ranks(580, 0.95, 0.95, 10.0)[1] == 581


def test_independent_samples_count_about_as_one_each() -> None:
    chance = np.random.default_rng(1)
    effects = [effect(chance.random(2000), 0.95) for _ in range(200)]
    assert min(effects) >= 1.0
    assert np.median(effects) < 2.0


@pytest.mark.parametrize("length", [10, 40])
def test_a_burst_counts_about_as_one_sample(length: int) -> None:
    chance = np.random.default_rng(2)
    effects = []
    for _ in range(100):
        slow = np.repeat(chance.random(4000 // length) < 0.2, length)
        # All of a burst is above the 0.8-quantile of these samples, or nearly.
        effects.append(effect(10.0 * slow + chance.random(4000), 0.8))
    assert 0.8 * length < np.median(effects) < 2.0 * length


def test_equal_samples_are_their_own_bounds() -> None:
    found = estimate(Quantile(0.95, (2.0,) * 100), 0.95)
    assert (found.low, found.value, found.high) == (2.0, 2.0, 2.0)
    assert estimate(Mean((2.0,) * 100), 0.95).high == 2.0


def passes(count: int, noise: float, seed: int = 3) -> tuple[np.ndarray, tuple[int, ...]]:
    """Passes over 1,000 texts of very different lengths, and the text of each call."""
    chance = np.random.default_rng(seed)
    texts = np.concatenate([chance.permutation(1000) for _ in range(count)])
    return (texts + 1.0) * np.exp(noise * chance.standard_normal(len(texts))), tuple(texts.tolist())


def test_what_differs_between_texts_is_no_error_once_it_is_known() -> None:
    once, thrice = passes(1, 0.001), passes(3, 0.001)
    assert effect(once[0], 0.95, once[1]) >= 1.0
    assert LEAST_EFFECT <= effect(thrice[0], 0.95, thrice[1]) < 0.1
    assert effect(thrice[0], 0.95) >= 1.0


def test_texts_that_say_nothing_about_the_time_make_no_call_worth_more() -> None:
    chance = np.random.default_rng(4)
    _, texts = passes(3, 0.0)
    assert np.mean([effect(chance.random(3000), 0.95, texts) for _ in range(50)]) >= 1.0


@pytest.mark.parametrize("texts", [(), (0,) * 99, tuple(range(100)), (0, 0, *range(1, 99))])
def test_without_whole_passes_texts_are_left_aside(texts: tuple[int, ...]) -> None:
    samples = np.random.default_rng(5).random(100)
    assert effect(samples, 0.9, texts) == effect(samples, 0.9)


def test_bursts_show_through_the_lengths_of_texts() -> None:
    times, texts = passes(3, 0.001)
    chance = np.random.default_rng(6)
    slow = np.repeat(chance.random(60) < 0.1, 50)
    assert effect(times * (1.0 + slow), 0.95, texts) > 5.0 * effect(times, 0.95, texts)


@pytest.mark.parametrize(
    ("n", "count"),
    [(1, 1), (2, 1), (9, 8), (2048, WAVES), (2303, WAVES), (2304, 9), (8192, 32), (16384, 64), (10**6, 64)],
)
def test_a_longer_series_has_more_waves(n: int, count: int) -> None:
    assert waves(n) == count


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=200), st.sampled_from([0.8, 0.95, 0.999]))
def test_mean_bounds_hold_the_mean_and_move_with_the_unit(values: list[float], confidence: float) -> None:
    samples = np.array(values)
    low, high = mean_bounds(samples, confidence)
    slack = 1e-6 * (1.0 + float(np.abs(samples).max()))
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low - slack <= samples.mean() <= high + slack
    mirrored = mean_bounds(-samples, confidence)
    assert mirrored == pytest.approx((-high, -low), abs=slack, rel=1e-6)


def definition(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """mean_bounds, cosine by cosine."""
    n, places = len(samples), (np.arange(len(samples)) + 0.5) * np.pi / len(samples)
    cosines = [math.sqrt(2.0 / n) * np.cos(wave * places) for wave in range(1, waves(n) + 1)]
    effect = max(1.0, np.mean([(samples @ cosine) ** 2 for cosine in cosines]) / samples.var(ddof=1))
    length = max(1, min(math.ceil(2.0 * effect), n // 30))
    blocks = np.array([samples[i : i + length].mean() for i in range(0, n // length * length, length)])
    skewness, k = stats.skew(blocks), len(blocks)
    bounds = []
    for quantile in (stats.t.ppf(confidence, waves(n)), -stats.t.ppf(confidence, waves(n))):
        if abs(skewness) > 1e-6:
            inner = 1.0 + skewness * (quantile / math.sqrt(k) - skewness / (6.0 * k))
            quantile = 3.0 * math.sqrt(k) / skewness * (np.cbrt(inner) - 1.0)
        bounds.append(samples.mean() - quantile * samples.std(ddof=1) * math.sqrt(effect / n))
    return bounds[0], bounds[1]


@pytest.mark.parametrize("n", [2, 29, 100, 930, 3000])
@pytest.mark.parametrize("alike", [1, 4, 12, 40])
def test_mean_bounds_are_those_of_the_definition(n: int, alike: int) -> None:
    chance = np.random.default_rng(n + alike)
    slow = np.repeat(chance.exponential(1.0, n // alike + 1), alike)[:n]
    samples = 3.0 + slow + 0.1 * chance.standard_normal(n)
    for confidence in (0.8, 0.95):
        assert mean_bounds(samples, confidence) == pytest.approx(definition(samples, confidence), rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 2.0, -1e9])
def test_the_mean_of_a_constant_has_no_error(value: float) -> None:
    assert mean_bounds(np.full(100, value), 0.95) == (value, value)


def test_neighbours_that_make_up_for_each_other_leave_the_bounds_symmetric() -> None:
    """Blocks of two are all alike, so nothing is skewed."""
    low, high = mean_bounds(np.array([1.0, 3.0] * 60), 0.95)
    assert 2.0 - low == pytest.approx(high - 2.0, rel=1e-12)
    assert high - 2.0 == pytest.approx(stats.t.ppf(0.95, WAVES) * math.sqrt(1 / 119))


def test_rare_large_samples_leave_room_above_the_mean() -> None:
    low, high = mean_bounds(np.array([1.0] * 990 + [50.0] * 10)[np.random.default_rng(7).permutation(1000)], 0.95)
    mean = (990 + 500) / 1000
    assert high - mean > 1.2 * (mean - low)
