"""Decisions on derived texts: which flagged attacks stay flagged, which passed benign rows stay passed.

Only rows that the detector decides rightly as they stand are asked about again, so what is found is due to the change
and not to the row. The sample is seeded and bounded: at most MOST_CALLS calls of `analyze`.
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
    known = transformations(_carriers(passed, seed))
    # One order for all transformations, so that their samples hold the same rows wherever they can.
    attack_order = _shuffled(flagged, seed, lambda row: row.label)
    benign_order = _shuffled(passed, seed, lambda row: row.kind)
    asked = _Asked(detector)
    parts: list[Transformed] = []
    missed: dict[str, list[Row]] = {}
    for transformation in known.values():
        attacks = _sample(attack_order, transformation, ATTACKS, seed)
        benign = _sample(benign_order, transformation, BENIGN, seed)
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
    smallest = _smallest(parts, missed, known, asked, seed)
    return Robustness(
        seed=seed, flagged=len(flagged), passed=len(passed), parts=parts, smallest=smallest, calls=asked.calls
    )


def smallest_miss(
    missed: Callable[[str], bool],
    text: str,
    known: Mapping[str, Transformation],
    *,
    seed: int = SEED,
    most_calls: int = SEARCH_CALLS,
) -> tuple[Step, ...] | None:
    """The smallest chain of transformations of an attack that makes a detector miss it, found by hypothesis.

    `missed` says of a text whether the detector lets it pass; it is called at most `most_calls` times. Chains that
    change words come first, then chains that change the whole text; of each, none could do with a step or a word less.
    None where no chain was found.
    """
    answers: dict[str, bool] = {}

    def fails(chain: Sequence[Step]) -> bool:
        changed = apply_chain(chain, text, dict(known), seed=seed)
        if changed == text:
            return False
        if changed not in answers:
            if len(answers) >= most_calls:
                return False
            answers[changed] = missed(changed)
        return answers[changed]

    by_word = [name for name, transformation in known.items() if transformation.word]
    chain = _find(fails, by_word, [], len(text.split()), seed, most_calls // 2) if by_word else None
    if chain is None:
        chain = _find(fails, by_word, list(known), len(text.split()), seed, most_calls)
    return None if chain is None else _lean(chain, fails)


def _find(
    fails: Callable[[Sequence[Step]], bool], by_word: list[str], whole: list[str], words: int, seed: int, examples: int
) -> list[Step] | None:
    """A small chain of up to three steps that fails: each changes up to eight words, or the whole text."""
    from hypothesis import HealthCheck, Phase, Verbosity, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    numbers = st.lists(st.integers(0, max(0, words - 1)), min_size=1, max_size=8).map(lambda n: tuple(sorted(set(n))))
    steps = [st.builds(Step, st.sampled_from(by_word), numbers)] if by_word else []
    steps += [st.builds(Step, st.sampled_from(whole))] if whole else []
    try:
        return find(
            st.lists(st.one_of(steps), min_size=1, max_size=3), fails,
            random=Random(seed),  # noqa: S311  a search, not a secret
            # Named in full, so that a profile of whoever runs pytest changes nothing.
            settings=settings(
                max_examples=examples, database=None, deadline=None, phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck), verbosity=Verbosity.normal,
            ),
        )  # fmt: skip
    except NoSuchExample:
        return None


def _lean(chain: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> tuple[Step, ...]:
    """The chain without the steps and words that it can do without."""
    lean = list(chain)
    for step in list(lean):
        fewer = [other for other in lean if other is not step]
        if fewer and fails(fewer):
            lean = fewer
    for at, step in enumerate(lean):
        for word in step.words:
            words = tuple(other for other in lean[at].words if other != word)
            if words and fails([*lean[:at], Step(step.name, words), *lean[at + 1 :]]):
                lean[at] = Step(step.name, words)
    return tuple(lean)


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
    right = [
        row
        for row, attack, score in zip(rows, scores.attacks, scores.scores, strict=True)
        if score is not None and attack == row.is_attack
    ]
    return [row for row in right if row.is_attack], [row for row in right if not row.is_attack]


def _shuffled(rows: Iterable[Row], seed: int, key: Callable[[Row], Any]) -> list[Row]:
    """The rows in a seeded order that takes the groups in turn, so that the first few are of all of them."""
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
    """Long harmless texts out of benign rows that the detector passes: content before requests, English first."""

    def rank(row: Row) -> tuple[int, bool]:
        kind = _CARRIER_KINDS.index(row.kind) if row.kind in _CARRIER_KINDS else len(_CARRIER_KINDS)
        return kind, not (row.language or "en").startswith("en")

    return long_texts([row.text for row in sorted(_shuffled(passed, seed, lambda row: ""), key=rank)])


def _smallest(
    parts: Sequence[Transformed],
    missed: Mapping[str, Sequence[Row]],
    known: Mapping[str, Transformation],
    asked: _Asked,
    seed: int,
) -> SmallestChange | None:
    """The smallest change of the worst transformation's kind that hides the shortest attack which that one hides.

    The worst of those that go word by word, because of them something can be learnt: which word a detector hangs on.
    """
    hiding = [part for part in parts if part.missed]
    if not hiding:
        return None
    worst = max(hiding, key=lambda part: (known[part.name].word is not None, len(part.missed) / part.attacks))
    row = min(missed[worst.name], key=lambda row: (len(row.text), row.id))
    before = asked.calls
    related = {worst.name: known[worst.name]} | {n: t for n, t in known.items() if t.group == worst.group}
    chain = smallest_miss(lambda text: not asked.flags(text, otherwise=False), row.text, related, seed=seed)
    return SmallestChange(
        id=row.id,
        group=worst.group,
        steps=[step.name for step in chain or (Step(worst.name),)],
        words=[list(step.words) for step in chain or (Step(worst.name),)],
        of_words=len(row.text.split()),
        calls=asked.calls - before,
    )
