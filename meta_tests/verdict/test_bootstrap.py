"""The bootstrap over sources: against simulation, against the plain percentile, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raxe_conformance.checks.reading import F1
from raxe_conformance.checks.table import find_check
from raxe_conformance.verdict.bootstrap import RESAMPLES, expanded_alpha, f1_bounds
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)
COUNTS = st.tuples(*[st.integers(0, 60)] * 3)


def f1_of(sources: tuple[tuple[int, int, int], ...]) -> F1:
    tp, fp, fn = (sum(column) for column in zip(*sources, strict=True))
    return F1(tp, fp, fn, sources)


@given(st.lists(COUNTS, min_size=2, max_size=8).map(tuple))
@settings(max_examples=50)
def test_the_interval_holds_both_others_and_the_figure(sources: tuple[tuple[int, int, int], ...]) -> None:
    whole = f1_of(sources)
    found = estimate(whole, 0.95)
    rows = estimate(F1(whole.tp, whole.fp, whole.fn), 0.95)
    assert found.low <= rows.low
    assert found.high >= rows.high
    if found.n:
        low, high = f1_bounds(sources, 0.95)
        assert (found.low, found.high) == (min(low, rows.low), max(high, rows.high))
        assert found.low < found.high
        assert found.low <= found.value <= found.high


def test_alike_sources_leave_the_exact_interval_and_unlike_ones_widen_it() -> None:
    alike, unlike = ((95, 2, 3),) * 6, ((100, 0, 0), (100, 0, 0), (100, 0, 0), (100, 0, 0), (100, 0, 0), (70, 12, 18))
    rows = estimate(F1(570, 12, 18), 0.95)
    assert (estimate(f1_of(alike), 0.95).low, estimate(f1_of(alike), 0.95).high) == (rows.low, rows.high)
    assert f1_of(unlike).tp == 570
    assert estimate(f1_of(unlike), 0.95).low < rows.low - 0.01


def test_fewer_than_two_sources_leave_the_exact_interval_and_say_so() -> None:
    exact = estimate(F1(90, 5, 5), 0.95)
    for by_source in ((), ((90, 5, 5),)):
        found = estimate(F1(90, 5, 5, by_source), 0.95)
        assert (found.low, found.high) == (exact.low, exact.high)
        assert found.method.endswith("no bootstrap: fewer than two sources")
    with pytest.raises(ValueError, match=r"^a bootstrap over sources needs two of them$"):
        f1_bounds(((90, 5, 5),), 0.95)


def test_the_expanded_percentile_is_hesterbergs() -> None:
    assert expanded_alpha(0.05, 6) == pytest.approx(stats.norm.cdf(-((6 / 5) ** 0.5) * stats.t.ppf(0.95, 5)))
    assert expanded_alpha(0.05, 6) == pytest.approx(0.0137, abs=1e-4)
    assert expanded_alpha(0.05, 2000) == pytest.approx(0.05, abs=1e-3)


@given(st.lists(COUNTS, min_size=2, max_size=8).map(tuple), st.floats(0.5, 1 - 1e-7), st.floats(0.5, 1 - 1e-7))
@settings(max_examples=50)
def test_more_confidence_is_never_a_narrower_interval(
    sources: tuple[tuple[int, int, int], ...], a: float, b: float
) -> None:
    (low, high), (wide_low, wide_high) = (f1_bounds(sources, c) for c in sorted((a, b)))
    assert wide_low <= low
    assert wide_high >= high


def test_a_confidence_that_resamples_do_not_resolve_takes_students_t() -> None:
    sources = ((95, 2, 3), (80, 10, 10), (99, 0, 1), (90, 5, 5), (60, 20, 20), (97, 1, 2))
    assert expanded_alpha(1e-3, 6) * RESAMPLES < 1 < expanded_alpha(0.01, 6) * RESAMPLES
    bounds = [f1_bounds(sources, 1 - alpha) for alpha in (0.05, 0.01, 1e-3, 1e-5)]
    assert [low for low, _ in bounds] == sorted((low for low, _ in bounds), reverse=True)
    assert [high for _, high in bounds] == sorted(high for _, high in bounds)
    # Far out, as many standard errors from the mean as the distribution with five degrees of freedom has.
    errors = [(bounds[0][0] - low) for low, _ in bounds[2:]]
    assert errors[1] / errors[0] > 2
    assert f1_bounds(((20, 10, 700),) * 6, 1 - 1e-7)[1] < 0.1  # sources that agree leave no doubt


def test_draws_without_counts_are_taken_at_their_worst() -> None:
    low, high = f1_bounds(((10, 0, 0), (0, 0, 0)), 0.95)
    assert (low, high) == (0.0, 1.0)
    # A quarter of the draws takes the source without counts twice, and F1 is ½ in all others.
    assert f1_bounds(((5, 5, 5), (0, 0, 0)), 0.7) == (0.0, 1.0)


UNLIKE = tuple(map(tuple, np.random.default_rng(8).integers(50, 1000, size=(14, 3)).tolist()))


def resamples() -> np.ndarray:
    """F1 of each draw of UNLIKE, in ascending order, row by row of the drawn sources' counts."""
    k = len(UNLIKE)
    drawn = np.random.default_rng(20_251_120).multinomial(k, [1 / k] * k, size=RESAMPLES)
    tp, fp, fn = (sum(drawn[:, i] * UNLIKE[i][column] for i in range(k)) for column in range(3))
    return np.sort(2 * tp / (2 * tp + fp + fn))


