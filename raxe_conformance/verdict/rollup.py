"""One verdict over many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from raxe_conformance.checks.table import Level
from raxe_conformance.verdict.outcome import Outcome


class Judged(Protocol):
    """What a release verdict needs of one check's: a Verdict has it, and so has Counted."""

    @property
    def level(self) -> Level: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def waived(self) -> bool: ...


class Counted(NamedTuple):
    """A verdict that comes from a record, or stands for a check that was not judged."""

    level: Level
    outcome: Outcome
    waived: bool = False


def rollup(verdicts: Iterable[Judged]) -> Outcome:
    """FAIL if a MUST failed and is not waived, else INCONCLUSIVE if one cannot tell or none was judged, else PASS."""
    musts = [Outcome.PASS if v.waived else v.outcome for v in verdicts if v.level is Level.MUST]
    if Outcome.FAIL in musts:
        return Outcome.FAIL
    if not musts or Outcome.INCONCLUSIVE in musts:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS
