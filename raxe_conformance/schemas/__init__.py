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
COMPARISON: Final = "comparison-1.0.0.json"
BENCHMARK_REPORT: Final = "benchmark-report-1.0.0.json"
MAX_VIOLATIONS: Final = 200


@cache
def shipped_schema(name: str) -> dict[str, Any]:
    """A schema of this folder, by one of the names above."""
    value: dict[str, Any] = json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))
    return value


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    # A report may hold a comparison.
    referred = shipped_schema(COMPARISON)
    registry: Registry[Any] = Registry().with_resource(referred["$id"], Resource.from_contents(referred))
    return Draft202012Validator(shipped_schema(name), registry=registry)


def violations(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Where a value breaks a schema: the field with dots ("" for the top) and what is wrong, sorted by field.

    At most MAX_VIOLATIONS of them, those that are found first.
    """
    errors = islice(_validator(name).iter_errors(value), MAX_VIOLATIONS)
    for error in sorted(errors, key=lambda e: list(map(str, e.absolute_path))):
        yield ".".join(map(str, error.absolute_path)), error.message
