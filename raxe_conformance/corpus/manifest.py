"""fixtures/corpora.toml as typed values: the larger corpora by source, commit, licence and digest.

Read strictly: a key that is not known, or a value of another kind, is an error that names file and field.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, cast

from raxe_conformance.corpus.index import FORMATS, CorpusError
from raxe_conformance.errors import UsageError, nearest
from raxe_conformance.fileio import read_bounded

SCHEMA: Final = 1
MAX_BYTES: Final = 4_000_000
Upstream = Literal["unchanged", "derived"]
_HEX = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_LABEL = re.compile(r"attack|benign|field:[^=]+=.+")
# Plain HTTP only to this machine: what is fetched is held to its digest, but nobody else need know what is fetched.
_URL = re.compile(r"https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?/\S*")


@dataclass(frozen=True)
class Texts:
    """Which texts a file gives: corpus/index.py says what the values mean. `attacks` of the `rows` are attacks."""

    field: str
    label: str
    family: str | None
    languages: tuple[str, ...]
    rows: int
    attacks: int
    join: str | None = None
    where: tuple[str, str] | None = None
    role: str | None = None


@dataclass(frozen=True)
class CorpusFile:
    """One file: its size in bytes and SHA-256, the texts in it (none where it is left out, which says why).

    path is where it stands in the repository, None where it was re-written or its place is not recorded. commit is its
    own where it differs from the source's.
    """

    file: str
    bytes: int
    sha256: str
    format: str
    texts: tuple[Texts, ...]
    path: str | None
    commit: str | None
    left_out: str | None


@dataclass(frozen=True)
class Source:
    """One corpus. upstream: "unchanged" files are as upstream has them, "derived" ones exist in mirrors only."""

    name: str
    repository: str
    place: str | None
    commit: str
    license: str
    what: str
    labelled: str | None
    upstream: Upstream
    files: tuple[CorpusFile, ...]


@dataclass(frozen=True)
class Corpora:
    """The whole manifest. url is a pattern with {repository}, {commit} and {path}."""

    path: Path
    url: str
    index_sha256: str
    sources: tuple[Source, ...]

    def select(self, names: Iterable[str]) -> list[Source]:
        """The named sources in the manifest's order, all where none is named. Raises UsageError with near names."""
        wanted = list(names)
        known = [source.name for source in self.sources]
        for name in wanted:
            if name not in known:
                remedy = f"did you mean {', '.join(nearest(name, known))}?"
                raise UsageError(f"there is no corpus {name!r}", file=self.path, remedy=remedy)
        return [source for source in self.sources if not wanted or source.name in wanted]

    def url_of(self, source: Source, file: CorpusFile) -> str | None:
        """Where the file is upstream, None where only a mirror has it."""
        if source.upstream != "unchanged" or file.path is None:
            return None
        return self.url.format(repository=source.repository, commit=file.commit or source.commit, path=file.path)


def read_corpora_manifest(path: Path) -> Corpora:
    """The manifest in a TOML file. Raises MissingFileError, CorpusError."""
    try:
        raw = tomllib.loads(read_bounded(path, MAX_BYTES, what="the corpus manifest").decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"is no TOML: {error}", file=path, remedy="mend the syntax") from None
    top = _Table(raw, path, "")
    if (schema := top.number("schema")) != SCHEMA:
        raise top.error("schema", f"is {schema}, but should be {SCHEMA}")
    url = top.text("url", _URL, "an https address")
    try:
        url.format(repository="", commit="", path="")
    except (KeyError, IndexError, ValueError):
        raise top.error("url", "holds another field than {repository}, {commit} and {path}") from None
    found = Corpora(path, url, top.text("index_sha256", _HEX, "a SHA-256"), tuple(map(_source, top.tables("sources"))))
    top.finish()
    if doubles := _twice(source.name for source in found.sources):
        raise top.error("sources", f"{doubles[0]!r} stands there twice")
    return found


def index_lines(corpora: Corpora) -> bytes:
    """The index.jsonl of a folder that holds all files: what corpus/index.py reads, one line for each entry."""
    lines = []
    for source in corpora.sources:
        for file in source.files:
            for texts in file.texts:
                entry: dict[str, Any] = {
                    "file": f"{source.name}/{file.file}",
                    "format": file.format,
                    "text_field": texts.field,
                    "label": texts.label,
                    "family": texts.family,
                    "languages": list(texts.languages),
                    "rows": texts.rows,
                }
                if texts.join is not None:
                    entry["join"] = texts.join
                if texts.where is not None:
                    entry["where"] = {"field": texts.where[0], "not_prefix": texts.where[1]}
                if texts.role is not None:
                    entry["role"] = texts.role
                lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    return "".join(lines).encode("utf-8")


