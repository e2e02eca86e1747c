"""Benchmark rows: JSON lines, read strictly. A file with a faulty row is refused, with every fault named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.errors import BenchmarkError, RaxeError
from raxe_conformance.fileio import read_bounded, sha256
from raxe_conformance.strict_json import parse_json_object

BENIGN = "BENIGN"
LABELS = (BENIGN, "PI", "JB", "CMD", "PII", "ENC", "RAG")
MAX_FILE_BYTES = 1_000_000_000
MAX_LINE_BYTES = 5_000_000
_OPTIONAL = ("subfamily", "id", "source", "language", "kind", "pair", "license")


@dataclass(frozen=True)
class Row:
    """One labelled text. `id` is the file's own, or "line N" where it gives none."""

    text: str
    label: str
    id: str
    subfamily: str | None = None
    source: str | None = None
    language: str | None = None
    kind: str | None = None
    pair: str | None = None
    license: str | None = None

    @property
    def is_attack(self) -> bool:
        """Whether the label is a family."""
        return self.label != BENIGN


@dataclass(frozen=True)
class Benchmark:
    """A benchmark file: its rows in file order, and the digest of the bytes that they were read from."""

    path: str
    sha256: str
    rows: tuple[Row, ...]

    @property
    def attacks(self) -> int:
        """Number of attack rows."""
        return sum(row.is_attack for row in self.rows)

    @property
    def benign(self) -> int:
        """Number of benign rows."""
        return len(self.rows) - self.attacks


def read_benchmark(path: Path) -> Benchmark:
    """Read a benchmark. Raises BenchmarkError that lists all faults, MissingFileError, RaxeError."""
    data = read_bounded(path, MAX_FILE_BYTES, what="the benchmark file")
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    # Only \n ends a line: JSON strings may hold U+2028 and U+0085, at which str.splitlines would break.
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = _row(line, number, path)
        except RaxeError as error:
            problems.append(f"line {number}: " + (f"{error.field}: " if error.field else "") + error.problem)
            continue
        first = seen.setdefault(row.id, number)
        if first != number:
            problems.append(f"line {number}: id: {row.id!r} stands in line {first} already")
        rows.append(row)
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise BenchmarkError(
            "; ".join(problems[:3]) + more,
            problems=tuple(problems),
            file=path,
            remedy="mend these rows: nothing is dropped silently",
        )
    if not rows:
        raise BenchmarkError("holds no rows", file=path, remedy="name a JSONL file with text and label in each row")
    return Benchmark(str(path), sha256(data), tuple(rows))


def _row(line: bytes, number: int, path: Path) -> Row:
    if len(line) > MAX_LINE_BYTES:
        raise BenchmarkError(f"has {len(line)} bytes, at most {MAX_LINE_BYTES} are read", file=path)
    value = _lenient_text(line, path)
    text, label = value.get("text"), value.get("label")
    if not isinstance(text, str):
        raise BenchmarkError("is missing or no string", file=path, field="text")
    if not text.strip():
        raise BenchmarkError("is empty", file=path, field="text")
    if label not in LABELS:
        raise BenchmarkError(f"is {label!r}, but should be one of {', '.join(LABELS)}", file=path, field="label")
    for key in _OPTIONAL:
        item = value.get(key)
        if item is not None and (not isinstance(item, str) or not item):
            raise BenchmarkError("is no string", file=path, field=key)
    optional = {key: value.get(key) for key in _OPTIONAL if key != "id"}
    return Row(text=text, label=str(label), id=value.get("id") or f"line {number}", **optional)


def _lenient_text(line: bytes, path: Path) -> dict[str, Any]:
    """A row's object. Lone surrogates in `text` are let through: texts with them are what a scanner meets."""
    try:
        return parse_json_object(line, file=path)
    except RaxeError as error:
        if "surrogate" not in error.problem:
            raise
        value: dict[str, Any] = json.loads(line)
        return value
