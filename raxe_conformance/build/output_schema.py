"""schema.json of a bundle: what a detector with this bundle says of a text."""

from __future__ import annotations

from typing import Any


def output_schema(families: tuple[str, ...]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the detector's output fields; see L2Result.metadata."""
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Output of a RAXE L2 detector",
        "type": "object",
        "required": [
            "is_attack", "family", "sub_family", "scores", "why_it_hit", "recommended_action", "trigger_matches",
            "similar_attacks",
        ],
        "properties": {
            "is_attack": {"type": "boolean"},
            "family": {"enum": [*families, None]},
            "sub_family": {"type": ["string", "null"]},
            "scores": {
                "type": "object",
                "description": "probability of each family, given that the text is an attack",
                "propertyNames": {"enum": list(families)},
                "additionalProperties": probability,
            },
            "why_it_hit": {"type": "array", "items": {"type": "string"}},
            "recommended_action": {"enum": ["ALLOW", "WARN", "BLOCK"]},
            "trigger_matches": {"type": "array", "items": {"type": "string"}},
            "similar_attacks": {"type": "array"},
        },
    }  # fmt: skip
