"""The JSON Schemas that are shipped, and what breaks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

METADATA: Final = "metadata-2.0.0.json"
REPORT: Final = "report-1.0.0.json"
MAX_VIOLATIONS: Final = 200


@cache
def shipped_schema(name: str) -> dict[str, Any]:
    """A schema of this folder: METADATA or REPORT."""
    value: dict[str, Any] = json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))
    return value


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(shipped_schema(name))


def violations(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Where a value breaks a schema: the field with dots ("" for the top) and what is wrong, sorted by field.

    At most MAX_VIOLATIONS of them, those that are found first.
    """
    errors = islice(_validator(name).iter_errors(value), MAX_VIOLATIONS)
    for error in sorted(errors, key=lambda e: list(map(str, e.absolute_path))):
        yield ".".join(map(str, error.absolute_path)), error.message
