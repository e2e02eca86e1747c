"""Profiles: limits and levels, as TOML files. The one shipped is raxe-1.0."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from raxe_conformance.checks.table import Level, catalogue
from raxe_conformance.errors import ProfileError
from raxe_conformance.fileio import read_bounded, sha256

DEFAULT = "raxe-1.0"
Decision = Literal["interval", "point"]


@dataclass(frozen=True)
class Profile:
    """What verdicts are judged by."""

    name: str
    sha256: str
    confidence: float
    decision: Decision
    limits: Mapping[str, float]
    levels: Mapping[str, Level]


def load_profile(name_or_file: str) -> Profile:
    """A shipped profile by name, or one from a file. Raises ProfileError that names the field."""
    folder = files("raxe_conformance.profiles").iterdir()
    shipped = {entry.name.removesuffix(".toml"): entry for entry in folder if entry.name.endswith(".toml")}
    if name_or_file in shipped:
        return parse_profile(shipped[name_or_file].read_bytes(), name_or_file)
    path = Path(name_or_file)
    if not path.is_file():
        raise ProfileError(
            "there is no such profile",
            file=name_or_file,
            remedy=f"shipped: {', '.join(sorted(shipped))}; or name a TOML file",
        )
    return parse_profile(read_bounded(path, 1_000_000, what="the profile"), name_or_file)


def parse_profile(data: bytes, file: str) -> Profile:
    """A profile from TOML bytes. Every limit that a gate needs must be there, and none that no gate reads."""
    try:
        value = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"is no TOML: {error}", file=file) from None
    unknown = sorted(set(value) - {"name", "confidence", "decision", "limits", "levels"})
    if unknown:
        raise ProfileError("is no setting of a profile", file=file, field=unknown[0], remedy="remove it")
    name, confidence, decision = value.get("name"), value.get("confidence"), value.get("decision")
    if not isinstance(name, str) or not name:
        raise ProfileError("is missing or no string", file=file, field="name")
    if not isinstance(confidence, float) or not 0.5 < confidence < 1.0:
        raise ProfileError(f"is {confidence!r}, but should be between 0.5 and 1", file=file, field="confidence")
    if decision not in ("interval", "point"):
        raise ProfileError(f"is {decision!r}, but should be interval or point", file=file, field="decision")
    return Profile(
        name=name,
        sha256=sha256(data),
        confidence=confidence,
        decision=cast(Decision, decision),
        limits=_limits(value.get("limits"), file),
        levels=_levels(value.get("levels", {}), file),
    )


def _limits(value: Any, file: str) -> dict[str, float]:
    metrics = {check.gate.metric for check in catalogue().values() if check.gate}
    if not isinstance(value, dict):
        raise ProfileError("is missing", file=file, field="limits")
    for metric in sorted(metrics - set(value)):
        raise ProfileError("has no limit", file=file, field=f"limits.{metric}", remedy="add it")
    for metric in sorted(set(value) - metrics):
        raise ProfileError("is read by no gate", file=file, field=f"limits.{metric}", remedy="remove it")
    for metric, limit in value.items():
        if not isinstance(limit, int | float) or isinstance(limit, bool) or not 0 < limit < 1e12:
            raise ProfileError(f"is {limit!r}, but should be a positive number", file=file, field=f"limits.{metric}")
    return {metric: float(limit) for metric, limit in value.items()}


def _levels(value: Any, file: str) -> dict[str, Level]:
    if not isinstance(value, dict):
        raise ProfileError("is no table", file=file, field="levels")
    for check_id, level in value.items():
        if check_id not in catalogue():
            raise ProfileError("is no check", file=file, field=f"levels.{check_id}")
        if level not in set(Level):
            raise ProfileError(f"is {level!r}, but should be MUST or SHOULD", file=file, field=f"levels.{check_id}")
    return {check_id: Level(level) for check_id, level in value.items()}
