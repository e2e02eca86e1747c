"""`python -m meta_tests.metronomes [--burn] [NAME …]`: the tables of docs/verdicts.md. Exit 1: a verdict was wrong."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext

from meta_tests.metronomes.burn import burning
from meta_tests.metronomes.judging import (
    AROUND,
    COUNTED_HEAD,
    TIMED_HEAD,
    counted_row,
    judge_p95,
    judge_rates,
    timed_row,
)
from meta_tests.metronomes.latency import METRONOMES
from meta_tests.metronomes.rates import ERRING
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.second_core import find_second_core
from raxe_conformance.measure.timing import Stopwatch


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m meta_tests.metronomes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(METRONOMES)}; all without one")
    parser.add_argument("--burn", action="store_true", help="with every core kept busy by another process")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(METRONOMES):
        parser.error(f"there is no metronome {', '.join(sorted(unknown))}; there are {', '.join(METRONOMES)}")
    wrong = 0
    print(TIMED_HEAD)
    with burning() if arguments.burn else nullcontext():
        for name in arguments.names or METRONOMES:
            for factor in AROUND:
                timed = judge_p95(name, factor, Instruments(lambda: Stopwatch(second_core=find_second_core())))
                print(timed_row(timed), flush=True)
                wrong += timed.wrong
    if not arguments.names and not arguments.burn:
        print("\n" + COUNTED_HEAD)
        for name in ERRING:
            for counted in judge_rates(name):
                print(counted_row(counted), flush=True)
                wrong += counted.wrong
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
