"""The interface as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any

from raxe_conformance import __version__
from raxe_conformance.serving.feedback import OUTCOMES

_STRING, _NULLABLE = {"type": "string"}, {"type": ["string", "null"]}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT = {"type": "integer", "minimum": 0}
_REFUSALS = {
    "400": "no JSON object in UTF-8",
    "408": "the body did not come in time",
    "413": "the body is too large",
    "415": "no application/json",
    "422": "a field is missing, unknown or of a wrong type",
    "429": "too many requests from one address",
}


def openapi_document(most_bytes: int) -> dict[str, Any]:
    """The document. most_bytes: how large the body of a text may be."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RAXE L2",
            "version": __version__,
            "description": f"Judges texts for attacks on language models. A body may have {most_bytes} bytes.",
        },
        "paths": {
            "/analyze": {"post": _operation("judge a text", "Text", "Answer", {**_REFUSALS, **_FAILURES})},
            "/feedback": {
                "post": _operation(
                    "say what a decision was: by request, once, or by variant", "Feedback", "Judged",
                    {**_REFUSALS, "404": "no such decision is waiting, or no such variant is served"},
                ),
                "get": _operation("false-positive and false-negative rates of what was judged", None, "Rates", {}),
            },
            "/healthz": {
                "get": _operation("what is served", None, "Health", {"503": "no stable variant is in use"}, "Health")
            },
            "/metrics": {
                "get": {
                    "summary": "metrics for Prometheus",
                    "responses": {"200": {"description": "text", "content": {"text/plain": {"schema": _STRING}}}},
                }
            },
            "/openapi.json": {"get": _operation("this document", None, "Document", {})},
        },
        "components": {"schemas": _SCHEMAS},
    }  # fmt: skip


_FAILURES = {"500": "the variant failed, and no other one could answer", "503": "busy, or no variant is in use"}


def _operation(
    summary: str, body: str | None, answer: str, failures: dict[str, str], failure: str = "Error"
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "done", "content": _json(answer)},
            **{status: {"description": why, "content": _json(failure)} for status, why in sorted(failures.items())},
        },
    }
    if body is not None:
        found["requestBody"] = {"required": True, "content": _json(body)}
    return found


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _object(properties: dict[str, Any], *optional: str, closed: bool = False) -> dict[str, Any]:
    found = {"type": "object", "properties": properties, "required": [p for p in properties if p not in optional]}
    return {**found, "additionalProperties": False} if closed else found


_RATE = {
    "anyOf": [
        {"type": "null"},
        _object({"value": _SHARE, "low": _SHARE, "high": _SHARE, "n": _COUNT, "confidence": _SHARE}),
    ]
}
_SCHEMAS: dict[str, Any] = {
    "Text": _object(
        {
            "text": {**_STRING, "description": "what is to be judged"},
            "key": {
                **_NULLABLE,
                "description": "a user or conversation, which one variant answers; by default the text",
            },
            "l1_results": {"description": "what the first layer found"},
        },
        "key",
        "l1_results",
        closed=True,
    ),
    "Answer": _object(
        {
            "request_id": {**_STRING, "description": "for /feedback"},
            "variant": _STRING,
            "release": {**_STRING, "description": "the first 12 hex digits of its package's digest"},
            "role": {"enum": ["stable", "canary"]},
            "fell_back": {"type": "boolean", "description": "the stable variant answered in place of the canary"},
            "score": {**_SHARE, "description": "probability of an attack"},
            "is_attack": {"type": "boolean"},
            "family": _NULLABLE,
            "sub_family": _NULLABLE,
            "label": _STRING,
            "recommended_action": {"enum": ["ALLOW", "WARN", "BLOCK"]},
            "why_it_hit": {"type": "array", "items": _STRING},
            "trigger_matches": {"type": "array", "items": _STRING},
            "similar_attacks": {"type": "array"},
            "processing_time_ms": {"type": "number", "minimum": 0},
        }
    ),
    "Feedback": {
        "oneOf": [
            _object({"request_id": _STRING, "attack": {"type": "boolean"}}, closed=True),
            _object({"variant": _STRING, "outcome": {"enum": list(OUTCOMES)}}, closed=True),
        ]
    },
    "Judged": _object({"variant": _STRING, "release": _STRING, "outcome": {"enum": list(OUTCOMES)}}),
    "Rates": _object(
        {
            "variants": {
                "type": "array",
                "items": _object(
                    {
                        "variant": _STRING,
                        "release": _STRING,
                        **dict.fromkeys(OUTCOMES, _COUNT),
                        "false_positive_rate": _RATE,
                        "false_negative_rate": _RATE,
                    }
                ),
            }
        }
    ),
    "Health": _object(
        {
            "status": {"enum": ["ok", "degraded", "no stable variant"]},
            "sequence": {"type": "integer"},
            "stable": _NULLABLE,
            "canary": _NULLABLE,
            "share": {"enum": [0, 10, 50, 100]},
            "problem": _NULLABLE,
        }
    ),
    "Document": {"type": "object"},
    "Error": _object({"error": {**_STRING, "description": "one line: what is wrong and what to do"}}),
}
