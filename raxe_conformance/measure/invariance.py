"""The same texts again, in batches, and with white space added: what should change nothing.

What is compared with is the pass over the benchmark that all checks of accuracy rest on. Every sample is seeded and
bounded: together some 450 calls of `analyze`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any, Final

from raxe_conformance.errors import MeasurementError, one_line
from raxe_conformance.measure.child import Child
from raxe_conformance.measure.comparing import Answer, ask, compare, read_answer
from raxe_conformance.measure.evidence_invariance import Batches, BatchFault, Compared, Padding, Repeats
from raxe_conformance.measure.sampling import SEED, Sample

REPEATED: Final = 60
THREADS: Final = 8
BATCHED: Final = 32
BATCH: Final = 8
PADDED: Final = 32
LONG_CHARACTERS: Final = 4_000  # about 1,000 tokens: past the window of every encoder of this kind
PAD_CHARACTERS: Final = 12_000

PADDINGS: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "blank_before": ("with white space before them", lambda text: f" \n\t{text}"),
    "blank_behind": ("with white space behind them", lambda text: f"{text}\n \n"),
    "far_before": (f"behind {PAD_CHARACTERS:,} characters of white space", lambda text: _run(" \n\t\r\n") + text),
    "far_behind": (f"before {PAD_CHARACTERS:,} characters of white space", lambda text: text + _run("\n \t \r\n")),
    "lines_behind": (f"before {PAD_CHARACTERS:,} empty lines", lambda text: text + "\n" * PAD_CHARACTERS),
}


def _run(pattern: str) -> str:
    return (pattern * (PAD_CHARACTERS // len(pattern) + 1))[:PAD_CHARACTERS]


def measure_repeats(detector: Any, sample: Sample, target: Mapping[str, Any], child: Child) -> Repeats:
    """Ask again in this process, from THREADS threads at once (each text twice), and in a fresh process."""
    chance = Random(SEED)  # noqa: S311  an order, not a secret
    again = list(reversed(range(len(sample.texts))))
    parts = [compare("again", "asked again", sample, again, _asked(detector, sample, again))]
    twice = [*range(len(sample.texts))] * 2
    chance.shuffle(twice)
    answers = _from_threads(partial(ask, detector.analyze), [sample.texts[position] for position in twice])
    parts.append(compare("threads", f"asked from {THREADS} threads at once", sample, twice, answers))
    not_done: dict[str, str] = {}
    try:
        parts.append(in_another_process("process", "asked in a fresh process", sample, partial(child, target)))
    except MeasurementError as error:
        not_done["in a fresh process"] = str(error)
    return Repeats(seed=SEED, parts=parts, not_done=not_done)


def in_another_process(
    name: str, title: str, sample: Sample, run: Callable[[str, Mapping[str, Any]], dict[str, Any]]
) -> Compared:
    """What another process answers to the sample's texts. Raises MeasurementError where it answers nothing."""
    said = run("scores", {"texts": sample.texts})
    try:
        pairs = list(zip(said["scores"], said["attacks"], strict=True))
        answers: list[Answer] = [None if score is None else (float(score), bool(attack)) for score, attack in pairs]
        return compare(name, title, sample, range(len(sample.texts)), answers)
    except (KeyError, TypeError, ValueError) as error:
        raise MeasurementError(f"the process that scores answered with what cannot be read: {error}") from None


def measure_batches(detector: Any, sample: Sample) -> Batches:
    """Ask in batches of texts of all lengths, beside one very long text, one at a time, and for none at all.

    Raises MeasurementError where the detector has no `analyze_batch`.
    """
    analyze_batch = getattr(detector, "analyze_batch", None)
    if analyze_batch is None:
        raise MeasurementError("the detector has no analyze_batch", remedy="give it one: texts in, results in order")
    faults: list[BatchFault] = []
    positions = list(range(len(sample.texts)))
    groups = [positions[start : start + BATCH] for start in range(0, len(positions), BATCH)]
    long_text = _long_text(sample.texts)
    mixed, beside, alone = [], [], []
    for group in groups:
        texts = [sample.texts[position] for position in group]
        mixed += _batch(analyze_batch, texts, f"a batch of {len(texts)}", faults)
        more = [*texts, long_text]
        beside += _batch(analyze_batch, more, f"a batch of {len(more)}", faults)[:-1]
    for position in groups[0]:
        alone += _batch(analyze_batch, [sample.texts[position]], "a batch of one", faults)
    _batch(analyze_batch, [], "an empty batch", faults)
    title = f"in batches of {BATCH} texts of all lengths"
    return Batches(
        seed=SEED,
        parts=[
            compare("mixed", title, sample, positions, mixed),
            compare("long", f"beside a text of {len(long_text):,} characters", sample, positions, beside),
            compare("alone", "alone in a batch", sample, groups[0], alone),
        ],
        faults=[*faults, *_order_fault(sample, groups, mixed)],
    )


def measure_padding(detector: Any, sample: Sample) -> Padding:
    """Ask about the texts with white space before or behind them, a little and far more than a window holds."""
    positions = range(len(sample.texts))
    parts = [
        compare(name, title, sample, positions, [ask(detector.analyze, change(text)) for text in sample.texts])
        for name, (title, change) in PADDINGS.items()
    ]
    return Padding(seed=SEED, flagged=sum(sample.attacks), parts=parts)


def _asked(detector: Any, sample: Sample, positions: Sequence[int]) -> list[Answer]:
    return [ask(detector.analyze, sample.texts[position]) for position in positions]


def _from_threads(question: Callable[[str], Answer], texts: Sequence[str]) -> list[Answer]:
    """The answers to the texts, of which THREADS threads take one after the other; they start together."""
    together = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS, initializer=together.wait) as pool:
        # The pool starts a thread a task until all are there, so that each waits for the last.
        return list(pool.map(question, [*texts, *[""] * max(0, THREADS - len(texts))]))[: len(texts)]


def _batch(
    analyze_batch: Callable[[list[str]], Any], texts: list[str], what: str, faults: list[BatchFault]
) -> list[Answer]:
    """The answers to a batch, one a text; where they cannot be told apart, none, and a fault."""
    expected = f"{len(texts)} results in the order of the texts"
    try:
        results = list(analyze_batch(list(texts)))
    except Exception as error:  # noqa: BLE001  a foreign detector may raise anything, and that is the evidence
        faults.append(BatchFault(what, one_line(f"{type(error).__name__}: {error}", 200), expected))
        return [None] * len(texts)
    if len(results) != len(texts):
        faults.append(BatchFault(what, f"{len(results)} results", expected))
        return [None] * len(texts)
    return [read_answer(result) for result in results]


def _order_fault(sample: Sample, groups: Sequence[Sequence[int]], answers: Sequence[Answer]) -> list[BatchFault]:
    """A fault for the first batch whose answers are those of its texts, but in another order."""
    for group in groups:
        alone = [(sample.scores[position], sample.attacks[position]) for position in group]
        found = [answers[position] for position in group]
        if None not in found and found != alone and sorted(map(str, found)) == sorted(map(str, alone)):
            what = f"a batch of {len(group)}"
            return [BatchFault(what, "the results of its texts in another order", "results in the order of the texts")]
    return []


def _long_text(texts: Sequence[str]) -> str:
    """The sample's texts one after the other, again and again, up to LONG_CHARACTERS characters."""
    joined = "\n\n".join(texts) or "text"
    return (f"{joined}\n\n" * (LONG_CHARACTERS // len(joined) + 1))[:LONG_CHARACTERS]
