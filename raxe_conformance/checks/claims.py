"""What a subject claims to be able to. A check of something that it does not claim is not judged, and said to be so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raxe_conformance.checks.table import BATCH, FAMILIES, FILES, Check, catalogue
from raxe_conformance.measure.evidence import Facts, Scores


def unclaimed(check: Check, evidence: Mapping[str, Any]) -> str | None:
    """Why the subject does not claim what the check is about; None where it does, or where that is not known yet.

    Reads "facts", and "scores" for checks of families. Only a function can leave something unclaimed: what has files
    has all that the specification asks of it.
    """
    facts, scores = evidence.get("facts"), evidence.get("scores")
    if not isinstance(facts, Facts) or facts.function is None:
        return None
    if FILES in check.requires:
        return "a function has no files"
    if BATCH in check.requires:
        return "a function takes one text at a time"
    if FAMILIES in check.requires and isinstance(scores, Scores) and not any(scores.families):
        return "the function names no family"
    return None


def not_claimed(evidence: Mapping[str, Any]) -> list[dict[str, str]]:
    """All checks that the subject does not claim, in the catalogue's order, as the report has them: id and reason."""
    found = {check.id: unclaimed(check, evidence) for check in catalogue().values()}
    return [{"id": check_id, "reason": reason} for check_id, reason in found.items() if reason]
