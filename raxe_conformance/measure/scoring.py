"""One pass of a detector over a benchmark. Shared by every check that asks about accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from raxe_conformance.corpus.rows import Row
from raxe_conformance.errors import one_line
from raxe_conformance.measure.evidence import Scores


def score_rows(detector: Any, rows: Sequence[Row], progress: Callable[[int], None] = lambda done: None) -> Scores:
    """Analyze every row once. A row on which `analyze` raises or gives no finite score is kept, as an error."""
    scores: list[float | None] = []
    attacks: list[bool] = []
    families: list[str | None] = []
    subfamilies: list[str | None] = []
    errors: dict[str, str] = {}
    for done, row in enumerate(rows, 1):
        score, is_attack, family, subfamily = None, False, None, None
        try:
            answer = detector.analyze(row.text).metadata
            value = answer.get("score")
            if not isinstance(value, int | float) or not math.isfinite(value) or not 0.0 <= value <= 1.0:
                raise ValueError(f"the score is {value!r}, but should be in 0..1")
            score, is_attack, family = float(value), bool(answer.get("is_attack")), answer.get("family")
            subfamily = answer.get("sub_family")
        except Exception as error:  # noqa: BLE001  a foreign detector may raise anything, and that is the evidence
            errors[row.id] = one_line(f"{type(error).__name__}: {error}", 200)
        scores.append(score)
        attacks.append(is_attack)
        families.append(family)
        subfamilies.append(subfamily)
        progress(done)
    return Scores(
        ids=[row.id for row in rows],
        labels=[row.label for row in rows],
        subfamilies=[row.subfamily for row in rows],
        languages=[row.language for row in rows],
        sources=[row.source for row in rows],
        kinds=[row.kind for row in rows],
        pairs=[row.pair for row in rows],
        words=[len(row.text.split()) for row in rows],
        scores=scores,
        attacks=attacks,
        families=families,
        errors=errors,
        answered_subfamilies=subfamilies,
    )
