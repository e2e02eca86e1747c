"""Scores of a detector, made up row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raxe_conformance.measure.evidence import Scores


def scored(labels: Sequence[str], attacks: Sequence[bool], **columns: Any) -> Scores:
    """Evidence of one pass: labels, and what was called an attack. `columns` replace those of Scores."""
    n, rows = len(labels), list(zip(labels, attacks, strict=True))
    values: dict[str, Any] = {
        "ids": [f"r{i}" for i in range(n)], "labels": list(labels), "attacks": list(attacks),
        "scores": [0.9 if attack else 0.1 for attack in attacks],
        "families": [label if attack and label != "BENIGN" else None for label, attack in rows],
        "words": [5] * n,
        **{name: [None] * n for name in ("subfamilies", "languages", "sources", "kinds", "pairs")},
    }  # fmt: skip
    return Scores(**{**values, **columns})


def counted(tp: int, fp: int, fn: int, tn: int, **columns: Any) -> Scores:
    """Evidence with these counts, in this order of rows; attacks are of family PI."""
    labels = ["PI"] * tp + ["BENIGN"] * fp + ["PI"] * fn + ["BENIGN"] * tn
    return scored(labels, [True] * (tp + fp) + [False] * (fn + tn), **columns)
