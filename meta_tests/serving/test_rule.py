"""When a variant is taken back: the rule by itself, and how often it is wrong when it is asked again and again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY, ROLLBACK
from raxe_conformance.serving.rule import (
    BESIDE,
    ERROR_RATE,
    LEAST,
    LOOKS,
    MOST_KEPT,
    Counts,
    compacted,
    decide,
    log_evidence,
)
from raxe_conformance.verdict.intervals import clopper_pearson

SHARES = {**ROLLBACK, LATENCY: 0.05}  # the share of requests that may go wrong


def bad(history: list[Counts]) -> set[str]:
    return {finding.name for finding in decide(history, ROLLBACK) if finding.is_bad}


def evidence(wrong: int, of: int, most: float) -> float:
    return float(log_evidence(np.array([wrong]), np.array([of]), most)[0])


@pytest.mark.parametrize(("wrong", "of", "most"), [(1, 1, 0.05), (3, 40, 0.015), (30, 200, 0.05), (7, 2000, 0.04)])
def test_the_evidence_is_the_integral_that_it_is_said_to_be(wrong: int, of: int, most: float) -> None:
    def ratio(p: float) -> float:
        return (p / most) ** wrong * ((1 - p) / (1 - most)) ** (of - wrong) / p / -math.log(most)

    points = [wrong / of] if most < wrong / of < 1 else None
    value, _ = integrate.quad(ratio, most, 1.0, points=points, limit=500)
    assert evidence(wrong, of, most) == pytest.approx(math.log(value), rel=1e-6)


@pytest.mark.parametrize("most", sorted(set(SHARES.values())))
@pytest.mark.parametrize("n", [1, 7, 60, 800])
def test_at_the_limit_the_evidence_is_one_in_the_mean_at_most(most: float, n: int) -> None:
    k = np.arange(1, n + 1)
    log_choose = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    log_chance = log_choose + k * math.log(most) + (n - k) * math.log1p(-most)
    mean = float(np.exp(log_chance + log_evidence(k, np.full(n, n), most)).sum())
    assert 0.1 < mean <= 1.0 + 1e-9


@given(st.lists(st.integers(0, LEAST - 1), min_size=4, max_size=4))
def test_fewer_requests_than_the_least_decide_nothing_whatever_went_wrong(numbers: list[int]) -> None:
    assert bad([{name: (n, n) for name, n in zip(ROLLBACK, numbers, strict=True)}]) == set()


@pytest.mark.parametrize("name", ROLLBACK)
def test_the_least_decide_where_all_go_wrong(name: str) -> None:
    assert bad([{name: (LEAST, LEAST)}]) == {name}


@pytest.mark.parametrize("name", ROLLBACK)
def test_the_first_count_that_decides_is_the_one_whose_evidence_suffices(name: str) -> None:
    n, needed = 400, math.log(2 * len(ROLLBACK) / ERROR_RATE)
    first = next(wrong for wrong in range(n) if evidence(wrong, n, SHARES[name]) >= needed)
    assert bad([{name: (first, n)}]) == {name}
    assert bad([{name: (first - 1, n)}]) == set()
    # What is decided is decided by the gates' rule, too: the low bound lies above the limit.
    assert clopper_pearson(first, n, 0.95)[0] > SHARES[name]


@pytest.mark.parametrize("name", ROLLBACK)
def test_a_change_is_seen_after_long_good_service(name: str) -> None:
    good: list[Counts] = [{name: (0, 1000)}] * 100
    needed = math.log(LOOKS * 2 * len(ROLLBACK) / ERROR_RATE)
    first = next(wrong for wrong in range(1000) if evidence(wrong, 1000, SHARES[name]) >= needed)
    assert bad([*good, {name: (first, 1000)}]) == {name}
    assert bad([*good, {name: (first - 1, 1000)}]) == set()


counts = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair)))
looks = st.lists(st.fixed_dictionaries(dict.fromkeys(ROLLBACK, counts)), max_size=12)


@given(looks, st.sampled_from(sorted(ROLLBACK)), st.integers(1, 60))
def test_more_that_goes_wrong_never_saves_a_variant(history: list[Counts], name: str, more: int) -> None:
    worse = [*history, {name: (more, more)}]
    if name in bad(history):
        assert name in bad(worse)


@given(looks)
def test_figures_do_not_mix(history: list[Counts]) -> None:
    for name in ROLLBACK:
        alone = [{name: look[name]} for look in history]
        assert (name in bad(alone)) == (name in bad(history))


@pytest.mark.parametrize(("slow", "beside", "is_bad"), [(300, 0, True), (300, 300, False), (900, 300, True)])
def test_a_canary_is_slow_where_the_machine_does_not_explain_it(slow: int, beside: int, is_bad: bool) -> None:
    history: list[Counts] = [{LATENCY: (slow, 1000), BESIDE: (beside, 1000)}]
    assert bad(history) == ({LATENCY} if is_bad else set())
    # Too few requests of the stable variant explain nothing.
    assert bad([{LATENCY: (slow, 1000), BESIDE: (LEAST - 1, LEAST - 1)}]) == {LATENCY}
    # And where all requests of the stable variant are slow, nothing is surely slower.
    assert bad([{LATENCY: (1000, 1000), BESIDE: (1000, 1000)}]) == set()


@given(looks, counts)
def test_a_slow_stable_variant_only_ever_spares_the_canary(history: list[Counts], beside: tuple[int, int]) -> None:
    if LATENCY not in bad(history):
        assert LATENCY not in bad([{**look, BESIDE: beside} for look in history])


@given(looks)
def test_what_is_shown_is_what_was_counted(history: list[Counts]) -> None:
    for finding in decide(history, ROLLBACK):
        total = np.array([look[finding.name] for look in history] or [(0, 0)]).sum(axis=0)
        if not finding.is_bad:
            assert (finding.wrong, finding.estimate.n) == tuple(total)
        assert finding.estimate.low <= finding.wrong / max(finding.estimate.n, 1) <= finding.estimate.high
        assert "\n" not in str(finding)


@pytest.mark.parametrize("pair", [(2, 1), (-1, 3)])
def test_counts_that_are_none_are_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=ERRORS):
        decide([{ERRORS: pair}], ROLLBACK)


@pytest.mark.parametrize("length", [0, 1, MOST_KEPT, MOST_KEPT + 1, 3 * MOST_KEPT])
def test_a_compacted_history_adds_up_to_the_same_and_keeps_what_is_recent(length: int) -> None:
    history: list[Counts] = [{ERRORS: (i % 3, 3 + i % 7)} for i in range(length)]
    short = compacted(history)
    assert len(short) == min(length, len(short)) <= MOST_KEPT
    assert sum(look[ERRORS][0] for look in short) == sum(look[ERRORS][0] for look in history)
    assert sum(look[ERRORS][1] for look in short) == sum(look[ERRORS][1] for look in history)
    assert short[-100:] == history[-100:]


def stage(rng: np.random.Generator, shares: dict[str, float], most: int, size: int = 25) -> tuple[int | None, bool]:
    """Requests until it is taken back (None: never), and whether an interval drawn at each look would have."""
    history: list[Counts] = []
    total, naive = dict.fromkeys(shares, 0), False
    for look in range(1, most + 1):
        new = {name: (int(rng.binomial(size, share)), size) for name, share in shares.items()}
        history.append(new)
        for name in shares:
            total[name] += new[name][0]
            naive |= clopper_pearson(total[name], look * size, 0.95)[0] > SHARES[name]
        if bad(history):
            return look * size, naive
    return None, naive


def test_a_variant_at_its_limits_is_taken_back_no_more_often_than_said_however_often_one_looks() -> None:
    rng = np.random.default_rng(10)
    stages = [stage(rng, SHARES, most=60) for _ in range(60)]
    wrong = sum(taken is not None for taken, _ in stages)
    # At most 3 of 60 in the mean; more than 8 come about in one of 250 such simulations.
    assert wrong <= 8
    # An interval of fixed confidence, drawn at each of 60 looks at four figures, would be wrong in most stages.
    assert sum(naive for _, naive in stages) > 30


def test_a_variant_well_within_its_limits_is_not_taken_back() -> None:
    rng = np.random.default_rng(11)
    assert [stage(rng, {n: s / 2 for n, s in SHARES.items()}, most=60)[0] for _ in range(30)] == [None] * 30


@pytest.mark.parametrize(
    ("name", "share", "most"),
    [(FPR, 0.05, 800), (FNR, 0.12, 600), (ERRORS, 0.15, 600), (LATENCY, 0.2, 400), (ERRORS, 1.0, 25)],
)
def test_a_bad_variant_is_taken_back_after_hundreds_of_requests_and_not_thousands(
    name: str, share: float, most: int
) -> None:
    rng = np.random.default_rng(12)
    taken = [stage(rng, {name: share}, most=200)[0] for _ in range(20)]
    assert None not in taken
    assert sorted(filter(None, taken))[10] <= most
