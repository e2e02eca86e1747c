"""How time grows with the length of a text, up to LENGTHS[-1] tokens: no gate, a curve to look at.

The texts are made of the benchmark's own, joined in a seeded order and cut, so they hold what prompts hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from statistics import median
from typing import Any, Final

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence_resources import LengthCurve, LengthPoint
from raxe_conformance.measure.timing import Stopwatch

LENGTHS: Final = (125, 250, 500, 1000, 2000, 4000, 8000)
TEXTS: Final = 5  # of each length
BUDGET_S: Final = 5.0
SEED: Final = 0
CHARACTERS_A_TOKEN: Final = 4  # of English prose, where a detector does not show its tokenizer


def measure_length_curve(
    detector: Any,
    texts: Sequence[str],
    stopwatch: Stopwatch,
    *,
    off_target: str | None = None,
    budget_s: float = BUDGET_S,
) -> LengthCurve:
    """Time `detector.analyze` on TEXTS texts of each length, once each, in rounds from the shortest to the longest.

    A call that would not end within `budget_s` seconds, going by the last call on a text of that length (or, the first
    time, by the time a token took in the length before), is left out. Raises MeasurementError where no benchmark text
    has a token.
    """
    count, counted_by = _counter(detector)
    rounds = [_texts(texts, count, seed) for seed in range(SEED, SEED + TEXTS)]
    times: dict[int, list[float]] = {length: [] for length in LENGTHS}
    began = stopwatch.clock()
    for made in rounds:
        a_token = 0.0
        for length in LENGTHS:
            expected = times[length][-1] if times[length] else length * a_token
            if stopwatch.clock() - began + expected > budget_s:
                break
            seconds = stopwatch.run(detector.analyze, [made[length]], _nothing)[0]
            times[length].append(seconds)
            a_token = seconds / length
    return LengthCurve(
        seed=SEED,
        counted_by=counted_by,
        points=[
            LengthPoint(length, round(median(count(made[length]) for made in rounds)), [1000.0 * s for s in seconds])
            for length, seconds in times.items() if seconds
        ],
        left_out=[length for length, seconds in times.items() if not seconds],
        off_target=off_target,
    )  # fmt: skip


def _nothing() -> None:
    """What is done before a call."""


def _counter(detector: Any) -> tuple[Callable[[str], int], str]:
    token_ids = getattr(getattr(detector, "embedder", None), "token_ids", None)
    if callable(token_ids):
        return (lambda text: len(token_ids(text))), "the detector's tokenizer"
    return (lambda text: len(text) // CHARACTERS_A_TOKEN), f"{CHARACTERS_A_TOKEN} characters a token"


def _texts(texts: Sequence[str], count: Callable[[str], int], seed: int) -> dict[int, str]:
    """Length in tokens → a text of about that length: the beginning of all texts, one after the other, shuffled."""
    order = list(texts)
    Random(seed).shuffle(order)  # noqa: S311  an order, not a secret
    if not any(map(count, order)):
        raise MeasurementError("no benchmark text has a token", remedy="name another: --raxe-benchmark FILE")
    parts: list[str] = []
    made: dict[int, str] = {}
    tokens = 0
    for text in cycle(order):
        here = count(text)
        while len(made) < len(LENGTHS) and tokens + here >= LENGTHS[len(made)]:
            length = LENGTHS[len(made)]
            made[length] = "\n\n".join([*parts, text[: len(text) * (length - tokens) // here]])
        if len(made) == len(LENGTHS):
            return made
        parts.append(text)
        tokens += here
    raise AssertionError("cycle has no end")
