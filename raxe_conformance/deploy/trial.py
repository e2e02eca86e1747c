"""A variant deployed into a scratch folder, report or no report: whether its package arrives whole and decides as it does.

It is written, verified and tried as a landing does it, though in nobody's target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from raxe_conformance.deploy.landing import write_package
from raxe_conformance.deploy.package import Package, assemble_unapproved, verify_package
from raxe_conformance.deploy.smoke import Decisions
from raxe_conformance.errors import MeasurementError, StateError
from raxe_conformance.measure.child import Child
from raxe_conformance.measure.evidence_resources import Deployed

_TRIES: Final = 2  # a process that a machine without memory has killed is no word on the package


def try_deploying(models: Path, model_id: str, folder: Path, again: Mapping[str, Any], child: Child) -> Deployed:
    """Pack the variant, put the package into the empty `folder`, and let it decide the package's cases there.

    again: how `child` loads the variant in the models folder. Raises MeasurementError where nothing can be said: the
    package cannot be written, or a fresh process gives no answers in the models folder either; and what
    `assemble_unapproved` raises.
    """

    def decide(place: Path, _: str, texts: Sequence[str]) -> Decisions:
        said = child({**again, "models": str(place.resolve())}, "scores", {"texts": list(texts)})
        pairs = zip(said["attacks"], said["families"], strict=True)
        return [{"is_attack": attack, "family": family} for attack, family in pairs]

    package = assemble_unapproved(models, model_id, decide)
    place = folder / package.name
    try:
        write_package(package, place)
    except OSError as error:
        raise MeasurementError(
            f"the package cannot be written: {error.strerror}",
            remedy=f"make room for temporary files: {sum(file.bytes for file in package.files) / 1e6:.0f} MB",
        ) from None
    refused, found = _tried(package, place, decide)
    return Deployed(
        members=len(package.files),
        bytes=sum(file.bytes for file in package.files),
        altered=_altered(place, package.digest),
        cases=len(package.cases),
        attacks=sum(case["is_attack"] for case in package.cases),
        refused=refused,
        otherwise=found,
    )
