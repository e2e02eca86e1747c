"""Changing members of a JSON object in its text, so that every other character stays as it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True)
class _Member:
    """A member of an object in a text: the space before its key, and what stands between key and value."""

    key: str
    space: str
    colon: str
    start: int
    end: int


def set_members(text: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a JSON object (which must be one, without double keys) with members of its sections set.

    changes: section → key → value. A section that is missing or null is made, at the end. A member that holds an equal
    value already stays as it is written; new ones are added at the end of their section, written as its others are.
    """
    found = {member.key: member for member in _members(text, 0)}
    edits: list[tuple[int, int, str]] = []
    missing: dict[str, Any] = {}
    for name, values in changes.items():
        section = found.get(name)
        if not values:
            continue
        if section is None:
            missing[name] = dict(values)
        elif text[section.start] != "{":
            edits.append((section.start, section.end, _written(dict(values), section.space, _unit(text))))
        else:
            edits += _edits(text, section.start, section.end, values, section.space)
    edits += _edits(text, _skip(text, 0), len(text.rstrip(" \t\n\r")), missing, "")
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None  # it matches nothing, too
    return found.end()


def _members(text: str, at: int) -> list[_Member]:
    """The members of the object that begins at or after `at`."""
    at = _skip(text, at) + 1
    found: list[_Member] = []
    while True:
        key_at = _skip(text, at)
        if text[key_at] == "}":
            return found
        key, key_end = _DECODER.raw_decode(text, key_at)
        start = _skip(text, text.index(":", key_end) + 1)
        _, end = _DECODER.raw_decode(text, start)
        found.append(_Member(key, text[at:key_at], text[key_end:start], start, end))
        at = _skip(text, end)
        if text[at] == "}":
            return found
        at += 1


def _unit(text: str) -> str:
    """One step of indentation; empty where the text is written on one line."""
    first = next(iter(_members(text, 0)), None)
    return first.space.rpartition("\n")[2] if first is not None and "\n" in first.space else ""


def _edits(text: str, start: int, end: int, values: Mapping[str, Any], outside: str) -> list[tuple[int, int, str]]:
    """What sets members of the object at start:end, as pieces (start, end, new text).

    outside: the space before the object's own key.
    """
    members = _members(text, start)
    known, unit = {member.key: member for member in members}, _unit(text)
    edits, added = [], {}
    for key, value in values.items():
        member = known.get(key)
        if member is None:
            added[key] = value
        elif not _same(json.loads(text[member.start : member.end]), value):
            edits.append((member.start, member.end, _written(value, member.space, unit)))
    if added and not members:
        edits.append((start, end, _written(dict(added), outside, unit)))
    elif added:
        last = members[-1]
        space = last.space if last.space or len(members) > 1 else " "
        new = "".join(
            f",{space}{json.dumps(key, ensure_ascii=False)}{last.colon}{_written(value, space, unit)}"
            for key, value in added.items()
        )
        edits.append((last.end, last.end, new))
    return edits


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _written(value: Any, space: str, unit: str) -> str:
    """A value as text; an object over several lines where the text is. space: what stands before its own key."""
    if not isinstance(value, dict) or not value or not unit or "\n" not in space:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    outer = "\n" + space.rpartition("\n")[2]
    inner = outer + unit
    members = (f"{inner}{json.dumps(key, ensure_ascii=False)}: {_written(v, inner, unit)}" for key, v in value.items())
    return "{" + ",".join(members) + outer + "}"
