"""Whether to go on sampling."""

from __future__ import annotations

from typing import Any

from raxe_conformance.checks.reading import Unknown
from raxe_conformance.checks.table import catalogue
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import Profile


def enough(name: str, evidence: Any, profile: Profile) -> bool:
    """Whether every check that rests on this measurement alone is decided under the profile, or would not be by more.

    Only a rule for stopping: what it costs in certainty is paid by the bounds (series.at_look).
    """
    checks = [check for check in catalogue().values() if check.needs == (name,)]
    readings = [(check, check.reading({name: evidence})) for check in checks]
    return all(
        isinstance(reading, Unknown) or judge(check, reading, profile).outcome is not Outcome.INCONCLUSIVE
        for check, reading in readings
    )