class _Table:
    """A TOML table that knows where it stands, and which of its keys nobody asked for."""

    def __init__(self, value: dict[str, Any], path: Path, at: str) -> None:
        self._left, self._path, self._at = dict(value), path, at

    def error(self, key: str, problem: str) -> CorpusError:
        return CorpusError(problem, file=self._path, field=f"{self._at}{key}", remedy="mend the manifest")

    def has(self, key: str) -> bool:
        return key in self._left

    def finish(self) -> None:
        for key in self._left:
            raise self.error(key, "is no key of a corpus manifest")

    def take(self, key: str, kind: type, should: str) -> Any:
        if key not in self._left:
            raise self.error(key, f"is missing, but should be {should}")
        value = self._left.pop(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.error(key, f"is {value!r}, but should be {should}")
        return value

    def text(self, key: str, pattern: re.Pattern[str] | None = None, should: str = "a string") -> str:
        value: str = self.take(key, str, should)
        if (pattern and not pattern.fullmatch(value)) or not value.strip():
            raise self.error(key, f"is {value!r}, but should be {should}")
        return value

    def optional(self, key: str, pattern: re.Pattern[str] | None = None, should: str = "a string") -> str | None:
        return self.text(key, pattern, should) if self.has(key) else None

    def choice(self, key: str, options: tuple[str, ...]) -> str:
        return self.text(key, re.compile("|".join(options)), " or ".join(options))

    def inside(self, key: str) -> str:
        value = self.text(key)
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
            raise self.error(key, f"is {value!r}, but should be a path inside a folder")
        return value

    def number(self, key: str) -> int:
        value: int = self.take(key, int, "a whole number")
        if value < 0:
            raise self.error(key, f"is {value}, but should be at least 0")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, "a list of strings")
        if not values or not all(isinstance(value, str) for value in values):
            raise self.error(key, f"is {values!r}, but should be a list of strings")
        return tuple(values)

    def tables(self, key: str) -> Iterator[_Table]:
        for index, value in enumerate(self.take(key, list, "a list of tables")):
            if not isinstance(value, dict):
                raise self.error(f"{key}[{index}]", f"is {value!r}, but should be a table")
            yield _Table(value, self._path, f"{self._at}{key}[{index}].")


def _source(table: _Table) -> Source:
    found = Source(
        name=table.text("name", _NAME, "a name"),
        repository=table.text("repository", _REPOSITORY, "owner/name"),
        place=table.optional("place"),
        commit=table.text("commit", _COMMIT, "a commit's 40 hex digits"),
        license=table.text("license"),
        what=table.text("what"),
        labelled=table.optional("labelled"),
        upstream=cast(Upstream, table.choice("upstream", ("unchanged", "derived"))),
        files=tuple(map(_file, table.tables("files"))),
    )
    table.finish()
    if found.upstream == "derived" and any(file.path for file in found.files):
        raise table.error("files", "names a path upstream, but re-written files are not there")
    if doubles := _twice(file.file for file in found.files):
        raise table.error("files", f"{doubles[0]!r} stands there twice")
    return found


def _file(table: _Table) -> CorpusFile:
    found = CorpusFile(
        file=table.inside("file"),
        bytes=table.number("bytes"),
        sha256=table.text("sha256", _HEX, "a SHA-256 in lower-case hex"),
        format=table.choice("format", FORMATS),
        texts=tuple(map(_texts, table.tables("texts"))) if table.has("texts") else (),
        path=table.inside("path") if table.has("path") else None,
        commit=table.optional("commit", _COMMIT, "a commit's 40 hex digits"),
        left_out=table.optional("left_out"),
    )
    table.finish()
    if bool(found.texts) == bool(found.left_out):
        raise table.error("texts", "should be there, or left_out should say why not; not both")
    return found


def _texts(table: _Table) -> Texts:
    where = None
    if table.has("where"):
        inner = _Table(table.take("where", dict, "a table"), table._path, f"{table._at}where.")
        where = (inner.text("field"), inner.text("not_prefix"))
        inner.finish()
    found = Texts(
        field=table.text("field"),
        label=table.text("label", _LABEL, "attack, benign or field:NAME=VALUE"),
        family=table.optional("family"),
        languages=table.texts("languages"),
        rows=table.number("rows"),
        attacks=table.number("attacks"),
        join=table.take("join", str, "a string") if table.has("join") else None,
        where=where,
        role=table.choice("role", ("payload",)) if table.has("role") else None,
    )
    table.finish()
    if found.attacks > found.rows:
        raise table.error("attacks", f"is {found.attacks}, more than the {found.rows} rows")
    return found


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
