"""Bounds of a quantile: against a slow reading of the definition, and what near-constant and drifting series get."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import fft, stats

from raxe_conformance.checks.reading import Quantile
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.quantiles import LEAST_EFFECT, ROOM, quantile_bounds, quantile_ranks
from raxe_conformance.verdict.series import waves

Floats = NDArray[np.float64]
CONFIDENCE = 0.95


def design_effect(marks: Floats) -> float:
    """Of one series of marks, by the cosine transform: what the module works out for all thresholds at once."""
    n = len(marks)
    if marks.std() == 0.0:
        return 0.0
    slow = fft.dct(marks - marks.mean(), type=2, norm="ortho")[1 : waves(n) + 1]
    return float(np.square(slow).mean() / marks.var(ddof=1))


def without_texts(marks: Floats, texts: Floats) -> Floats:
    """Each mark less the mean of those of the same text's other calls."""
    own = marks.copy()
    for text in np.unique(texts):
        here = np.flatnonzero(texts == text)
        for call in here:
            own[call] -= np.mean([marks[other] for other in here if other != call])
    return own


def thresholds(samples: Floats) -> list[float]:
    return [-math.inf, *np.unique(samples).tolist()]


def rarer(samples: Floats, threshold: float) -> list[float]:
    """The thresholds that half and a quarter as many samples exceed as this one, or as many as come next to it."""
    count = int((samples > threshold).sum())
    return [min(t for t in thresholds(samples) if (samples > t).sum() <= count // factor) for factor in (1, 2, 4)]


def effect_above(samples: Floats, threshold: float, texts: Floats | None) -> float:
    inflated = (stats.t.ppf(CONFIDENCE, waves(len(samples))) / stats.norm.ppf(CONFIDENCE)) ** 2
    each = [(samples > t).astype(float) for t in rarer(samples, threshold)]
    whole = max(1.0, inflated * max(map(design_effect, each)))
    if texts is None:
        return float(whole)
    own = [without_texts(marks, texts) for marks in each]
    share = own[0].var() / each[0].var() if each[0].std() else 0.0
    calls = share * max(1.0, inflated * max(map(design_effect, own)))
    return float(max(LEAST_EFFECT, min(whole, calls)))


def slowly(samples: Floats, q: float, texts: Floats | None = None) -> tuple[float, float, float]:
    """The bounds of quantile_bounds, threshold by threshold."""
    n, ordered = len(samples), np.sort(samples)
    value = ordered[max(math.ceil(q * n), 1) - 1]
    below = max(t for t in thresholds(samples) if t < value)
    effect = max(effect_above(samples, t, texts) for t in (below, value))
    low_rank, high_rank = quantile_ranks(n, q, CONFIDENCE, effect)
    low = ordered[low_rank - 1] if low_rank else -math.inf
    high = ordered[high_rank - 1] if high_rank <= n else math.inf
    beyond = -math.inf
    for threshold in thresholds(samples):
        count, worth = int((samples <= threshold).sum()), effect_above(samples, threshold, texts)
        tail = float(stats.beta.cdf(q, count / worth, (n - count) / worth + 1.0)) if count else 1.0
        if count <= q * n or tail > 1.0 - CONFIDENCE:
            beyond = min((t for t in thresholds(samples) if t > threshold), default=math.inf)
    if math.isfinite(low):
        high = min(high, beyond + ROOM * (beyond - low))
    return float(low), float(high), float(effect)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.sampled_from([0.5, 0.8, 0.95]))
@settings(max_examples=25, deadline=None)
def test_bounds_are_those_of_the_definition(values: list[int], q: float) -> None:
    samples = np.array(values, dtype=np.float64)
    assert quantile_bounds(samples, samples, q, CONFIDENCE) == pytest.approx(slowly(samples, q), rel=1e-9)


@given(
    st.integers(2, 4).flatmap(lambda passes: st.tuples(st.just(passes), st.integers(2, 12))),
    st.sampled_from([0.5, 0.8]),
    st.integers(0, 1000),
)
@settings(max_examples=15, deadline=None)
def test_bounds_of_several_passes_are_those_of_the_definition(shape: tuple[int, int], q: float, seed: int) -> None:
    passes, count = shape
    chance = np.random.default_rng(seed)
    texts = np.concatenate([chance.permutation(count) for _ in range(passes)])
    samples = np.round(texts + 3.0 * chance.random(len(texts)))
    found = quantile_bounds(samples, samples, q, CONFIDENCE, tuple(texts.tolist()))
    assert found == pytest.approx(slowly(samples, q, texts), rel=1e-6)


def test_an_estimate_leaves_out_what_differs_between_texts() -> None:
    chance = np.random.default_rng(4)
    texts = np.concatenate([chance.permutation(500) for _ in range(3)])
    times = (texts + 1.0) * np.exp(0.001 * chance.standard_normal(len(texts)))
    known, unknown = (
        estimate(Quantile(0.95, tuple(times.tolist()), texts=t), 0.95) for t in (tuple(texts.tolist()), ())
    )
    assert known.value == unknown.value
    assert known.high - known.low < 0.3 * (unknown.high - unknown.low)


def nearly_constant(seed: int, n: int = 2000, slow: float = 0.0) -> Floats:
    """Calls of 2 ms that wander by a thousandth, a few of them `slow` ms slower."""
    chance = np.random.default_rng(seed)
    steps = chance.standard_normal(n + 500)
    wandering = np.convolve(steps, np.ones(500) / math.sqrt(500.0), "valid")[:n]
    return 2.0 + 0.002 * wandering + slow * (chance.random(n) < 0.005)


@pytest.mark.parametrize("slow", [0.0, 0.05])
def test_calls_that_differ_by_microseconds_have_a_bound_near_them(slow: float) -> None:
    for seed in range(5):
        samples = nearly_constant(seed, slow=slow)
        low, high, effect = quantile_bounds(samples, samples, 0.95, CONFIDENCE)
        assert effect > 10.0
        assert 1.99 < low <= np.quantile(samples, 0.95) <= high < 2.05


def test_the_room_above_is_a_multiple_of_the_distance_from_the_low_bound() -> None:
    """One rise: the quantile is exceeded in one stretch only, which is worth nothing to the ranks."""
    samples = np.linspace(1.0, 1.001, 2000)
    low, high, effect = quantile_bounds(samples, samples, 0.95, CONFIDENCE)
    assert quantile_ranks(2000, 0.95, CONFIDENCE, effect)[1] == 2001
    beyond = (high + ROOM * low) / (1.0 + ROOM)
    assert np.quantile(samples, 0.95) < beyond <= samples[-1]
    assert high > samples[-1]


def test_a_long_stretch_of_slow_calls_is_not_talked_away() -> None:
    """One stretch of 60 in 2,000 may stand for a share above 5 %; one of 5 may not."""
    chance = np.random.default_rng(2)
    for length, inside in ((60, True), (5, False)):
        samples = 1.0 + 0.01 * chance.random(2000)
        samples[700 : 700 + length] += 1.0
        high = quantile_bounds(samples, samples, 0.95, CONFIDENCE)[1]
        assert (high >= 2.0) is inside


@given(st.integers(0, 200), st.floats(0.55, 0.999), st.floats(0.55, 0.999), st.sampled_from([0.0, 0.3]))
def test_more_confidence_is_never_a_narrower_interval(seed: int, a: float, b: float, slow: float) -> None:
    samples = nearly_constant(seed, 400, slow)
    (low, high, _), (lower, higher, _) = (quantile_bounds(samples, samples, 0.95, c) for c in sorted((a, b)))
    assert lower <= low
    assert high <= higher


@given(st.integers(0, 200), st.floats(0.1, 1e4), st.floats(-10.0, 10.0))
def test_bounds_move_with_unit_and_origin(seed: int, unit: float, origin: float) -> None:
    samples = np.random.default_rng(seed).integers(0, 50, 300).astype(np.float64)
    low, high, effect = quantile_bounds(samples, samples, 0.9, CONFIDENCE)
    moved = quantile_bounds(unit * samples + origin, unit * samples + origin, 0.9, CONFIDENCE)
    assert moved[:2] == pytest.approx((unit * low + origin, unit * high + origin), rel=1e-9, abs=1e-9)
    assert moved[2] == pytest.approx(effect)


def test_too_few_samples_have_no_upper_bound_however_alike_they_are() -> None:
    for n in (1, 2, 30, 58):
        assert math.isinf(estimate(Quantile(0.95, (2.0,) * n), CONFIDENCE).high)
        assert math.isinf(estimate(Quantile(0.95, tuple(2.0 + 1e-6 * i for i in range(n))), CONFIDENCE).high)
    assert estimate(Quantile(0.95, (2.0,) * 59), CONFIDENCE).high == 2.0


def test_disturbed_samples_leave_the_upper_bound_and_lower_the_lower_one() -> None:
    samples = tuple(nearly_constant(1).tolist())
    quiet = estimate(Quantile(0.95, samples), CONFIDENCE)
    marks = tuple(i % 10 == 0 for i in range(len(samples)))
    noisy = estimate(Quantile(0.95, samples, marks), CONFIDENCE)
    assert (noisy.value, noisy.high) == (quiet.value, quiet.high)
    assert noisy.low <= quiet.low


@pytest.mark.parametrize(("passes", "count", "q", "seeds"), [(3, 40, 0.8, (0, 1)), (5, 20, 0.5, (8,))])
def test_calls_of_a_text_that_are_independent_are_worth_their_share(
    passes: int, count: int, q: float, seeds: tuple[int, ...]
) -> None:
    """Where the waves of the calls are lower than their spread, as in the last, the spread alone says what each is
    worth."""
    sharing = 0
    for seed in seeds:
        chance = np.random.default_rng(seed)
        texts = np.concatenate([chance.permutation(count) for _ in range(passes)])
        samples = np.round(0.5 * texts + 3.0 * chance.random(len(texts)))
        found = quantile_bounds(samples, samples, q, CONFIDENCE, tuple(texts.tolist()))
        assert found == pytest.approx(slowly(samples, q, texts), rel=1e-9)
        sharing += found[2] < 1.0
        # What the samples were at best is of the same texts.
        at_best = quantile_bounds(samples, samples - 1.0, q, CONFIDENCE, tuple(texts.tolist()))
        assert at_best == (found[0] - 1.0, *found[1:])
    assert sharing


@pytest.mark.parametrize(("texts", "quick"), [(20, 0), (20, 55), (1, 0), (1, 30)])
def test_repeated_calls_without_any_spread_are_worth_the_most(texts: int, quick: int) -> None:
    """Of 60 calls the last `quick` take 1 ms, the others 2 ms: where the quantile is 1 ms, no call is below it."""
    which = np.tile(np.arange(texts), 60 // texts)
    samples = np.where(np.arange(60) < 60 - quick, 2.0, 1.0)
    for q in (0.05, 0.5, 0.95):
        found = quantile_bounds(samples, samples, q, CONFIDENCE, tuple(which.tolist()))
        assert found == pytest.approx(slowly(samples, q, which), rel=1e-9)
        assert quick or found == (2.0, 2.0, LEAST_EFFECT)


@pytest.mark.parametrize("n", [1, 2, 3, 20, 59, 300])
@pytest.mark.parametrize("q", [0.01, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("confidence", [0.6, 0.95])
def test_ranks_are_those_of_the_binomial(n: int, q: float, confidence: float) -> None:
    below = stats.binom(n, q)
    low = max(rank for rank in range(n + 1) if below.sf(rank - 1) >= confidence)
    high = min(rank for rank in range(1, n + 2) if rank == n + 1 or below.cdf(rank - 1) >= confidence)
    assert quantile_ranks(n, q, confidence) == (low, high)


def test_a_rank_at_the_error_rate_itself_bounds_the_quantile() -> None:
    """The larger of two samples is below the median in one of four cases."""
    assert quantile_ranks(2, 0.5, 0.75)[1] == 2
    assert quantile_ranks(2, 0.5, 0.7501)[1] == 3
