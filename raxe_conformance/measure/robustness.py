"""Decisions on derived texts: which flagged attacks stay flagged, which passed benign rows stay passed.

Only rows that the detector decides rightly as they stand are asked about again, so what is found is due to the change and
not to the row. The sample is seeded and bounded: at most MOST_CALLS calls of `analyze`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any, Final

from raxe_conformance.corpus.derive import Step, Transformation, apply_chain, transformations
from raxe_conformance.corpus.planting import long_texts
from raxe_conformance.corpus.rows import Row
from raxe_conformance.measure.evidence import Robustness, Scores, SmallestChange, Transformed

SEED: Final = 0
ATTACKS: Final = 60
BENIGN: Final = 60
SEARCH_CALLS: Final = 200
MOST_CALLS: Final = 12 * (ATTACKS + BENIGN) + SEARCH_CALLS
_CARRIER_KINDS: Final = ("document", "email", "table", "log", "code", "json", "assistant")


def measure_robustness(detector: Any, rows: Sequence[Row], scores: Scores, *, seed: int = SEED) -> Robustness:
    """Ask about derived texts of a seeded sample of the rows that `scores` (one pass over `rows`) show rightly decided.

    A derived text on which `analyze` fails counts as decided wrongly, and is counted in `failed` too.
    """
    flagged, passed = _right(rows, scores)
    carriers = _carriers(passed, seed)
    known = transformations(carriers)
    asked = _Asked(detector)
    parts, missed = [], {}
    for transformation in known.values():
        attacks = _sample(_shuffled(flagged, seed, lambda row: row.label), transformation, ATTACKS, seed)
        free = [row for row in passed if not any(row.text.strip() in carrier for carrier in carriers)]
        benign = _sample(_shuffled(free, seed, lambda row: row.kind), transformation, BENIGN, seed)
        failed = asked.failed
        lost = [row for row, text in attacks if not asked.flags(text, otherwise=False)]
        alarms = [row for row, text in benign if asked.flags(text, otherwise=True)]
        missed[transformation.name] = lost
        parts.append(
            Transformed(
                name=transformation.name,
                group=transformation.group,
                title=transformation.title,
                attacks=len(attacks),
                benign=len(benign),
                missed=[row.id for row in lost],
                alarms=[row.id for row in alarms],
                failed=asked.failed - failed,
            )
        )
    found = Robustness(seed=seed, flagged=len(flagged), passed=len(passed), parts=parts, smallest=None, calls=0)
    smallest = _smallest(found, missed, known, asked, seed)
    return Robustness(**{**vars(found), "smallest": smallest, "calls": asked.calls})


def smallest_miss(
    missed: Callable[[str], bool],
    text: str,
    known: Mapping[str, Transformation],
    *,
    seed: int = SEED,
    most_calls: int = SEARCH_CALLS,
) -> tuple[Step, ...] | None:
    """The smallest chain of transformations of an attack that makes a detector miss it, found by hypothesis.

    `missed` says of a text whether the detector lets it pass; it is called at most `most_calls` times. Smaller is: fewer
    steps, then an earlier transformation of `known`, then fewer words changed. None where no chain was found that does it.
    """
    from hypothesis import HealthCheck, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    numbers = st.integers(0, max(0, len(text.split()) - 1))
    some_words = st.lists(numbers, min_size=1, max_size=8, unique=True).map(lambda words: tuple(sorted(words)))
    every_word = st.just(())
    steps = st.one_of(
        [
            st.builds(Step, st.just(name), some_words | every_word if transformation.word else every_word)
            for name, transformation in known.items()
        ]
    )
    answers: dict[str, bool] = {}

    def fails(chain: list[Step]) -> bool:
        changed = apply_chain(chain, text, dict(known), seed=seed)
        if changed == text:
            return False
        if changed not in answers:
            if len(answers) >= most_calls:
                return False
            answers[changed] = missed(changed)
        return answers[changed]

    try:
        found = find(
            st.lists(steps, min_size=1, max_size=3), fails, random=Random(seed),  # noqa: S311  a search, not a secret
            settings=settings(
                max_examples=most_calls, database=None, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )  # fmt: skip
    except NoSuchExample:
        return None
    return tuple(found)


class _Asked:
    """The detector, with its calls and failures counted."""

    def __init__(self, detector: Any) -> None:
        self._detector, self.calls, self.failed = detector, 0, 0

    def flags(self, text: str, *, otherwise: bool) -> bool:
        """Whether the text is called an attack; `otherwise` where there is no usable answer."""
        self.calls += 1
        try:
            answer = self._detector.analyze(text).metadata
            if not math.isfinite(answer["score"]):
                raise ValueError("the score is not finite")
            return bool(answer["is_attack"])
        except Exception:  # noqa: BLE001  a foreign detector may raise anything, and that is the evidence
            self.failed += 1
            return otherwise


def _right(rows: Sequence[Row], scores: Scores) -> tuple[list[Row], list[Row]]:
    """Attacks that were flagged, and benign rows that were passed."""
    answered = [row for row, score in zip(rows, scores.scores, strict=True) if score is not None]
    said = {row_id for row_id, attack in zip(scores.ids, scores.attacks, strict=True) if attack}
    return (
        [row for row in answered if row.is_attack and row.id in said],
        [row for row in answered if not row.is_attack and row.id not in said],
    )


def _shuffled(rows: Iterable[Row], seed: int, key: Callable[[Row], Any]) -> list[Row]:
    """The rows in a seeded order that takes the groups (families, kinds) in turn, so that a prefix holds all of them."""
    chance = Random(seed)  # noqa: S311  an order, not a secret
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[str(key(row))].append(row)
    ranked = []
    for name in sorted(groups):
        chance.shuffle(groups[name])
        ranked += [(rank, name, row) for rank, row in enumerate(groups[name])]
    return [row for _, _, row in sorted(ranked, key=lambda item: item[:2])]


def _sample(rows: Iterable[Row], change: Transformation, most: int, seed: int) -> list[tuple[Row, str]]:
    """The first `most` rows that the transformation suits and changes, with their changed texts."""
    found = []
    for row in rows:
        if change.suits(row) and (changed := change.change(row.text, seed=seed)) != row.text:
            found.append((row, changed))
            if len(found) == most:
                break
    return found


def _carriers(passed: Sequence[Row], seed: int) -> list[str]:
    """Long harmless texts out of benign rows that the detector passes, of the first kind that there is, in English first."""
    for kind in (*_CARRIER_KINDS, None):
        texts = [row for row in passed if kind is None or row.kind == kind]
        if texts:
            ordered = _shuffled(texts, seed, lambda row: not (row.language or "en").startswith("en"))
            ordered.sort(key=lambda row: not (row.language or "en").startswith("en"))
            return long_texts([row.text for row in ordered])
    return []


def _smallest(
    found: Robustness, missed: Mapping[str, Sequence[Row]], known: Mapping[str, Transformation], asked: _Asked, seed: int
) -> SmallestChange | None:
    """The smallest change that hides the shortest attack that the worst transformation hides."""
    worst = found.worst()
    if worst is None:
        return None
    row = min(missed[worst.name], key=lambda row: (len(row.text), row.id))
    before = asked.calls
    same_group = {worst.name: known[worst.name]} | {n: t for n, t in known.items() if t.group == worst.group}
    chain = smallest_miss(lambda text: not asked.flags(text, otherwise=False), row.text, same_group, seed=seed)
    return SmallestChange(
        id=row.id,
        steps=[step.name for step in chain or (Step(worst.name),)],
        words=[list(step.words) for step in chain or (Step(worst.name),)],
        of_words=len(row.text.split()),
        calls=asked.calls - before,
    )
