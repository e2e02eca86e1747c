"""SARIF 2.1.0 of what a variant's files and metadata fail at, as code scanning reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from raxe_conformance.report.html.visible import LONGEST, visible

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# The groups, and how their ids begin, whose failures are findings about files; the others are about what a model
# decides and how fast.
_GROUPS = ("integrity", "schema")
_PREFIXES = ("INT-", "SCH-")
_BASE = "%SRCROOT%"
_FOLDER = "models"  # reports tell paths from the models folder, code scanning wants them from the checkout
_LEVELS = {"MUST": "error", "SHOULD": "warning"}


def sarif_log(report: Mapping[str, Any]) -> dict[str, Any]:
    """One run: a rule for each check of those groups that was judged, a result for each that failed (waived ones are
    suppressed), a notification for each that was not decided or not judged."""
    checks = [check for check in report["checks"] if check["group"] in _GROUPS]
    files, model_id = report["model"]["files"], report["model"]["model_id"]
    position = {check["id"]: i for i, check in enumerate(checks)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": report["tool"]["name"],
                        "version": plain(report["tool"]["version"]),
                        "rules": [_rule(check) for check in checks],
                    }
                },
                # One for each variant, or the alerts of one would close those of another.
                "automationDetails": {"id": f"raxe-conformance/{_address(model_id, safe='')}/"},
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "startTimeUtc": report["started"].replace("+00:00", "Z"),
                        "endTimeUtc": report["finished"].replace("+00:00", "Z"),
                        "toolExecutionNotifications": _notifications(report, checks, position),
                    }
                ],
                "originalUriBaseIds": {_BASE: {"description": {"text": "the checkout that holds the models folder"}}},
                "artifacts": [
                    {
                        "location": _location(file["path"]),
                        "length": file["bytes"],
                        "hashes": {"sha-256": file["sha256"]},
                    }
                    for file in files
                ],
                "results": [
                    _result(check, position[check["id"]], files, model_id)
                    for check in checks
                    if check["verdict"] == "FAIL"
                ],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def plain(text: str) -> str:
    """`text` as a SARIF message that no viewer reads links or placeholders in: "](" is what makes the one, "{0}" the
    other (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    return re.sub(r"\{(\d+)\}", r"{ \1 }", visible(text).replace("](", "] ("))


def _rule(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": check["id"],
        "shortDescription": {"text": plain(check["title"])},
        "help": {"text": f"raxe-conformance checks {check['id']} says more (specification {plain(check['spec'])})"},
        "defaultConfiguration": {"level": _LEVELS[check["level"]]},
        "properties": {"tags": ["security", check["group"]]},
    }


def _result(check: Mapping[str, Any], rule_index: int, files: list[Mapping[str, Any]], model_id: str) -> dict[str, Any]:
    paths = {file["path"]: i for i, file in enumerate(files)}
    # A message names the file that it is about, or else a field of the metadata.
    named = [path for path in paths if path in check["message"]] or [f"metadata/{model_id}.json"]
    places = [{**_location(path), **({"index": paths[path]} if path in paths else {})} for path in named]
    return {
        "ruleId": check["id"],
        "ruleIndex": rule_index,
        "kind": "fail",
        "level": _LEVELS[check["level"]],
        "message": {"text": plain(f"{model_id}: {check['title']}: {check['message']}")},
        # Of a whole file; code scanning takes no result without a line.
        "locations": [{"physicalLocation": {"artifactLocation": p, "region": {"startLine": 1}}} for p in places],
        "partialFingerprints": {"checkOfVariant/v1": f"{_address(model_id, safe='')}/{check['id']}"},
        **({"suppressions": [{"kind": "external", "status": "accepted"}]} if check["waived"] else {}),
    }


def _notifications(
    report: Mapping[str, Any], checks: list[Mapping[str, Any]], position: Mapping[str, int]
) -> list[dict[str, Any]]:
    """What the results say nothing about, and why."""
    undecided = [
        {
            "level": "warning",
            "message": {"text": plain(f"not decided: {check['title']}: {check['message']}")},
            "associatedRule": {"id": check["id"], "index": position[check["id"]]},
        }
        for check in checks
        if check["verdict"] == "INCONCLUSIVE"
    ]
    unjudged = [
        {"level": "warning", "message": {"text": plain(f"{check_id} was not judged in this run")}}
        for check_id in report["not_judged"]
        if check_id.startswith(_PREFIXES)
    ]
    return undecided + unjudged


def _location(path: str) -> dict[str, Any]:
    return {"uri": _address(f"{_FOLDER}/{path}"), "uriBaseId": _BASE}


def _address(text: str, safe: str = "/") -> str:
    """`text` as part of an address, whatever characters it holds."""
    return quote(text[:LONGEST], safe=safe, errors="replace")
