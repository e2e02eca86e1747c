"""A variant's package in a scratch folder, report or no report: whether it arrives whole and decides as the variant.

It is written, verified and tried as a landing does it, though in nobody's target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from raxe_conformance.deploy.landing import write_package
from raxe_conformance.deploy.package import Package, assemble_unapproved, verify_package
from raxe_conformance.deploy.smoke import Decide, Decisions, differing
from raxe_conformance.errors import MeasurementError, StateError
from raxe_conformance.measure.child import Child
from raxe_conformance.measure.evidence_resources import Deployed


def try_deploying(models: Path, model_id: str, folder: Path, again: Mapping[str, Any], child: Child) -> Deployed:
    """Pack the variant, put the package into the empty `folder`, and let it decide the package's cases there.

    again: how `child` loads the variant. Raises MeasurementError where nothing can be said: the package cannot be
    written, or a fresh process gives no answers in the models folder either; and what `assemble_unapproved` raises.
    """

    def decide(place: Path, model_id: str, texts: Sequence[str]) -> Decisions:
        said = child({**again, "models": str(place)}, "scores", {"texts": list(texts)})
        answers = zip(said["attacks"], said["families"], strict=True)
        return [{"is_attack": attack, "family": family} for attack, family in answers]

    package = assemble_unapproved(models, model_id, decide)
    place = folder / package.name
    size = sum(file.bytes for file in package.files)
    try:
        write_package(package, place)
    except OSError as error:
        raise MeasurementError(
            f"the package cannot be written: {error.strerror}",
            remedy=f"make room for {size / 1e6:.0f} MB of temporary files",
        ) from None
    altered = _altered(package, place)
    refused, found = _tried(package, place, decide)
    return Deployed(
        members=len(package.files),
        bytes=size,
        altered=altered,
        cases=len(package.cases),
        attacks=sum(case["is_attack"] for case in package.cases),
        refused=refused,
        otherwise=[] if refused else differing(package.cases, found),
    )


def _altered(package: Package, place: Path) -> str | None:
    """Which member is not as the manifest says, and how."""
    try:
        verify_package(place, package.digest)
    except StateError as error:
        return str(error.args[0]).replace(f"{place}/", "")
    return None


def _tried(package: Package, place: Path, decide: Decide) -> tuple[str | None, Decisions]:
    """Why there is no answer, and what was decided. It is asked twice: a machine without memory kills at random."""
    texts = [case["text"] for case in package.cases]
    for _ in range(2):
        try:
            return None, decide(place, package.model_id, texts)
        except MeasurementError as error:
            reason = str(error.args[0]).replace(str(place), "the package")
    return reason, []
