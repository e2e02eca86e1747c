"""Verdicts, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from raxe_conformance.checks.table import Level
from raxe_conformance.verdict.intervals import Estimate


class Outcome(enum.StrEnum):
    """PASS and FAIL are claims; INCONCLUSIVE says that the evidence supports neither."""

    PASS = "PASS"  # noqa: S105  a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Limit:
    """What a gate was judged against."""

    metric: str
    op: str
    limit: float
    unit: str


@dataclass(frozen=True)
class Rules:
    """What each decision rule makes of a gate, and how sure the interval rule could be.

    p_pass and p_fail are the smallest error rates at which the interval rule would say PASS and FAIL, 1 where it would
    not at any up to 0.5; None where the figure has no sampling error, and for a SHOULD.
    """

    interval: Outcome
    point: Outcome
    p_pass: float | None
    p_fail: float | None


@dataclass(frozen=True)
class Verdict:
    """What was made of one check's evidence. `message` is one line: what was found, what it should be, the remedy."""

    check_id: str
    title: str
    group: str
    level: Level
    spec: str
    outcome: Outcome
    gate: Limit | None
    estimate: Estimate | None
    message: str
    waived: bool = False
    rules: Rules | None = None

    @property
    def holds(self) -> bool:
        """Whether a release may go on in spite of this verdict: a SHOULD always, a MUST by PASS or a waiver."""
        return self.level is Level.SHOULD or self.outcome is Outcome.PASS or self.waived
