"""`python -m meta_tests.simulation [--runs N]`: the tables of docs/verdicts.md. Exit 1: a bound held too rarely."""

from __future__ import annotations

import argparse
import math
import sys

from meta_tests.simulation.latencies import BATCH, LATENCIES
from meta_tests.simulation.study import AROUND, LOOKS, coverage, decisions, rate_decisions

LEAST_COVERAGE, MOST_WRONG = 0.93, 0.05
ROWS = (1_000, 10_000, 100_000)


def _width(width: float) -> str:
    return f"{width:.1%}" if math.isfinite(width) else "none"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m meta_tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs of each series (default: 2000)")
    runs = parser.parse_args().runs
    missed = []
    print(f"Coverage of one-sided 0.95 bounds, low / high, {runs} runs of {BATCH:,} calls:\n")
    print("| latency | P50 | P95 | P99 | mean | width of P95 |\n|---|---|---|---|---|---|")
    for latencies in LATENCIES:
        found = coverage(latencies, runs, seed=1)
        cells = [f"{part.low:.3f} / {part.high:.3f}" for part in found.values()]
        print(
            f"| {latencies.name}: {latencies.says} | {' | '.join(cells)} | {_width(found['P95'].width)} |", flush=True
        )
        if not latencies.beyond and min(min(part.low, part.high) for part in found.values()) < LEAST_COVERAGE:
            missed.append(f"coverage of {latencies.name}")
    print(f"\nVerdicts on P95 with at most {LOOKS} looks, {runs} runs: wrong / INCONCLUSIVE (looks taken):\n")
    print("| latency | 5 % below the limit | at the limit | 5 % above |\n|---|---|---|---|")
    for latencies in LATENCIES:
        verdicts = decisions(latencies, runs, seed=2)
        cells = [f"{part.wrong:.1%} / {part.open:.1%} ({part.looks:.1f})" for part in verdicts]
        print(f"| {latencies.name} | {' | '.join(cells)} |", flush=True)
        if not latencies.beyond and max(part.wrong for part in verdicts) > MOST_WRONG:
            missed.append(f"verdicts on {latencies.name}")
    print("\nVerdicts on FPR < 1 %, exact: wrong / INCONCLUSIVE:\n")
    print(f"| benign rows | {' | '.join(f'true FPR {factor:.2f} %' for factor in AROUND)} |\n|---|---|---|---|")
    for rows in ROWS:
        parts = rate_decisions(rows, 0.01)
        print(f"| {rows:,} | {' | '.join(f'{part.wrong:.1%} / {part.open:.1%}' for part in parts)} |")
        if max(part.wrong for part in parts) > MOST_WRONG:
            missed.append(f"FPR of {rows} rows")
    for name in missed:
        print(f"below what is asked: {name}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
