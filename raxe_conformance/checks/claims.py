"""What a subject claims to be able to. A check of something that it does not claim is not judged, and said to be so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raxe_conformance.checks.table import BATCH, FAMILIES, FILES, REGISTRY, Check, catalogue
from raxe_conformance.measure.evidence import Facts, Scores


def unclaimed(check: Check, evidence: Mapping[str, Any]) -> str | None:
    """Why the subject does not claim what the check is about; None where it does, or where that is not known yet.

    Reads "facts", and "scores" for checks of families. Our own registry and its variants claim everything.
    """
    facts, scores = evidence.get("facts"), evidence.get("scores")
    if isinstance(facts, Facts) and facts.registry is not None:
        return _unclaimed_by_registry(check, facts)
    if not isinstance(facts, Facts) or facts.function is None:
        return None
    if REGISTRY in check.requires:
        return "a function is no registry"
    if FILES in check.requires:
        return "a function has no files"
    if BATCH in check.requires:
        return "a function takes one text at a time"
    if FAMILIES in check.requires and isinstance(scores, Scores) and not any(scores.families):
        return "the function names no family"
    return None


def _unclaimed_by_registry(check: Check, facts: Facts) -> str | None:
    """The same of a foreign registry, and of its variants."""
    if facts.model_id == REGISTRY and REGISTRY not in check.requires:
        return "judged with each variant"
    if facts.model_id != REGISTRY and REGISTRY in check.requires:
        return f"judged once, as {REGISTRY}"
    if FILES in check.requires and not facts.files:
        return "the suite finds no files of it"
    for name in sorted(check.requires - {REGISTRY, FILES}):
        if name not in facts.claims:
            return f"the registry does not claim {name}"
    return None


def not_claimed(evidence: Mapping[str, Any]) -> list[dict[str, str]]:
    """All checks that the subject does not claim, in the catalogue's order, as the report has them: id and reason."""
    found = {check.id: unclaimed(check, evidence) for check in catalogue().values()}
    return [{"id": check_id, "reason": reason} for check_id, reason in found.items() if reason]
