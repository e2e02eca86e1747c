"""Public corpora in one shape: index.jsonl says how to read each file, whatever its format.

The files themselves stay in a data directory outside the repository. An entry of the index names a file, its format
(jsonl, csv, json, txt), where in it the texts stand, and whether they are attacks:

- text_field is a path with dots. `*` makes every item of a list or object a row of its own, `+` joins all items into
  one row with the entry's `join`, a number picks an item; "lines" means that a line is a row.
- label is "attack", "benign", or "field:NAME=VALUE": an attack where the field has that value, else benign.
- where {field, not_prefix} leaves out records whose field starts so.
- role "payload" marks texts that are attacks only when they are planted in other text.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import read_bounded

INDEX: Final = "index.jsonl"
MIRROR: Final = "RAXE_CORPUS_MIRROR"
FORMATS: Final = ("jsonl", "csv", "json", "txt")
MAX_FILE_BYTES: Final = 256_000_000
_KEYS: Final = {"file", "format", "text_field", "label", "family", "languages", "rows", "join", "where", "role"}


class CorpusError(RaxeError):
    """A corpus file or its index cannot be read as the index says."""


class CorpusMissingError(CorpusError):
    """There is no data directory, or a file that the index names is not in it."""


@dataclass(frozen=True)
class IndexEntry:
    """One line of the index. `source` is the top folder of the file; `rows` is how many texts it should give."""

    file: str
    format: str
    text_field: str
    label: str
    family: str | None
    languages: tuple[str, ...]
    rows: int
    join: str
    where: tuple[str, str] | None
    role: str | None

    @property
    def source(self) -> str:
        return PurePosixPath(self.file).parts[0]


@dataclass(frozen=True)
class CorpusRow:
    """A text with what its corpus says of it. `family` is None for benign rows, and where the corpus does not say."""

    text: str
    is_attack: bool
    family: str | None
    source: str
    file: str
    languages: tuple[str, ...]


def find_data_dir(chosen: Path | None = None) -> Path:
    """The data directory: `chosen`, else the environment's RAXE_CORPUS_MIRROR, else shared/data beside the checkout.

    Raises CorpusMissingError where none of them holds an index.
    """
    named = chosen or (Path(os.environ[MIRROR]) if os.environ.get(MIRROR) else None)
    folder = named or Path(__file__).resolve().parents[2].parent / "shared" / "data"
    if (folder / INDEX).is_file():
        return folder
    if named is None:
        raise CorpusMissingError(
            "the corpora are not here", remedy=f"set {MIRROR} to a folder that holds {INDEX} and its files"
        )
    raise CorpusMissingError(
        f"holds no {INDEX}", file=folder, remedy=f"name the right folder by {MIRROR} or --data-dir"
    )


def read_index(folder: Path) -> list[IndexEntry]:
    """All entries of the index, in its order. Raises CorpusError that names the line."""
    path = folder / INDEX
    return [_entry(record, f"{path}:{number}") for number, record in _json_lines(_decode(path), path)]


def read_rows(folder: Path, entry: IndexEntry) -> list[CorpusRow]:
    """The texts of one entry, in the file's order; empty ones do not count.

    Raises CorpusMissingError, or CorpusError where the file is not as the index says or gives another number of rows.
    """
    path = folder / entry.file
    rows = []
    for record in _records(path, entry):
        if entry.where is not None and str(_field(record, entry.where[0], path)).startswith(entry.where[1]):
            continue
        is_attack = _is_attack(record, entry, path)
        for text in _texts(record, entry, path):
            if text.strip():
                family = entry.family if is_attack else None
                rows.append(CorpusRow(text, is_attack, family, entry.source, entry.file, entry.languages))
    if len(rows) != entry.rows:
        raise CorpusError(
            f"gives {len(rows)} rows, but the index says {entry.rows}", file=path, field=entry.text_field,
            remedy="take the files and the index from one version",
        )  # fmt: skip
    return rows


def read_corpora(folder: Path, *, payloads: bool = False) -> list[CorpusRow]:
    """The texts of all entries, in the index's order. Payloads are no attacks by themselves, so only on request."""
    entries = [entry for entry in read_index(folder) if payloads or entry.role != "payload"]
    return [row for entry in entries for row in read_rows(folder, entry)]


