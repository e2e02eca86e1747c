"""What a package says of itself to a reader: README.md and CHANGELOG.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raxe_conformance.deploy.approval import Approval
from raxe_conformance.report.exports.card import model_card
from raxe_conformance.report.exports.declared import Declared
from raxe_conformance.report.exports.markdown import prose

_PACKAGE = """
## This package

It is a models folder: `ModelRegistry(folder).create_detector({model_id!r})`.

- `metadata/`, `bundles/`, `embeddings/`: the variant
- `benchmarks/`: the report that it was deployed by, and its benchmark figures where there are any
- `tests/`: texts with what the variant decided of them; `python tests/run_cases.py` decides them again
- `manifest.json`: SHA-256 of every file; `package.sig`, where it is signed, covers all of them
"""


def readme(approval: Approval, metadata: Mapping[str, Any]) -> str:
    """The model card, what is waived, and what the package holds."""
    waived = "".join(f"- {w.check_id} until {w.expires}: {prose(w.reason)}\n" for w in approval.waived)
    failures = f"\n## Failures that are waived\n\n{waived}" if waived else ""
    card = model_card(approval.report, Declared(metadata)).rstrip("\n")
    return f"{card}\n{failures}{_PACKAGE.format(model_id=approval.model_id)}"


def changelog(metadata: Mapping[str, Any]) -> str:
    """The changes that the metadata declares, newest first as they stand there."""
    declared = Declared(metadata)
    lines = [f"# Changes of {prose(declared.text('model_id') or 'this variant')}", ""]
    for entry in declared.sections("changelog"):
        date = entry.text("date")
        lines += [f"## {prose(entry.text('version') or 'unnamed')}{f' ({prose(date)})' if date else ''}", ""]
        lines += [f"- {prose(change)}" for change in entry.texts("changes")] + [""]
    if len(lines) == 2:
        lines += ["None is declared.", ""]
    return "\n".join(lines)
