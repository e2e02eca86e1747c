"""Evidence: what was measured, as plain values that survive JSON. Knows no limit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cattrs

from raxe_conformance.measure.evidence_invariance import Backends, Batches, Drift, Padding, Portability, Repeats, Soak
from raxe_conformance.measure.evidence_registry import RegistryAnswers
from raxe_conformance.measure.evidence_resources import Deployed, LengthCurve, Memory, RegistryStart, Throughput


@dataclass(frozen=True)
class Missing:
    """A measurement that could not be made, and what would make it possible."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class FileFact:
    """A file that ships with the variant: role, path from the models folder, bytes and SHA-256; None: not there."""

    role: str
    path: str
    bytes: int | None
    sha256: str | None
    problem: str | None = None


@dataclass(frozen=True)
class Fault:
    """An error that reading something met: its kind (exception name), where, the problem, the remedy."""

    kind: str
    where: str
    problem: str
    remedy: str


@dataclass(frozen=True)
class Facts:
    """What the files say and hold. Everything the schema, integrity and size checks read.

    metadata: the JSON object as it stands, None where it cannot be read (see metadata_fault).
    bundle: families, subfamilies, head sets {name: {dimension, max_sequence_length, pooling, normalization}} and
    member_faults; None where it cannot be opened.
    function: MODULE:FUNCTION where the subject is a function, which has no files.
    registry: MODULE:FACTORY where it is a foreign registry or its variant; claims: what that registry claims.
    """

    model_id: str
    origin: str
    metadata_path: str | None
    metadata: dict[str, Any] | None
    metadata_fault: Fault | None
    discovery_faults: list[Fault]
    files: list[FileFact]
    embedding_model: str | None
    bundle: dict[str, Any] | None
    bundle_fault: Fault | None
    member_faults: list[Fault]
    benchmark_report: dict[str, Any] | None
    benchmark_report_fault: Fault | None
    function: str | None = None
    registry: str | None = None
    claims: list[str] = field(default_factory=list)

    def file(self, role: str) -> FileFact | None:
        """The file of a role, None where the variant names none."""
        return next((f for f in self.files if f.role == role), None)


@dataclass(frozen=True)
class Loaded:
    """Whether the variant loads and answers: width of its vectors, seconds, and the faults met."""

    ok: bool
    width: int | None
    load_seconds: float
    faults: list[Fault]


@dataclass(frozen=True)
class Latency:
    """Wall-clock times of `analyze`, tokenization included, one call at a time.

    samples_ms[i] is the time of the text with index texts[i] in the benchmark, cpu_ms[i] the time that the calling
    thread was on a CPU in it, preempted[i] how often the process was taken off a CPU meanwhile (None: not known).
    pulse_ms[i] and pulse_ms[i + 1] are the times of a fixed computation before and after it.
    stages_ms[stage][i] is what the detector says a stage of call i took, None where it does not say.
    looks: how many calls there were each time it was asked whether they are enough, the last time included.
    off_target names the CPU where it is not the declared target, else None.
    process_ms[i] is the CPU time of all threads in call i. second_core: (calls made before it, how many times as fast
    as one thread two threads made a fixed computation then), from before the first call to after the last; empty where
    it was not tried. waited_ms[i]: how long threads of the process, added up, were ready to run in call i and had no
    core (None: not known; empty: not looked at). others_ms: CPU time of everything else on the machine, all calls and
    what stands between them together.
    """

    samples_ms: list[float]
    texts: list[int]
    cpu_ms: list[float]
    preempted: list[int | None]
    pulse_ms: list[float]
    stages_ms: dict[str, list[float | None]]
    warmup: int
    seed: int
    method: str
    off_target: str | None
    looks: list[int] = field(default_factory=list)
    process_ms: list[float] = field(default_factory=list)
    second_core: list[tuple[int, float]] = field(default_factory=list)
    waited_ms: list[float | None] = field(default_factory=list)
    others_ms: float = 0.0


@dataclass(frozen=True)
class Scores:
    """One pass over the benchmark, column by column, a position a row.

    scores are attack probabilities in 0..1, None where `analyze` failed (errors says how). No text is kept.
    families and answered_subfamilies are what the detector said; subfamilies is what the benchmark says.
    """

    ids: list[str]
    labels: list[str]
    subfamilies: list[str | None]
    languages: list[str | None]
    sources: list[str | None]
    kinds: list[str | None]
    pairs: list[str | None]
    words: list[int]
    scores: list[float | None]
    attacks: list[bool]
    families: list[str | None]
    errors: dict[str, str] = field(default_factory=dict)
    answered_subfamilies: list[str | None] = field(default_factory=list)


@dataclass(frozen=True)
class Transformed:
    """A sample of rows under one transformation: counts asked about, ids of attacks then missed and of false alarms.

    failed: texts without an answer (they are among the missed and the alarms).
    """

    name: str
    group: str
    title: str
    attacks: int
    benign: int
    missed: list[str]
    alarms: list[str]
    failed: int


@dataclass(frozen=True)
class SmallestChange:
    """The smallest change found that hides an attack: its row, the steps, the words (from 0) that each step touches.

    A step without words changes the whole text, which has `of_words` words. group is of the steps' transformations.
    """

    id: str
    group: str
    steps: list[str]
    words: list[list[int]]
    of_words: int
    calls: int


@dataclass(frozen=True)
class Robustness:
    """Decisions on derived texts. flagged, passed: attacks and benign rows that were rightly decided as they stand."""

    seed: int
    flagged: int
    passed: int
    parts: list[Transformed]
    smallest: SmallestChange | None
    calls: int


@dataclass(frozen=True)
class Leakage:
    """Benchmark rows against training fingerprints. fingerprints is None where the bundle carries none.

    near: row id → largest estimated Jaccard index of its 5-word shingles with a training text, where at least `share`.
    too_short: rows with too few shingles to be compared.
    """

    fingerprints: int | None
    compared: int
    too_short: int
    share: float
    near: dict[str, float]


# What is measured, by name. How each is made stands in measurements.py; what reads it, in checks/.
EVIDENCE: dict[str, type] = {
    "facts": Facts,
    "loaded": Loaded,
    "latency": Latency,
    "scores": Scores,
    "robustness": Robustness,
    "leakage": Leakage,
    "throughput": Throughput,
    "memory": Memory,
    "starting": RegistryStart,
    "answers": RegistryAnswers,
    "repeats": Repeats,
    "batches": Batches,
    "padding": Padding,
    "drift": Drift,
    "soak": Soak,
    "portability": Portability,
    "backends": Backends,
    "length_curve": LengthCurve,
    "deployed": Deployed,
}
_MISSING = "missing"


def evidence_to_json(name: str, evidence: Any) -> dict[str, Any]:
    """Evidence as a JSON object that says what it is."""
    return {"type": _MISSING if isinstance(evidence, Missing) else name, "value": dataclasses.asdict(evidence)}


def evidence_from_json(value: dict[str, Any]) -> Any:
    """The evidence that `evidence_to_json` wrote. Raises KeyError, TypeError, ValueError where it did not."""
    kind = Missing if value["type"] == _MISSING else EVIDENCE[value["type"]]
    try:
        return _converter().structure(value["value"], kind)
    except cattrs.errors.ForbiddenExtraKeysError as error:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(error.extra_fields))}") from None


@cache
def _converter() -> cattrs.Converter:
    return cattrs.Converter(detailed_validation=False, forbid_extra_keys=True)