def _decode(path: Path) -> str:
    if not path.is_file():
        raise CorpusMissingError(
            "the corpus file does not exist", file=path, remedy=f"complete the folder that {MIRROR} names"
        )
    data = read_bounded(path, MAX_FILE_BYTES, what="the corpus file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"is not UTF-8 (byte {error.start})", file=path) from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Only a line feed ends a line: texts hold U+2028, U+0085 and form feeds, which splitlines() would cut at."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in _lines(text):
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise CorpusError(f"is no JSON: {error}", file=f"{path}:{number}") from None
        if not isinstance(record, dict):
            raise CorpusError("holds no object", file=f"{path}:{number}")
        yield number, record


def _records(path: Path, entry: IndexEntry) -> Iterator[Any]:
    text = _decode(path)
    if entry.format == "jsonl":
        yield from (record for _, record in _json_lines(text, path))
    elif entry.format == "csv":
        try:
            yield from csv.DictReader(io.StringIO(text, newline=""), strict=True)
        except csv.Error as error:
            raise CorpusError(f"is no CSV: {error}", file=path) from None
    elif entry.format == "txt":
        yield from (line for _, line in _lines(text))
    else:
        try:
            yield json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise CorpusError(f"is no JSON: {error}", file=path) from None


def _field(record: Any, name: str, path: Path) -> Any:
    if not isinstance(record, dict) or name not in record:
        raise CorpusError("a record has no such field", file=path, field=name)
    return record[name]


def _is_attack(record: Any, entry: IndexEntry, path: Path) -> bool:
    if not entry.label.startswith("field:"):
        return entry.label == "attack"
    name, _, expected = entry.label.removeprefix("field:").partition("=")
    value = _field(record, name, path)
    # As JSON writes it, so that true and 1 in the index mean the values true and 1 in the file.
    return (value if isinstance(value, str) else json.dumps(value)) == expected


def _texts(record: Any, entry: IndexEntry, path: Path) -> list[str]:
    if entry.format == "txt":
        return [str(record)]
    found = []
    for value in _walk(record, entry.text_field.split("."), entry, path):
        if value is None:
            continue
        if not isinstance(value, str):
            raise CorpusError(f"leads to a {type(value).__name__}, not a text", file=path, field=entry.text_field)
        found.append(value)
    return found


def _walk(value: Any, steps: list[str], entry: IndexEntry, path: Path) -> list[Any]:
    if not steps:
        return [value]
    step, rest = steps[0], steps[1:]
    if step in ("*", "+"):
        if not isinstance(value, list | dict):
            raise CorpusError(f"{step!r} meets a {type(value).__name__}, not a list", file=path, field=entry.text_field)
        items = value if isinstance(value, list) else list(value.values())
        found = [text for item in items for text in _walk(item, rest, entry, path)]
        return [entry.join.join(map(str, found))] if step == "+" else found
    if isinstance(value, list) and step.isdecimal():
        if int(step) >= len(value):
            raise CorpusError(f"there is no item {step}", file=path, field=entry.text_field)
        return _walk(value[int(step)], rest, entry, path)
    return _walk(_field(value, step, path), rest, entry, path)


def _entry(record: dict[str, Any], file: str) -> IndexEntry:
    def need(key: str, ok: bool, should: str) -> Any:
        if not ok:
            raise CorpusError(f"is {record.get(key)!r}, but should be {should}", file=file, field=key)
        return record.get(key)

    if unknown := sorted(set(record) - _KEYS):
        raise CorpusError("is no key of the index", file=file, field=unknown[0])
    name, label, family = record.get("file"), record.get("label"), record.get("family")
    where, rows, languages = record.get("where"), record.get("rows"), record.get("languages")
    inside = isinstance(name, str) and bool(name) and not PurePosixPath(name).is_absolute() and "\\" not in name
    need("file", inside and ".." not in PurePosixPath(str(name)).parts, "a path inside the folder")
    known = isinstance(label, str) and (label in ("attack", "benign") or ("=" in label and label.startswith("field:")))
    need("label", known, "attack, benign or field:NAME=VALUE")
    need("languages", isinstance(languages, list) and all(isinstance(x, str) for x in languages), "a list of codes")
    paired = isinstance(where, dict) and set(where) == {"field", "not_prefix"}
    need("where", where is None or paired, "an object with field and not_prefix")
    return IndexEntry(
        file=str(name),
        format=need("format", record.get("format") in FORMATS, f"one of {', '.join(FORMATS)}"),
        text_field=need("text_field", isinstance(record.get("text_field"), str), "a path"),
        label=str(label),
        family=need("family", family is None or isinstance(family, str), "a family or null"),
        languages=tuple(languages or ()),
        rows=need("rows", isinstance(rows, int) and not isinstance(rows, bool), "a number"),
        join=need("join", isinstance(record.get("join", ""), str), "a string") or "",
        where=(str(where["field"]), str(where["not_prefix"])) if where else None,
        role=need("role", record.get("role") in (None, "payload"), "payload, or absent"),
    )
