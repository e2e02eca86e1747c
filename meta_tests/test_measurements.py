"""What is measured and what evidence there is are the same list."""

from __future__ import annotations

from raxe_conformance.measure.evidence import EVIDENCE
from raxe_conformance.measurements import MEASUREMENTS


def test_every_kind_of_evidence_is_measured_and_after_what_it_builds_on() -> None:
    assert set(MEASUREMENTS) == set(EVIDENCE)
    assert all(set(plan.after) < set(MEASUREMENTS) for plan in MEASUREMENTS.values())
