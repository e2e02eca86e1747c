"""Every measurement, declared once: what must be known first, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from raxe_conformance.corpus.rows import Row
from raxe_conformance.measure.backends import both_backends, measure_backends
from raxe_conformance.measure.drift import DRIFTED, measure_drift, reference_path
from raxe_conformance.measure.environment import off_target
from raxe_conformance.measure.evidence import Missing
from raxe_conformance.measure.facts import facts_of
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.invariance import (
    BATCHED,
    PADDED,
    REPEATED,
    measure_batches,
    measure_padding,
    measure_repeats,
)
from raxe_conformance.measure.leakage import measure_leakage
from raxe_conformance.measure.length_curve import measure_length_curve
from raxe_conformance.measure.loading import try_loading
from raxe_conformance.measure.memory import measure_memory
from raxe_conformance.measure.portability import MOST_WORDS, ROWS, measure_portability
from raxe_conformance.measure.robustness import measure_robustness
from raxe_conformance.measure.sampling import Sample, take_sample
from raxe_conformance.measure.scoring import score_rows
from raxe_conformance.measure.scratch import SWIFT, make_whole
from raxe_conformance.measure.soak import measure_soak
from raxe_conformance.measure.starting import measure_start
from raxe_conformance.measure.throughput import measure_throughput
from raxe_conformance.measure.timing import measure_latency
from raxe_conformance.options import Options
from raxe_conformance.target.foreign import CAPABILITIES
from raxe_conformance.target.protocol import Subject
from raxe_conformance.target.shipped import shipped_with


@dataclass(frozen=True)
class Bench:
    """What a measurement works with. rows, detector: made when first asked for. evidence: what was measured before.

    enough: whether more samples of this evidence would decide no more.
    """

    subject: Subject
    rows: Callable[[], Sequence[Row]]
    detector: Callable[[], Any]
    evidence: Callable[[str], Any]
    instruments: Instruments
    options: Options
    enough: Callable[[Any], bool]


@dataclass(frozen=True)
class Measurement:
    """after: measurements that must have been made, and not be Missing, for this one. "loaded" must be ok as well."""

    run: Callable[[Bench], Any]
    after: tuple[str, ...] = ("loaded",)


def _latency(bench: Bench) -> Any:
    texts = [row.text for row in bench.rows()]
    return measure_latency(
        bench.detector(),
        texts,
        bench.instruments.stopwatch(),
        off_target=off_target(bench.options.target_cpu),
        enough=bench.enough,
        budget_s=bench.options.latency_budget_s(),
    )


def _length_curve(bench: Bench) -> Any:
    return measure_length_curve(
        bench.detector(),
        [row.text for row in bench.rows()],
        bench.instruments.stopwatch(),
        off_target=off_target(bench.options.target_cpu),
    )


def _throughput(bench: Bench) -> Any:
    texts = [row.text for row in bench.rows()]
    return measure_throughput(
        bench.detector(), texts, bench.instruments.blocks, off_target=off_target(bench.options.target_cpu)
    )


def _memory(bench: Bench) -> Any:
    return measure_memory(bench.subject, [row.text for row in bench.rows()], bench.instruments.child)


def _starting(bench: Bench) -> Any:
    foreign, instruments = bench.subject.foreign, bench.instruments

    def start(factory: Callable[[Path], Any], folder: Path, model_id: str) -> Any:
        return measure_start(
            lambda: factory(folder),
            model_id,
            instruments.start_stopwatch(),
            off_target=off_target(bench.options.target_cpu),
        )

    if foreign is None:
        backend = bench.options.backend
        make = instruments.registry if backend is None else partial(instruments.registry, backend=backend)
        return start(make, bench.subject.files.models_dir, bench.subject.model_id)
    with TemporaryDirectory(prefix="raxe-", ignore_cleanup_errors=True) as folder:
        return start(foreign.make, make_whole(Path(folder, "models")), SWIFT.model_id)


def _answers(bench: Bench) -> Any:
    foreign = bench.subject.foreign
    if foreign is None:
        return bench.instruments.ask(bench.instruments.registry, CAPABILITIES)
    return bench.instruments.ask(foreign.make, foreign.claims)


def _sample(bench: Bench, size: int, **kind: Any) -> Sample:
    return take_sample(bench.rows(), bench.evidence("scores"), size, **kind)


def _drift(bench: Bench) -> Any:
    variant = bench.subject.files
    path = reference_path(variant)
    sample = _sample(bench, DRIFTED, hard=0.0, most_words=120)
    return measure_drift(bench.detector(), shipped_with(variant, path), sample, variant.relative(path))


def _portability(bench: Bench) -> Any:
    if not bench.options.thorough:
        return _ASK
    instruments, emulator = bench.instruments, bench.instruments.emulator()
    sample = _sample(bench, ROWS, hard=0.0, most_words=MOST_WORDS)
    return measure_portability(sample, bench.subject.again, instruments.child, emulator, instruments.progress)


def _backends(bench: Bench) -> Any:
    judged_on, other_on = both_backends(bench.subject)
    if not bench.options.thorough:
        return _ASK
    other = bench.instruments.on_backend(bench.subject.files, other_on)
    return measure_backends(bench.detector(), other, _sample(bench, len(bench.rows())), judged_on, other_on)


def _deployed(bench: Bench) -> Any:
    from raxe_conformance.deploy.trial import try_deploying  # brings jinja2, which no start should wait for

    models, again = bench.subject.files.models_dir, bench.subject.again
    with TemporaryDirectory(prefix="raxe-", ignore_cleanup_errors=True) as folder:
        return try_deploying(models, bench.subject.model_id, Path(folder), again, bench.instruments.child)


def _soak(bench: Bench) -> Any:
    if not bench.options.thorough:
        return _ASK
    return measure_soak(bench.rows(), bench.subject.again, bench.instruments.child, bench.instruments.progress)


_SCORED = ("loaded", "scores")
_ASK = Missing("it takes minutes and was not asked for", "run with --raxe-thorough")

# In the order in which they are made: what is timed comes before what heats the machine.
MEASUREMENTS: dict[str, Measurement] = {
    "facts": Measurement(lambda bench: facts_of(bench.subject), after=()),
    "loaded": Measurement(lambda bench: try_loading(bench.detector, bench.subject.model_id), after=()),
    "latency": Measurement(_latency),
    "scores": Measurement(lambda bench: score_rows(bench.detector(), bench.rows())),
    "robustness": Measurement(
        lambda bench: measure_robustness(bench.detector(), bench.rows(), bench.evidence("scores")),
        after=("loaded", "scores"),
    ),
    "throughput": Measurement(_throughput),
    "memory": Measurement(_memory),
    "starting": Measurement(_starting, after=()),
    "answers": Measurement(_answers, after=()),
    "leakage": Measurement(lambda bench: measure_leakage(bench.subject.files, bench.rows()), after=()),
    "repeats": Measurement(
        lambda bench: measure_repeats(
            bench.detector(), _sample(bench, REPEATED), bench.subject.again, bench.instruments.child
        ),
        after=_SCORED,
    ),
    "batches": Measurement(lambda bench: measure_batches(bench.detector(), _sample(bench, BATCHED)), after=_SCORED),
    "padding": Measurement(lambda bench: measure_padding(bench.detector(), _sample(bench, PADDED)), after=_SCORED),
    "drift": Measurement(_drift, after=_SCORED),
    "portability": Measurement(_portability, after=_SCORED),
    "backends": Measurement(_backends, after=_SCORED),
    "soak": Measurement(_soak),
    "length_curve": Measurement(_length_curve),
    "deployed": Measurement(_deployed),
}
# What the report shows beside a measurement and no check reads, by that measurement.
SHOWN_BESIDE = {"latency": ("length_curve",)}
