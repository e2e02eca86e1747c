"""Answers beside answers: which scores moved, which decisions flipped, what stayed without an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from raxe_conformance.measure.evidence_invariance import Compared
from raxe_conformance.measure.sampling import Sample

# Score and decision; None where there is no usable answer.
Answer = tuple[float, bool] | None


def read_answer(result: Any) -> Answer:
    """The score and the decision of an L2Result, or of what should be one."""
    try:
        found = result.metadata
        score = float(found["score"])
        return (score, bool(found["is_attack"])) if math.isfinite(score) else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def ask(analyze: Callable[[str], Any], text: str) -> Answer:
    """What a detector answers; None where it fails."""
    try:
        return read_answer(analyze(text))
    except Exception:  # noqa: BLE001  a foreign detector may raise anything, and that is the evidence
        return None


def compare(name: str, title: str, sample: Sample, asked: Sequence[int], answers: Sequence[Answer]) -> Compared:
    """Set answers[i], to the text at position asked[i] of the sample, beside what was answered to it as it stands."""
    moved: dict[str, float] = {}
    flipped: list[str] = []
    unanswered: list[str] = []
    for position, answer in zip(asked, answers, strict=True):
        row_id = sample.ids[position]
        if answer is None:
            unanswered.append(row_id)
            continue
        score, attack = answer
        if (difference := abs(score - sample.scores[position])) > 0.0:
            moved[row_id] = max(difference, moved.get(row_id, 0.0))
        if attack != sample.attacks[position]:
            flipped.append(row_id)
    return Compared(
        name=name,
        title=title,
        texts=len(set(asked)),
        moved=moved,
        flipped=list(dict.fromkeys(flipped)),
        unanswered=list(dict.fromkeys(unanswered)),
    )
