"""Whether a variant may be deployed: a report that is whole, on these very files, in which every MUST holds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.checks.table import Level, catalogue
from raxe_conformance.errors import DeploymentError
from raxe_conformance.fileio import digest_file
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.registry.variant import Variant
from raxe_conformance.report.html.source import read_report
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import Profile
from raxe_conformance.verdict.rollup import Counted, rollup
from raxe_conformance.verdict.waivers import Waiver, read_waivers

_SHOWN = 6  # checks that an error names


@dataclass(frozen=True)
class Approval:
    """A report that lets its variant pass, and the waivers that it needs for that."""

    model_id: str
    report: Mapping[str, Any]
    waived: tuple[Waiver, ...]


def approve(models: Path, model_id: str, report_path: Path, profile: Profile, today: datetime.date) -> Approval:
    """The approval of a variant by its report. What is waived counts by the waivers that are in force `today`.

    Raises what reading a report raises (MissingFileError, JsonError, ReportError), and DeploymentError where it is of
    another variant, of other files or another profile, or where a MUST neither holds nor is waived.
    """
    report = read_report(report_path)
    again = f"judge it again: raxe-conformance check {models} --model {model_id}"
    found = report["model"]
    if found["model_id"] != model_id or found.keys() & {"function", "registry"} or report["not_claimed"]:
        raise DeploymentError(
            f"is not a whole report on the variant {model_id}", file=report_path, field="model.model_id", remedy=again
        )
    if report["profile"]["sha256"] != profile.sha256:
        raise DeploymentError(
            f"was judged by {report['profile']['name']}, which is not the {profile.name} that is here",
            file=report_path,
            field="profile",
            remedy=f"{again}, or name the profile with --profile",
        )
    _require_files(models, model_id, found["files"], report_path, again)
    waivers = [w for w in read_waivers(models) if w.model_id == model_id and today <= w.expires]
    records = {record["id"]: record for record in report["checks"]}
    musts = [c.id for c in catalogue().values() if profile.levels.get(c.id, c.level) is Level.MUST]
    outcomes = {name: _outcome(records.get(name)) for name in musts}
    # What is inconclusive is not waived: it may hide anything.
    waived = tuple(w for w in waivers if outcomes.get(w.check_id) is Outcome.FAIL)
    names = {w.check_id for w in waived}
    verdict = rollup(Counted(Level.MUST, outcome, name in names) for name, outcome in outcomes.items())
    if verdict is not Outcome.PASS:
        lacking = {name: found for name, found in outcomes.items() if found is not Outcome.PASS and name not in names}
        raise DeploymentError(
            f"the verdict on {model_id} is {verdict.value}: {_told(lacking, records)}", file=report_path,
            field="verdict", remedy="mend the variant and judge it again, or waive a failure in waivers.toml",
        )  # fmt: skip
    return Approval(model_id, report, waived)


def require_whole_variant(models: Path, model_id: str) -> Variant:
    """The variant, with its metadata and all its files. Raises DeploymentError, RegistryError, UnknownModelError."""
    variant = Catalog(models).variant(model_id)
    if variant.metadata_path is None or variant.missing:
        lacks = ", ".join(variant.missing) or "metadata"
        raise DeploymentError(f"lacks {lacks}", file=models, field=model_id, remedy="only a whole variant is deployed")
    return variant


def _require_files(
    models: Path, model_id: str, judged: Sequence[Mapping[str, Any]], report_path: Path, again: str
) -> None:
    """Raise DeploymentError unless the report is on the variant's files as they are now, and on all of them."""
    variant = require_whole_variant(models, model_id)
    digests = {entry["path"]: entry["sha256"] for entry in judged}
    for path in variant.files().values():
        name = variant.relative(path)
        if digests.get(name) != digest_file(path, name, within=models).sha256:
            raise DeploymentError(
                f"was judged with another {name}", file=report_path, field="model.files", remedy=again
            )


def _outcome(record: Mapping[str, Any] | None) -> Outcome:
    return Outcome.INCONCLUSIVE if record is None else Outcome(record["verdict"])


def _told(lacking: Mapping[str, Outcome], records: Mapping[str, Mapping[str, Any]]) -> str:
    """The checks that stand in the way: failures first, each with what it is about."""
    order = sorted(lacking, key=lambda name: (lacking[name] is not Outcome.FAIL, name))
    words = [
        f"{name} {'FAIL' if lacking[name] is Outcome.FAIL else 'INCONCLUSIVE' if name in records else 'not judged'}"
        for name in order
    ]
    more = [f"and {len(words) - _SHOWN} more"] if len(words) > _SHOWN else []
    return ", ".join(words[:_SHOWN] + more)