@pytest.mark.parametrize(("share", "rank"), [(1.5, 1), (2.5, 2), (999.98, 999), (1000.02, 1000)])
def test_bounds_are_order_statistics_of_the_resamples(share: float, rank: int) -> None:
    """Of 19,999 resamples, the k-th is the bound at an error rate of k/20,000: (B + 1) alpha, rounded down."""
    k, found = len(UNLIKE), resamples()
    quantile = stats.norm.isf(share / (RESAMPLES + 1)) / (k / (k - 1)) ** 0.5
    low, high = f1_bounds(UNLIKE, float(stats.t.cdf(quantile, k - 1)))
    assert low == found[rank - 1] < found[rank]
    assert high == found[-rank] > found[-rank - 1]


@pytest.mark.parametrize("confidence", [1 - 1e-4, 1 - 1e-5, 1 - 1e-6])
def test_far_out_the_bounds_are_students_or_the_outermost_resample(confidence: float) -> None:
    k, found = len(UNLIKE), resamples()
    assert expanded_alpha(1 - confidence, k) * (RESAMPLES + 1) < 1
    reach = (k / (k - 1)) ** 0.5 * stats.t.ppf(confidence, k - 1) * found.std()
    low, high = f1_bounds(UNLIKE, confidence)
    assert low == pytest.approx(min(found[0], found.mean() - reach))
    assert high == pytest.approx(max(found[-1], found.mean() + reach))


def test_far_out_bounds_stay_rates() -> None:
    assert f1_bounds(((95, 2, 3), (60, 20, 20), (5, 90, 90)), 1 - 1e-6) == (0.0, 1.0)


def test_what_only_other_sources_could_decide_says_so() -> None:
    # 0.96 over all rows, but one source of six is at 0.8.
    sources = ((1000, 2, 2),) * 5 + ((800, 200, 200),)
    verdict = judge(find_check("ACC-001"), f1_of(sources), PROFILE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.message.endswith("needs rows from more sources: these 6 differ too much")
    assert judge(find_check("ACC-001"), f1_of(((1000, 2, 2),) * 6), PROFILE).outcome is Outcome.PASS
    assert judge(find_check("ACC-001"), f1_of(((800, 200, 200),) * 6), PROFILE).outcome is Outcome.FAIL


def test_bounds_cover_the_true_f1_of_all_sources_more_often_than_rows_alone() -> None:
    """Six sources drawn from many whose recall differs: simulated. Each bound should miss in 1 of 20."""
    chance = np.random.default_rng(6)
    recall = chance.beta(6.0, 2.0, size=200_000)
    true = 2 * recall.mean() / (1 + recall.mean())  # no false positives, sources of one size
    missed = {"rows": 0, "sources": 0}
    runs = 400
    for _ in range(runs):
        hits = chance.binomial(100, chance.beta(6.0, 2.0, size=6))
        sources = tuple((int(h), 0, int(100 - h)) for h in hits)
        whole = f1_of(sources)
        missed["rows"] += estimate(F1(whole.tp, 0, whole.fn), 0.95).high < true
        missed["sources"] += estimate(whole, 0.95).high < true
    assert missed["rows"] > 0.2 * runs
    assert missed["sources"] <= 0.09 * runs  # 20 expected of 400; six clusters cannot promise them
