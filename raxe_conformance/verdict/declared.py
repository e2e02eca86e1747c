"""Declared figures against measured ones: whether any claims more than the evidence allows."""

from __future__ import annotations

import math

from raxe_conformance.checks.reading import Declaration, Declarations, Exact
from raxe_conformance.verdict.intervals import Estimate, estimate
from raxe_conformance.verdict.outcome import Outcome


def judge_declarations(reading: Declarations, confidence: float) -> tuple[Outcome, str]:
    """FAIL where a declared figure is better than its measured bound, and one line that says which.

    The error rate is shared among the claims (Bonferroni), so that `confidence` holds for all of them together. A
    claim that nothing was measured of leaves INCONCLUSIVE.
    """
    claims = reading.figures
    if not claims:
        return Outcome.PASS, "nothing is declared"
    each = 1.0 - (1.0 - confidence) / len(claims)
    measured = [(claim, estimate(claim.measured, each)) for claim in claims]
    if over := [_word(claim, found) for claim, found in measured if _claims_too_much(claim, found)]:
        return Outcome.FAIL, " | ".join(over)
    if empty := [claim.where for claim, found in measured if math.isnan(found.value)]:
        return Outcome.INCONCLUSIVE, f"nothing was measured of {', '.join(empty)}; needs rows that tell"
    return Outcome.PASS, f"{len(claims)} declared, none better than measured"


def _claims_too_much(claim: Declaration, found: Estimate) -> bool:
    if claim.better == ">":
        return claim.declared - claim.slack > found.high
    return claim.declared + claim.slack < found.low


def _word(claim: Declaration, found: Estimate) -> str:
    side, bound = ("at most", found.high) if claim.better == ">" else ("at least", found.low)
    unit = f" {claim.unit}" if claim.unit else ""
    shown = "" if isinstance(claim.measured, Exact) else f" (n = {found.n})"
    return (
        f"{claim.where}: {claim.declared:g}{unit}, but measured {found.value:.4g}, {side} {bound:.4g}{unit}{shown}; "
        "declare what is measured"
    )
