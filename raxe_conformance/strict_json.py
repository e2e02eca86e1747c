"""JSON as RFC 8259 has it, read with bounds.

The standard library accepts NaN, duplicate keys and lone surrogates, and recurses as deep as it is led. A metadata
file or a manifest that uses one of these means different things to different readers, so it is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

from raxe_conformance.errors import JsonError
from raxe_conformance.fileio import read_bounded

MAX_METADATA_BYTES = 1_000_000
MAX_DEPTH = 64
_BEGINNING = 10_000
MAX_SECTIONS = 10_000  # objects and lists of a metadata file or a manifest; one with every field has some dozens
MAX_BRACKETS = 500_000  # each begins an object or a list, which takes thirty times the memory of its two characters


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:40]} is out of range")
    return value


def _short_int(digits: str) -> int:
    if len(digits) > 400:
        raise ValueError("a number has more than 400 digits")
    return int(digits)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} occurs twice")
            seen.add(key)
    return found


# A string, or a bracket outside of one. Possessive, so that no text makes the matcher go back.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]++|[\]}]++', re.DOTALL)


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside strings, found without recursion."""
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match.group()
        if found[0] in "[{":
            depth += len(found)
            deepest = max(deepest, depth)
        elif found[0] != '"':
            depth -= len(found)
    return deepest


def parse_json_object(data: bytes, *, file: Path | str, most_brackets: int = MAX_BRACKETS) -> dict[str, Any]:
    """The one JSON object in `data`. Raises JsonError with line and column for anything else.

    most_brackets: how many objects and lists it may hold (brackets in strings are counted with them).
    """
    if data[:3] == b"\xef\xbb\xbf":
        raise JsonError("begins with a byte order mark", file=file, remedy="save it as UTF-8 without BOM")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(f"is not UTF-8 (byte {error.start})", file=file, remedy="save it as UTF-8") from None
    # Counting brackets is an upper bound that costs next to nothing; only a suspect is looked at closely.
    brackets = text.count("[") + text.count("{")
    many = brackets > most_brackets
    # Of a text with too many, the beginning will do to say what kind of too many it is.
    if brackets > MAX_DEPTH and _depth(text[:_BEGINNING] if many else text) > MAX_DEPTH:
        raise JsonError(f"is nested deeper than {MAX_DEPTH}", file=file, remedy="flatten it")
    if many:
        raise JsonError(f"has more than {most_brackets} opening brackets", file=file, remedy="shorten it")
    try:
        value = json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_short_int,
            object_pairs_hook=_no_duplicates,
        )
    except json.JSONDecodeError as error:
        raise JsonError(
            f"is no JSON: {error.msg} (line {error.lineno}, column {error.colno})", file=file, remedy="mend the syntax"
        ) from None
    except ValueError as error:
        raise JsonError(str(error), file=file, remedy="mend the value") from None
    if not isinstance(value, dict):
        raise JsonError(f"holds a JSON {type(value).__name__}, not an object", file=file, remedy="write one object")
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise JsonError("holds a lone surrogate", file=file, remedy="remove the \\ud800–\\udfff escape") from None
    return value


def read_json_object(path: Path, most: int = MAX_METADATA_BYTES) -> dict[str, Any]:
    """The JSON object in a file of at most `most` bytes. Raises JsonError, MissingFileError, RaxeError."""
    data = read_bounded(path, most, what="the file")
    return parse_json_object(data, file=path, most_brackets=max(MAX_BRACKETS, most // 20))
