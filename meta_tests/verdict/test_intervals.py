"""Intervals against scipy.stats, against simulation, and at their edges."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raxe_conformance.checks.reading import F1, Exact, MacroF1, Mean, Proportion, Quantile
from raxe_conformance.verdict.intervals import clopper_pearson, estimate
from raxe_conformance.verdict.quantiles import quantile_ranks

CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(st.integers(1, 5000), st.data(), CONFIDENCES)
def test_proportion_bounds_are_scipys(n: int, data: st.DataObject, confidence: float) -> None:
    hits = data.draw(st.integers(0, n))
    expected = stats.binomtest(hits, n).proportion_ci(confidence_level=2 * confidence - 1, method="exact")
    assert clopper_pearson(hits, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 500), CONFIDENCES)
def test_proportion_interval_has_width_at_0_and_1(n: int, confidence: float) -> None:
    assert clopper_pearson(0, n, confidence)[1] > 0.0
    assert clopper_pearson(n, n, confidence)[0] < 1.0


def test_rows_that_decide_a_false_positive_rate_of_one_percent() -> None:
    assert clopper_pearson(0, 299, 0.95)[1] < 0.01 < clopper_pearson(0, 298, 0.95)[1]
    assert clopper_pearson(5, 1050, 0.95)[1] < 0.01 < clopper_pearson(5, 1040, 0.95)[1]


@given(st.integers(1, 3000), st.sampled_from([0.5, 0.9, 0.95, 0.99]), CONFIDENCES)
def test_quantile_ranks_hold_their_confidence_and_no_narrower_ones_do(n: int, q: float, confidence: float) -> None:
    low, high = quantile_ranks(n, q, confidence)
    at_most = stats.binom(n, q).cdf
    assert 1 - at_most(low - 1) >= confidence - 1e-12 or low == 0
    assert 1 - at_most(low) < confidence + 1e-12
    assert at_most(high - 1) >= confidence - 1e-12
    assert at_most(high - 2) < confidence + 1e-12


def test_p95_needs_59_samples_for_an_upper_bound() -> None:
    assert quantile_ranks(59, 0.95, 0.95)[1] == 59
    assert quantile_ranks(58, 0.95, 0.95)[1] == 59
    assert math.isinf(estimate(Quantile(0.95, tuple(range(58))), 0.95).high)


def test_quantile_bounds_cover_the_true_quantile() -> None:
    chance = random.Random(1)
    true = -math.log(0.05)
    misses = 0
    for _ in range(1000):
        found = estimate(Quantile(0.95, tuple(chance.expovariate(1.0) for _ in range(300))), 0.95)
        misses += found.high < true
    assert misses <= 70  # 50 expected of 1,000 at 0.95


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_f1_is_within_its_bounds_and_never_sure(tp: int, fp: int, fn: int) -> None:
    found = estimate(F1(tp, fp, fn), 0.95)
    if tp + fp + fn == 0:
        assert math.isnan(found.value)
        return
    assert found.value == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert found.low <= found.value <= found.high
    assert found.low < found.high


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 3), min_size=1, max_size=6))
def test_macro_f1_is_the_mean_of_the_families_that_occur(counts: list[tuple[int, int, int]]) -> None:
    found = estimate(MacroF1(tuple((str(i), F1(*c)) for i, c in enumerate(counts))), 0.95)
    parts = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts if tp + fp + fn]
    if not parts:
        assert math.isnan(found.value)
        return
    assert found.value == pytest.approx(sum(parts) / len(parts))
    assert found.low <= found.value <= found.high
    assert found.low < found.high


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=5))
def test_macro_f1_has_movers_bounds(counts: list[tuple[int, int, int]]) -> None:
    """Zou & Donner: the distances of the classes' own bounds are put together as the sides of right angles."""
    each = [estimate(F1(*count), 0.95) for count in counts]
    found = estimate(MacroF1(tuple((str(i), F1(*count)) for i, count in enumerate(counts))), 0.95)
    below = math.hypot(*(part.value - part.low for part in each)) / len(each)
    above = math.hypot(*(part.high - part.value for part in each)) / len(each)
    assert found.low == pytest.approx(found.value - below, abs=1e-12)
    assert found.high == pytest.approx(found.value + above, abs=1e-12)
    assert found.n == sum(tp + fn for tp, _, fn in counts)


def test_disturbed_samples_lower_the_low_bound_of_a_mean_alone() -> None:
    samples, marks = (4.0, 1.0, 3.0, 2.0), (True, False, False, False)
    quiet, noisy = estimate(Mean(samples), 0.95), estimate(Mean(samples, marks), 0.95)
    assert (noisy.value, noisy.high) == (quiet.value, quiet.high)
    assert noisy.low == estimate(Mean((0.0, 1.0, 3.0, 2.0)), 0.95).low < quiet.low


def test_mean_bounds_of_few_symmetric_samples_are_students() -> None:
    samples = (1.0, 4.0, 3.0, 2.0)
    found = estimate(Mean(samples), 0.95)
    expected = stats.t.interval(0.9, 3, loc=stats.tmean(samples), scale=stats.sem(samples))
    assert (found.low, found.high) == pytest.approx(expected)


@pytest.mark.parametrize(
    "empty", [Quantile(0.95, ()), Mean(()), Mean((1.0,)), Proportion(0, 0, "rows"), Quantile(0.5, (math.nan, 1.0))]
)
def test_nothing_and_nan_give_no_figure(empty: Quantile | Mean | Proportion) -> None:
    assert math.isnan(estimate(empty, 0.95).value)


def test_an_exact_figure_is_its_own_interval() -> None:
    found = estimate(Exact(49.9, "bytes"), 0.95)
    assert (found.low, found.value, found.high) == (49.9, 49.9, 49.9)
