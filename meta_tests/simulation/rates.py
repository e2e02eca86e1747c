"""Tables of docs/verdicts.md on rates, by simulation (seeded): python -m meta_tests.simulation.rates

How often the bounds of F1 miss when sources differ, and how often a release verdict over several gates is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raxe_conformance.checks.reading import F1, Proportion
from raxe_conformance.checks.table import Level
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.outcome import Limit, Outcome
from raxe_conformance.verdict.release import GateRecord, release
from raxe_conformance.verdict.rollup import rollup
from raxe_conformance.verdict.significance import rules_of

RUNS = 1000
ROWS = 120  # attacks a source, as in the benchmark
# Beta distributions of a source's recall: mean 0.9, and how much sources differ (standard deviation).
DIFFERING = {"not at all": None, "by 0.03": (89.1, 9.9), "by 0.09": (9.0, 1.0)}
GATE = Limit("fpr", "<", 0.03, "")


def f1_misses() -> Iterator[str]:
    """Table rows: how often the true F1 over all sources lies beyond a bound that should miss in 5 of 100."""
    chance = np.random.default_rng(1)
    for differ, shape in DIFFERING.items():
        recall = np.full(400_000, 0.9) if shape is None else chance.beta(*shape, size=400_000)
        true = float(2 * recall.mean() / (1 + recall.mean()))  # no false positives, sources of one size
        for k in (2, 4, 6, 12, 30):
            missed = np.zeros(4)
            for _ in range(RUNS):
                own = np.full(k, 0.9) if shape is None else chance.beta(*shape, size=k)
                sources = tuple((int(hits), 0, int(ROWS - hits)) for hits in chance.binomial(ROWS, own))
                tp, fn = sum(s[0] for s in sources), sum(s[2] for s in sources)
                for at, found in enumerate((estimate(F1(tp, 0, fn), 0.95), estimate(F1(tp, 0, fn, sources), 0.95))):
                    missed[2 * at] += found.low > true
                    missed[2 * at + 1] += found.high < true
            cells = " | ".join(f"{100 * m / RUNS:.1f} %" for m in missed)
            yield f"| {differ} | {k} | {cells} |"


def wrong_releases(gates: int) -> tuple[float, float, float]:
    """Share of runs, with all gates truly at the limit's good side by a hair: some gate FAIL; FAIL that survives Holm.

    And, with one gate truly at its limit and the others far below it: release verdict PASS.
    """
    chance, n = np.random.default_rng(2), 2000
    table = [
        rules_of(reading, estimate(reading, 0.95), GATE, how_sure=True)
        for reading in (Proportion(hits, n, "rows") for hits in range(200))
    ]

    def verdict(hits: list[int]) -> tuple[Outcome, bool]:
        found = [
            GateRecord(f"G-{i}", Level.MUST, table[h].interval, False, table[h].p_pass, table[h].p_fail)
            for i, h in enumerate(hits)
        ]
        outcome = rollup(found)
        return outcome, bool(release(outcome, found, 0.95).survives)

    good = [verdict(hits) for hits in chance.binomial(n, 0.0299999, size=(10 * RUNS, gates))]
    bad = [verdict(hits) for hits in chance.binomial(n, [0.03] + [0.005] * (gates - 1), size=(10 * RUNS, gates))]
    return (
        sum(outcome is Outcome.FAIL for outcome, _ in good) / len(good),
        sum(survives for _, survives in good) / len(good),
        sum(outcome is Outcome.PASS for outcome, _ in bad) / len(bad),
    )


def main() -> None:
    print("| recall of sources differs | sources | rows: low misses | high misses | with sources: low | high |")
    print("|---|---|---|---|---|---|")
    for row in f1_misses():
        print(row)
    print(
        "\n| MUST gates | some gate FAIL by chance | FAIL that survives Holm | PASS although one gate does not hold |"
    )
    print("|---|---|---|---|")
    for gates in (1, 2, 4, 8):
        print(f"| {gates} | " + " | ".join(f"{100 * share:.1f} %" for share in wrong_releases(gates)) + " |")


if __name__ == "__main__":
    main()
