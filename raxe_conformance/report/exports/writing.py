"""Writes what other programs read of a report, beside it, each file whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.measure.evidence import Facts
from raxe_conformance.report.evidence_file import read_evidence_beside
from raxe_conformance.report.exports.bom import bill_of_materials
from raxe_conformance.report.exports.card import model_card
from raxe_conformance.report.exports.declared import Declared
from raxe_conformance.report.exports.sarif import sarif_log
from raxe_conformance.report.whole import write_whole

# Endings that tools look for. Only .cdx.json is also one of reports, and is left out where those are listed.
SARIF, CARD, BOM = ".sarif", ".card.md", ".cdx.json"


def write_exports(path: Path, report: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> list[Path]:
    """Write SARIF, model card and bill of materials beside the report at `path`; nothing for a function or a registry,
    which have no files. metadata: what the variant declares, None where that is not known. Raises ReportError where
    one cannot be written.
    """
    if "function" in report["model"] or report["model"]["model_id"] == "registry":
        return []
    declared = Declared(metadata or {})
    contents = {
        SARIF: canonical_json(sarif_log(report)),
        CARD: model_card(report, declared).encode("utf-8"),
        BOM: canonical_json(bill_of_materials(report, declared)),
    }
    return [write_whole(path.with_name(path.stem + suffix), data) for suffix, data in contents.items()]


def read_metadata(path: Path, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the variant declared when it was judged, by the evidence beside its report; None where there is none."""
    try:
        facts = read_evidence_beside(path, report).measurements.get("facts")
    except RaxeError:
        return None
    return facts.metadata if isinstance(facts, Facts) else None
