"""Evidence of what a variant takes of its host: memory, throughput, start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessMemory:
    """What one fresh process held, in MB (10^6 bytes) of resident memory, interpreter and libraries included.

    interpreter: before anything but this package was imported. libraries: when what the detector's loader imports was,
    too. load_peak: the most up to the end of loading, None where the system does not say. loaded: then. steady: after
    `warmup` analyses. requests[i]: the most that was added to what was held before, while one text was analysed.
    batch: the same of one `analyze_batch`, None where the detector has none. swapped: what of it was not resident at
    the end, available: what the machine then had left.
    """

    interpreter: float
    libraries: float
    load_peak: float | None
    loaded: float
    steady: float
    requests: list[float]
    batch: float | None
    swapped: float
    available: float


@dataclass(frozen=True)
class Memory:
    """Fresh processes that did the same. request_characters: the lengths of the texts that `requests` are about.

    exact_peaks: the kernel kept the most that was held. Otherwise it was looked at from time to time, and the true peak
    may have been higher than what was seen.
    """

    processes: list[ProcessMemory]
    warmup: int
    request_characters: list[int]
    batch_size: int
    exact_peaks: bool
    method: str


@dataclass(frozen=True)
class Block:
    """A block of requests: how many, wall-clock seconds, the CPU seconds that others had meanwhile, and the pulse.

    pulse_ms: the time of a fixed computation, the slower of the quickest tries right before and right after.
    own_seconds: the CPU seconds of this process; second_core: how many times as fast as one thread two threads made a
    fixed computation, the lesser of right before and right after; None where not tried.
    """

    requests: int
    seconds: float
    others_seconds: float
    pulse_ms: float
    own_seconds: float = 0.0
    second_core: float | None = None


@dataclass(frozen=True)
class Throughput:
    """Blocks of equal work by mode: "one" thread, "four" threads at once, "batch" (no blocks: no `analyze_batch`).

    cores: those that the process may run on. off_target names the CPU where it is not the declared target, else None.
    """

    blocks: dict[str, list[Block]]
    cores: int
    seed: int
    method: str
    off_target: str | None


@dataclass(frozen=True)
class RegistryStart:
    """Making a registry of the models folder again and again, and asking one for the variant's detector.

    samples_ms, cpu_ms, preempted, pulse_ms: as Latency has them, a start a sample. first_ms: the one before them, which
    may import. load_ms: the first `create_detector`, from `at_once` threads at once; again_ms: one more call after it.
    objects: how many different detectors all these calls gave. refused: why the registry gives none, else None.
    """

    samples_ms: list[float]
    cpu_ms: list[float]
    preempted: list[int | None]
    pulse_ms: list[float]
    first_ms: float
    load_ms: float | None
    again_ms: float | None
    at_once: int
    objects: int
    refused: str | None
    method: str
    off_target: str | None


@dataclass(frozen=True)
class Deployed:
    """A deployment package of the variant in a scratch folder, without what comes of a report.

    members: files of its manifest; bytes: of them together. altered: which was not as the manifest says, and how; None
    where all were. cases: texts that a fresh process was asked about there and one in the models folder, attacks: those
    that the latter took for attacks. refused: why the former gave no answer; otherwise: cases (from 1) that it decided
    otherwise, or gave another family.
    """

    members: int
    bytes: int
    altered: str | None
    cases: int
    attacks: int
    refused: str | None
    otherwise: list[int]


@dataclass(frozen=True)
class LengthPoint:
    """Calls on texts that are to have `aimed` tokens and have `tokens` (the median), in ms of wall-clock time."""

    aimed: int
    tokens: int
    samples_ms: list[float]


@dataclass(frozen=True)
class LengthCurve:
    """Time by the length of made-up long texts. counted_by: what tokens were counted with.

    left_out: lengths that would have taken too long. off_target names the CPU where it is not the declared target.
    """

    seed: int
    counted_by: str
    points: list[LengthPoint]
    left_out: list[int]
    off_target: str | None
