"""Runs of the real interval and judging code on programmed series, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from meta_tests.simulation.latencies import BATCH, QUANTILES, Latencies, Series, Texts, passes
from raxe_conformance.checks.reading import Mean, Proportion, Quantile, Statistic
from raxe_conformance.verdict.decide import decide
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.outcome import Limit, Outcome

CONFIDENCE = 0.95
LOOKS = 3  # as many as 60 s allow the shipped variant
# The truth as a multiple of the limit.
AROUND = (0.95, 1.0, 1.05)


@dataclass(frozen=True)
class Coverage:
    """How often the bounds of a statistic held: low, high, both. width: the median of (high − low) / truth."""

    low: float
    high: float
    both: float
    width: float


@dataclass(frozen=True)
class Decisions:
    """Shares of verdicts where the truth is a multiple `factor` of the limit, and the mean number of looks taken."""

    factor: float
    wrong: float
    open: float
    looks: float


def coverage(latencies: Latencies, runs: int, seed: int) -> dict[str, Coverage]:
    """Coverage of the bounds for P50, P95, P99 and the mean from one look, at CONFIDENCE one-sided."""
    chance = np.random.default_rng(seed)
    truth = latencies.truth
    held: dict[str, list[tuple[bool, bool, float]]] = {}
    for _ in range(runs):
        times = tuple(latencies.draw(chance, passes(chance, 1)).tolist())
        readings: list[tuple[str, Statistic, float]] = [
            *((f"P{100 * q:.0f}", Quantile(q, times), truth[q]) for q in QUANTILES),
            ("mean", Mean(times), truth["mean"]),
        ]
        for name, reading, true in readings:
            found = estimate(reading, CONFIDENCE)
            held.setdefault(name, []).append((found.low <= true, true <= found.high, (found.high - found.low) / true))
    result = {}
    for name, each in held.items():
        low, high, width = (np.array(column) for column in zip(*each, strict=True))
        result[name] = Coverage(low.mean(), high.mean(), (low & high).mean(), float(np.median(width)))
    return result


def decisions(latencies: Latencies, runs: int, seed: int, looks: int = LOOKS) -> list[Decisions]:
    """Verdicts on P95 when sampling goes on, look after look, until it is decided or `looks` were taken.

    Bounds scale with the samples, so one series serves all limits.
    """
    chance = np.random.default_rng(seed)
    true = latencies.truth[0.95]
    taken = {factor: [0] * runs for factor in AROUND}
    said = {factor: [Outcome.INCONCLUSIVE] * runs for factor in AROUND}
    for run in range(runs):
        texts = passes(chance, looks)
        times = latencies.draw(chance, texts)
        undecided = list(AROUND)
        for look in range(1, looks + 1):
            found = estimate(_p95(times[: look * BATCH], texts[: look * BATCH], look), CONFIDENCE)
            for factor in undecided:
                taken[factor][run] = look
                said[factor][run] = decide(found, Limit("p95", "<", true / factor, ""))
            undecided = [factor for factor in undecided if said[factor][run] is Outcome.INCONCLUSIVE]
            if not undecided:
                break
    return [_decisions(factor, said[factor], taken[factor]) for factor in AROUND]


def _p95(times: Series, texts: Texts, look: int) -> Quantile:
    return Quantile(0.95, tuple(times.tolist()), look=look, texts=tuple(texts.tolist()))


def wrong(factor: float) -> Outcome:
    """The verdict that is wrong where the truth is `factor` times a limit that it must be below."""
    return Outcome.FAIL if factor < 1.0 else Outcome.PASS


def _decisions(factor: float, said: Sequence[Outcome], looks: Sequence[int]) -> Decisions:
    return Decisions(
        factor,
        said.count(wrong(factor)) / len(said),
        said.count(Outcome.INCONCLUSIVE) / len(said),
        float(np.mean(looks)),
    )


def rate_decisions(rows: int, limit: float) -> list[Decisions]:
    """Verdicts on a false positive rate from `rows` benign rows: exact, by adding up binomial probabilities."""
    gate = Limit("fpr", "<", limit, "")
    hits = np.arange(min(rows, int(rows * limit * 3 + 50)) + 1)
    said = [decide(estimate(Proportion(int(k), rows, "rows"), CONFIDENCE), gate) for k in hits]
    result = []
    for factor in AROUND:
        chance = stats.binom(rows, limit * factor).pmf(hits)
        share = {
            outcome: float(sum(p for p, s in zip(chance, said, strict=True) if s is outcome)) for outcome in Outcome
        }
        result.append(Decisions(factor, share[wrong(factor)], share[Outcome.INCONCLUSIVE], 1.0))
    return result
