"""Waivers: failures that were accepted by name, with a reason and an end. models/waivers.toml:

[[waiver]]
check = "SIZ-001"
model = "v1.0_onnx_int8"
reason = "MPNet does not fit 50 MB; offered for offline use only"
expires = 2027-03-01
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raxe_conformance.checks.table import catalogue
from raxe_conformance.errors import MissingFileError, ProfileError
from raxe_conformance.fileio import read_bounded
from raxe_conformance.verdict.outcome import Outcome, Verdict

NAME = "waivers.toml"
_KEYS = {"check", "model", "reason", "expires"}


@dataclass(frozen=True)
class Waiver:
    """One accepted failure. It counts up to and including the day it expires."""

    check_id: str
    model_id: str
    reason: str
    expires: datetime.date


def read_waivers(models_dir: Path) -> tuple[Waiver, ...]:
    """The waivers of a models folder; none where it has no file. Raises ProfileError that names the entry."""
    path = models_dir / NAME
    try:
        data = read_bounded(path, 1_000_000, what="the waiver file")
    except MissingFileError:
        return ()
    return parse_waivers(data, str(path))


def parse_waivers(data: bytes, file: str) -> tuple[Waiver, ...]:
    """Waivers from TOML bytes. Raises ProfileError that names the entry and what it lacks."""
    try:
        value = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"is no TOML: {error}", file=file) from None
    entries = value.get("waiver", [])
    if set(value) - {"waiver"} or not isinstance(entries, list):
        raise ProfileError("holds something else than [[waiver]] tables", file=file, remedy="see docs/verdicts.md")
    found = [_waiver(entry, file, f"waiver[{index}]") for index, entry in enumerate(entries)]
    keys = [(waiver.check_id, waiver.model_id) for waiver in found]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise ProfileError(f"waives {key[0]} of {key[1]} a second time", file=file, field=f"waiver[{index}]")
    return tuple(found)


def _waiver(entry: Any, file: str, at: str) -> Waiver:
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise ProfileError(f"needs exactly {', '.join(sorted(_KEYS))}", file=file, field=at)
    for key in ("check", "model", "reason"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise ProfileError("is no text", file=file, field=f"{at}.{key}")
    if entry["check"] not in catalogue():
        raise ProfileError(f"{entry['check']!r} is no check", file=file, field=f"{at}.check")
    expires = entry["expires"]
    # A TOML date-time is a datetime, which is a date too: it would compare wrongly with one.
    if not isinstance(expires, datetime.date) or isinstance(expires, datetime.datetime):
        raise ProfileError("is no date such as 2027-03-01 (without quotes)", file=file, field=f"{at}.expires")
    return Waiver(entry["check"], entry["model"], entry["reason"].strip(), expires)


def apply_waiver(verdict: Verdict, model_id: str, waivers: Iterable[Waiver], today: datetime.date) -> Verdict:
    """The verdict with what a waiver makes of it.

    A failure under a waiver in force is waived; under an expired one it stays a failure and says so. A check that
    passes says that its waiver is no longer needed. What is inconclusive is not waived: it may hide anything.
    """
    own = next((w for w in waivers if (w.check_id, w.model_id) == (verdict.check_id, model_id)), None)
    if own is None or verdict.outcome is Outcome.INCONCLUSIVE:
        return verdict
    if verdict.outcome is Outcome.PASS:
        return replace(verdict, message=f"{verdict.message}; its waiver is no longer needed: remove it")
    if today > own.expires:
        return replace(verdict, message=f"{verdict.message}; its waiver expired on {own.expires}: {own.reason}")
    return replace(verdict, waived=True, message=f"{verdict.message}; waived until {own.expires}: {own.reason}")
