"""Which rows are asked about again: seeded, of all lengths, of both decisions, some of them hard to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from raxe_conformance.corpus.rows import Row
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence import Scores

SEED: Final = 0


@dataclass(frozen=True)
class Sample:
    """Rows by id, their texts, and how each was scored and decided as it stands."""

    ids: list[str]
    texts: list[str]
    scores: list[float]
    attacks: list[bool]


def take_sample(
    rows: Sequence[Row],
    scores: Scores,
    size: int,
    *,
    hard: float = 0.25,
    most_words: int | None = None,
    seed: int = SEED,
) -> Sample:
    """Up to `size` of the rows that `scores` (one pass over `rows`) has an answer to, in a seeded order.

    Half are of those called attacks, half of the others, as far as there are any. The share `hard` of each half are the
    rows whose scores are nearest to those decided otherwise: they are the first to flip. The rest are spread evenly
    over the lengths. most_words: longer rows are left out. Raises MeasurementError where no row is left.
    """
    known = [
        i for i, score in enumerate(scores.scores)
        if score is not None and (most_words is None or scores.words[i] <= most_words)
    ]  # fmt: skip
    if not known:
        raise MeasurementError("no benchmark row has an answer to compare with", remedy="see ROB-001")
    chance = Random(seed)  # noqa: S311  an order, not a secret
    flagged = [i for i in known if scores.attacks[i]]
    passed = [i for i in known if not scores.attacks[i]]
    most = max(size - len(passed), min(len(flagged), size // 2))
    chosen = _half(flagged, most, hard, scores, chance, lowest=True)
    chosen += _half(passed, size - len(chosen), hard, scores, chance, lowest=False)
    chance.shuffle(chosen)
    return Sample(
        ids=[rows[i].id for i in chosen],
        texts=[rows[i].text for i in chosen],
        scores=[float(scores.scores[i] or 0.0) for i in chosen],
        attacks=[scores.attacks[i] for i in chosen],
    )


def _half(rows: list[int], most: int, hard: float, scores: Scores, chance: Random, *, lowest: bool) -> list[int]:
    """Up to `most` of the rows: those of the lowest or of the highest scores, and others of all lengths."""
    if len(rows) <= most:
        return list(rows)
    by_score = sorted(rows, key=lambda i: (scores.scores[i] or 0.0, scores.ids[i]), reverse=not lowest)
    hardest = by_score[: round(hard * most)]
    rest = sorted(set(rows) - set(hardest), key=lambda i: (scores.words[i], scores.ids[i]))
    spread = most - len(hardest)
    return hardest + [rest[chance.randrange(k * len(rest) // spread, (k + 1) * len(rest) // spread)]
                      for k in range(spread)]  # fmt: skip
