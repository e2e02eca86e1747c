"""What is in use in an environment of a target folder, in one file that is replaced whole.

A target folder holds

    packages/{model_id}-{first 12 digits of the digest}/    what was deployed; each is a models folder
    staging.json, production.json                           which package is in use: EnvironmentState
    audit.jsonl                                             who changed that, when and why

Reading needs no lock: a reader sees the old state or the new one, and packages that either names are never removed.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cattrs

from raxe_conformance.errors import MissingFileError, StateError, UsageError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.strict_json import read_json_object

STAGING, PRODUCTION = ENVIRONMENTS = ("staging", "production")
SHARES = (0, 10, 50, 100)
NEVER = "1970-01-01T00:00:00+00:00"  # the stage_started of an environment that nothing was deployed to
PACKAGES = "packages"
_MOST_BYTES = 100_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_RESTORE = "deploy again, or put back the file that the audit log knows"


@dataclass(frozen=True)
class Release:
    """A package in use.

    model_id: the variant. package: the name of its folder below the target's `packages`. digest: SHA-256 (hex) of the
    package's manifest. deployed: when it came into this environment, ISO 8601 in UTC.
    """

    model_id: str
    package: str
    digest: str
    deployed: str


@dataclass(frozen=True)
class EnvironmentState:
    """What is in use in an environment, "staging" or "production".

    stable answers all requests but `share` percent, which go to the canary; the share is 0 where there is no canary.
    Both are None where nothing is deployed; stable alone is None while the very first release is a canary: the other
    requests then have no variant. A canary that is given 100 % is stable from then on, so that its share is 0 again.
    previous: what was stable before, and what a rollback returns to when there is no canary. stage_started: since when
    the canary has its share, or since when stable is what it is, ISO 8601 in UTC. sequence: the number of this switch;
    0 before the first.
    """

    environment: str
    stable: Release | None
    canary: Release | None
    share: int
    stage_started: str
    previous: Release | None
    sequence: int


def package_name(model_id: str, digest: str) -> str:
    """The folder of a package below the target's `packages`."""
    return f"{model_id}-{digest[:12]}"


def models_dir(target: Path, release: Release) -> Path:
    """The folder of a release, which `ModelRegistry` opens."""
    return target / PACKAGES / release.package


def state_path(target: Path, environment: str) -> Path:
    """The file that holds an environment's state. Raises UsageError for what is no environment."""
    if environment not in ENVIRONMENTS:
        raise UsageError(f"there is no environment {environment!r}", remedy=f"name one of {', '.join(ENVIRONMENTS)}")
    return target / f"{environment}.json"


def read_state(target: Path, environment: str) -> EnvironmentState:
    """The state of "staging" or "production", which nothing is deployed to where the file does not exist.

    Raises UsageError for another environment or where `target` is no folder, and StateError, JsonError or RaxeError
    where the file cannot be believed.
    """
    path = state_path(target, environment)
    try:
        value = read_json_object(path, _MOST_BYTES)
    except MissingFileError:
        if not target.is_dir():
            raise UsageError("is no folder", file=target, remedy="name the target folder with --target DIR") from None
        return nothing_deployed(environment)
    state = structured(value, path)
    if state.environment != environment:
        raise StateError(f"is {state.environment!r}, but should be {environment!r}", file=path, field="environment")
    return state


def nothing_deployed(environment: str) -> EnvironmentState:
    """The state of an environment before its first switch."""
    return EnvironmentState(environment, None, None, 0, NEVER, None, 0)


def structured(value: dict[str, Any], path: Path) -> EnvironmentState:
    """The state that JSON describes. Raises StateError that names the field where it describes none."""
    try:
        state = _converter().structure(value, EnvironmentState)
    except cattrs.errors.ForbiddenExtraKeysError as error:
        names = ", ".join(sorted(error.extra_fields))
        raise StateError("is not known", file=path, field=names, remedy=_RESTORE) from None
    except KeyError as error:
        raise StateError("is missing", file=path, field=str(error.args[0]), remedy=_RESTORE) from None
    except (TypeError, ValueError, AttributeError) as error:
        # cattrs asks what should be an object for its keys, whatever it is.
        raise StateError(f"does not hold a state: {error}", file=path, remedy=_RESTORE) from None
    for field, problem in _problems(state):
        raise StateError(problem, file=path, field=field, remedy=_RESTORE)
    return state


def state_bytes(state: EnvironmentState) -> bytes:
    """A state as its file has it."""
    return canonical_json(asdict(state))


def parse_time(text: str) -> datetime:
    """A moment that a state or the audit log names. Raises ValueError where it is not ISO 8601 in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != UTC.utcoffset(None):
        raise ValueError(f"{text!r} is no time in UTC")
    return moment


def _problems(state: EnvironmentState) -> list[tuple[str, str]]:
    found = []
    if state.environment not in ENVIRONMENTS:
        found.append(("environment", f"is {state.environment!r}, but should be one of {', '.join(ENVIRONMENTS)}"))
    if state.share not in SHARES:
        found.append(("share", f"is {state.share}, but should be one of {', '.join(map(str, SHARES))}"))
    if (state.canary is None) != (state.share == 0):
        found.append(("share", f"is {state.share}, but should be 0 if and only if there is no canary"))
    if state.sequence < 0:
        found.append(("sequence", f"is {state.sequence}, but should not be negative"))
    times = [("stage_started", state.stage_started)]
    for name, release in (("stable", state.stable), ("canary", state.canary), ("previous", state.previous)):
        if release is None:
            continue
        times.append((f"{name}.deployed", release.deployed))
        if not _MODEL_ID.fullmatch(release.model_id):
            found.append((f"{name}.model_id", f"is {release.model_id!r}, which is no id"))
        if not _DIGEST.fullmatch(release.digest):
            found.append((f"{name}.digest", "should be 64 hex digits"))
        if release.package != package_name(release.model_id, release.digest):
            found.append((f"{name}.package", f"is {release.package!r}, which is not of its id and digest"))
    for field, text in times:
        try:
            parse_time(text)
        except ValueError:
            found.append((field, f"is {text!r}, but should be a time in UTC, as 2026-01-31T12:00:00+00:00"))
    return found


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False, forbid_extra_keys=True)
    # cattrs would make "10" and 10.5 a 10, and anything at all a string.
    converter.register_structure_hook(int, _exactly)
    converter.register_structure_hook(str, _exactly)
    return converter


def _exactly(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} should be of the type {kind.__name__}")
    return value
