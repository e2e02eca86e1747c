"""The same files on another backend: its decisions and embeddings beside those of the backend that is judged."""

from __future__ import annotations

from typing import Any, Final

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.comparing import ask, compare
from raxe_conformance.measure.drift import least_cosines
from raxe_conformance.measure.environment import version_of
from raxe_conformance.measure.evidence_invariance import Backends
from raxe_conformance.measure.sampling import SEED, Sample
from raxe_conformance.registry.metadata import BACKEND_OF
from raxe_conformance.target.protocol import Subject

EMBEDDED: Final = 120
MOST_CHARACTERS: Final = 600


def both_backends(subject: Subject) -> tuple[str, str]:
    """The backend that the subject is judged on, and the other one. Raises MeasurementError where it is on neither."""
    if subject.backend is None:
        raise MeasurementError(
            f"what computes for {subject.model_id} is not known", remedy="judge a variant of our own registry"
        )
    return subject.backend, next(name for name in BACKEND_OF.values() if name != subject.backend)


def measure_backends(detector: Any, other: Any, sample: Sample, judged_on: str, other_on: str) -> Backends:
    """Decide on all of the sample's texts on the other backend, and embed some of the shorter ones on both.

    judged_on, other_on: names of the backends. Raises MeasurementError where a detector does not show its embeddings.
    """
    answers = [ask(other.analyze, text) for text in sample.texts]
    short = [text for text in sample.texts if len(text) <= MOST_CHARACTERS][:EMBEDDED]
    return Backends(
        seed=SEED,
        judged=f"{judged_on} {version_of(judged_on)}",
        other=f"{other_on} {version_of(other_on)}",
        cosines=least_cosines(detector, other, short),
        decisions=compare("backend", f"decided by {other_on}", sample, range(len(sample.texts)), answers),
    )
