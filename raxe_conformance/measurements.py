"""Every measurement, declared once: what must be known first, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from raxe_conformance.corpus.rows import Row
from raxe_conformance.measure.environment import off_target
from raxe_conformance.measure.facts import gather_facts
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.leakage import measure_leakage
from raxe_conformance.measure.loading import try_loading
from raxe_conformance.measure.robustness import measure_robustness
from raxe_conformance.measure.scoring import score_rows
from raxe_conformance.measure.timing import measure_latency
from raxe_conformance.options import Options
from raxe_conformance.target.protocol import Subject


@dataclass(frozen=True)
class Bench:
    """What a measurement works with. rows, detector: made when first asked for. evidence: what was measured before."""

    subject: Subject
    rows: Callable[[], Sequence[Row]]
    detector: Callable[[], Any]
    evidence: Callable[[str], Any]
    instruments: Instruments
    options: Options


@dataclass(frozen=True)
class Measurement:
    """after: measurements that must have been made, and not be Missing, for this one. "loaded" must be ok as well."""

    run: Callable[[Bench], Any]
    after: tuple[str, ...] = ("loaded",)


def _latency(bench: Bench) -> Any:
    texts = [row.text for row in bench.rows()]
    return measure_latency(
        bench.detector(), texts, bench.instruments.stopwatch(), off_target=off_target(bench.options.target_cpu)
    )


# In the order in which they are made: what is timed comes before what heats the machine.
MEASUREMENTS: dict[str, Measurement] = {
    "facts": Measurement(lambda bench: gather_facts(bench.subject.variant), after=()),
    "loaded": Measurement(lambda bench: try_loading(bench.detector, bench.subject.model_id), after=()),
    "latency": Measurement(_latency),
    "scores": Measurement(lambda bench: score_rows(bench.detector(), bench.rows())),
    "robustness": Measurement(
        lambda bench: measure_robustness(bench.detector(), bench.rows(), bench.evidence("scores")),
        after=("loaded", "scores"),
    ),
    "leakage": Measurement(lambda bench: measure_leakage(bench.subject.variant, bench.rows()), after=()),
}
