"""Scoring keeps every row, the ones that fail too, and a failure is never in the detector's favour."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from raxe_conformance.checks.accuracy import confusion
from raxe_conformance.corpus.rows import Row
from raxe_conformance.measure.loading import PROBES, try_loading
from raxe_conformance.measure.scoring import score_rows

ROWS = [
    Row("fine", "BENIGN", "b1"), Row("raise", "BENIGN", "b2"), Row("nan", "BENIGN", "b3"),
    Row("evil", "PI", "a1"), Row("raise", "PI", "a2"), Row("big", "PI", "a3"),
]  # fmt: skip


class Odd:
    """Raises, or answers with what is no probability."""

    def analyze(self, text: str) -> SimpleNamespace:
        if text == "raise":
            raise RuntimeError("no\nanswer")
        score: Any = {"nan": math.nan, "big": 1.5, "evil": 0.9}.get(text, 0.1)
        return SimpleNamespace(metadata={"score": score, "is_attack": score > 0.5, "family": "PI"})


def test_rows_without_a_usable_score_are_kept_as_errors() -> None:
    scores = score_rows(Odd(), ROWS)
    assert scores.ids == ["b1", "b2", "b3", "a1", "a2", "a3"]
    assert scores.scores == [0.1, None, None, 0.9, None, None]
    assert scores.errors["b2"] == "RuntimeError: no answer"
    assert scores.errors["b3"] == "ValueError: the score is nan, but should be in 0..1"
    assert set(scores.errors) == {"b2", "b3", "a2", "a3"}


def test_a_failed_row_counts_as_decided_wrongly() -> None:
    tp, fp, fn, tn = confusion(score_rows(Odd(), ROWS))
    assert (tp, fp, fn, tn) == (1, 2, 2, 1)


def test_progress_is_told_row_by_row() -> None:
    seen: list[int] = []
    score_rows(Odd(), ROWS, seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_loading_asks_every_probe_and_keeps_what_goes_wrong() -> None:
    class Picky:
        def analyze(self, text: str) -> SimpleNamespace:
            if not text.strip():
                raise ValueError("empty")
            return SimpleNamespace(metadata={"score": 0.5 if len(text) < 1000 else 2.0})

    loaded = try_loading(Picky, "picky")
    assert loaded.ok
    assert {fault.where for fault in loaded.faults} == {
        "analyze(an empty text)", "analyze(blanks)", "analyze(20,000 words)",
    }  # fmt: skip
    assert len(PROBES) == 7
