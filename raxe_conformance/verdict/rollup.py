"""One verdict over many."""

from __future__ import annotations

from collections.abc import Iterable

from raxe_conformance.checks.table import Level
from raxe_conformance.verdict.outcome import Outcome, Verdict


def rollup(verdicts: Iterable[Verdict]) -> Outcome:
    """FAIL if a MUST failed and is not waived, else INCONCLUSIVE if one cannot tell or none was judged, else PASS."""
    musts = [Outcome.PASS if v.waived else v.outcome for v in verdicts if v.level is Level.MUST]
    if Outcome.FAIL in musts:
        return Outcome.FAIL
    if not musts or Outcome.INCONCLUSIVE in musts:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS
