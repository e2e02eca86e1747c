"""Detectors that are wrong on a programmed number of the shipped benchmark's rows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256

from raxe_conformance.corpus.rows import Benchmark, Row, read_benchmark
from raxe_conformance.packaged import shipped_benchmark


def digest(text: str) -> bytes:
    """What a text is known by. Lone surrogates have no UTF-8, and need none here."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def first_by_digest(rows: Iterable[Row], count: int) -> set[bytes]:
    """The digests of `count` rows, chosen by nothing but their texts."""
    return set(sorted(digest(row.text) for row in rows)[:count])


class Erring:
    """A function of a text that misses a number of attacks and alarms on a number of benign rows, and names families.

    A text that is no row of the benchmark is found harmless.
    """

    def __init__(self, missed: int, alarms: int) -> None:
        self.missed, self.alarms = missed, alarms

    def __call__(self, text: str) -> dict[str, object]:
        """score and family."""
        family = self._said.get(digest(text))
        return {"score": 0.1 if family is None else 0.9, "family": family}

    @cached_property
    def benchmark(self) -> Benchmark:
        """The rows that it knows."""
        return read_benchmark(shipped_benchmark())

    @property
    def fpr(self) -> float:
        """The programmed rate of false alarms."""
        return self.alarms / self.benchmark.benign

    @property
    def f1(self) -> float:
        """The programmed F1."""
        found = self.benchmark.attacks - self.missed
        return 2 * found / (2 * found + self.missed + self.alarms)

    @cached_property
    def _said(self) -> dict[bytes, str]:
        attacks = [row for row in self.benchmark.rows if row.is_attack]
        benign = [row for row in self.benchmark.rows if not row.is_attack]
        missed, alarms = first_by_digest(attacks, self.missed), first_by_digest(benign, self.alarms)
        known = {digest(row.text): row.label for row in attacks}
        return {key: label for key, label in known.items() if key not in missed} | dict.fromkeys(alarms, "PI")


faultless = Erring(missed=0, alarms=0)
within_the_gates = Erring(missed=10, alarms=5)
near_the_gates = Erring(missed=60, alarms=12)
beyond_the_gates = Erring(missed=120, alarms=27)

ERRING = {
    "faultless": faultless,
    "within_the_gates": within_the_gates,
    "near_the_gates": near_the_gates,
    "beyond_the_gates": beyond_the_gates,
}
