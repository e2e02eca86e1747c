"""Evidence of what happens to scores and decisions when something changes that should not matter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Compared:
    """Answers under one change, beside those to the same texts as they stand.

    texts: how many were asked about. moved: row id → difference of the scores, where there is one (without sign; the
    largest, where a text was asked about more than once). flipped: rows that were then decided otherwise. unanswered:
    rows to which there was no usable answer.
    """

    name: str
    title: str
    texts: int
    moved: dict[str, float]
    flipped: list[str]
    unanswered: list[str]


@dataclass(frozen=True)
class Repeats:
    """The same texts again. not_done: what could not be tried, and why."""

    seed: int
    parts: list[Compared]
    not_done: dict[str, str]


@dataclass(frozen=True)
class BatchFault:
    """What `analyze_batch` did that breaks its interface: the batch, what was observed, what should have been."""

    batch: str
    observed: str
    expected: str


@dataclass(frozen=True)
class Batches:
    """Texts in batches beside the same texts one by one."""

    seed: int
    parts: list[Compared]
    faults: list[BatchFault]


@dataclass(frozen=True)
class Padding:
    """Texts with white space added beside the same texts as they stand. flagged: how many of them are attacks."""

    seed: int
    flagged: int
    parts: list[Compared]


@dataclass(frozen=True)
class Drift:
    """Embeddings beside those of the same model in float32, and the decisions that the same heads make of both.

    cosines: one a text, the least over the windows of a text that is read in several. reference: the float32 file, from
    the models folder.
    """

    seed: int
    reference: str
    cosines: list[float]
    decisions: Compared


@dataclass(frozen=True)
class Soak:
    """One process that analyses the same `texts` short texts again and again.

    after[i]: analyses done when resident_mb[i] (10^6 bytes) were held; seconds[i]: wall-clock time of those since the
    sample before. failed: analyses that raised; first_error: how the first of them did.
    """

    texts: int
    after: list[int]
    resident_mb: list[float]
    seconds: list[float]
    failed: int
    first_error: str | None
    method: str


@dataclass(frozen=True)
class OtherCpu:
    """A CPU that was emulated: what came of it, or why the variant does not run on it."""

    cpu: str
    compared: Compared | None
    problem: str | None


@dataclass(frozen=True)
class Portability:
    """The same texts on other CPUs beside this one. host: this one's name."""

    seed: int
    host: str
    emulator: str
    cpus: list[OtherCpu]


@dataclass(frozen=True)
class Backends:
    """The same files on another backend beside the one that is judged (both with their versions).

    cosines: between the embeddings of both, one a text, the least over its windows.
    """

    seed: int
    judged: str
    other: str
    cosines: list[float]
    decisions: Compared
