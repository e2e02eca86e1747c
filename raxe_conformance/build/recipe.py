"""models/recipes/{model_id}.toml as typed values: what a variant is made of, by digest, and how.

Read strictly: a key that is not known, or a value of another type, is an error that names file and field. A recipe that
is misread would make another model under the same name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from raxe_conformance.build.export import OPSETS
from raxe_conformance.errors import BuildError, MissingFileError
from raxe_conformance.fileio import read_bounded
from raxe_conformance.registry.bundle import FAMILIES

MAX_RECIPE_BYTES: Final = 1_000_000
FORMATS: Final = ("int8",)
_HEX = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class RecipeError(BuildError):
    """A recipe cannot be read, or says what cannot be followed."""


@dataclass(frozen=True)
class Weights:
    """A wheel by name, version and SHA-256, and the files in it by theirs. `directory` is a path in the wheel."""

    package: str
    version: str
    sha256: str
    directory: str
    license: str
    origin: str
    files: dict[str, str]


@dataclass(frozen=True)
class Quantization:
    """How the weights are stored. See quantize.quantize_int8."""

    format: str
    per_channel: bool
    reduce_range: bool


@dataclass(frozen=True)
class Embedding:
    """The embedding space. max_sequence_length counts tokens, special ones included."""

    name: str
    dimension: int
    pooling: str
    normalization: str
    max_sequence_length: int


@dataclass(frozen=True)
class HeadSettings:
    """How heads are fitted. See heads.fit_heads and dataset.select_rows.

    c, family_c: inverse strength of the L2 penalty. source_power: a source of n rows weighs n to this power within its
    class. benign_cap: rows of one benign source at most. similar_share: share of shingles from which two texts are near
    duplicates. folds: groups of sources held out in turn. threshold_rule is "false_positive_rate": the lowest threshold
    at which at most threshold_fpr of the held-out benign texts are called attacks.
    """

    seed: int
    c: float
    family_c: float
    max_iterations: int
    folds: int
    source_power: float
    benign_cap: int
    similar_share: float
    threshold_rule: str
    threshold_fpr: float


@dataclass(frozen=True)
class CorpusFile:
    """A corpus file, by digest. `rows` counts all texts that the index takes from it."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """One corpus: a folder of the data directory, and where upstream it comes from."""

    name: str
    repository: str
    commit: str
    license: str
    files: tuple[CorpusFile, ...]


@dataclass(frozen=True)
class LeftOut:
    """A corpus, or a file of one, that is not trained on, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class OwnGrammar:
    """Rows of build/grammar as one more source: grammar.generate.corpus_rows(seed, rows), by dataset.digest_rows."""

    seed: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Corpora:
    """The training text. index_sha256 is of the data directory's index.jsonl, which says how files are read."""

    index_sha256: str
    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...]
    own_grammar: OwnGrammar | None = None


@dataclass(frozen=True)
class BundleSettings:
    """What the bundle says of itself. `triggers` is a file beside the recipe."""

    version: str
    model_id: str
    author: str
    description: str
    families: tuple[str, ...]
    triggers: str
    triggers_sha256: str


@dataclass(frozen=True)
class Output:
    """A file that the recipe makes, relative to the models folder. Digests are None before the first build.

    content_sha256 (ONNX only) is content.content_digest: it stays the same where only the way of writing changes.
    """

    file: str
    sha256: str | None
    content_sha256: str | None = None


@dataclass(frozen=True)
class Outputs:
    """All files that the recipe makes."""

    onnx: Output
    tokenizer: Output
    bundle: Output


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. created_at goes into the bundle instead of the time of the build, so that builds repeat."""

    model_id: str
    created_at: str
    opset: int
    weights: Weights
    quantization: Quantization
    embedding: Embedding
    heads: HeadSettings
    bundle: BundleSettings
    outputs: Outputs
    corpora: Corpora
    path: Path


def recipe_path(models: Path, model_id: str) -> Path:
    """Where a variant's recipe stands."""
    return models / "recipes" / f"{model_id}.toml"


def recipe_ids(models: Path) -> list[str]:
    """The ids of all variants that have a recipe, sorted."""
    return sorted(path.stem for path in (models / "recipes").glob("*.toml"))


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises MissingFileError, or RecipeError that names the field."""
    try:
        raw = tomllib.loads(read_bounded(path, MAX_RECIPE_BYTES, what="the recipe").decode("utf-8"))
    except MissingFileError:
        raise
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"is no TOML: {error}", file=path, remedy="mend the syntax") from None
    top = _Table(raw, path, "")
    recipe = Recipe(
        model_id=top.name("model_id"),
        created_at=top.pattern("created_at", _DATE, "a time like 2026-01-31T00:00:00Z"),
        weights=_weights(top.table("weights")),
        opset=_opset(top.table("export")),
        quantization=_quantization(top.table("quantization")),
        embedding=_embedding(top.table("embedding")),
        heads=_heads(top.table("heads")),
        bundle=_bundle(top.table("bundle")),
        outputs=_outputs(top.table("outputs")),
        corpora=_corpora(top.table("corpora")),
        path=path,
    )
    top.finish()
    if recipe.model_id != path.stem:
        raise RecipeError(
            f"is {recipe.model_id!r}, but the file is named {path.stem!r}", file=path, field="model_id",
            remedy="rename one of them",
        )  # fmt: skip
    return recipe


class _Table:
    """A TOML table that knows where it stands, and which of its keys nobody asked for."""

    def __init__(self, value: dict[str, Any], path: Path, at: str) -> None:
        self._left, self._path, self._at = dict(value), path, at

    def error(self, key: str, problem: str, remedy: str | None = None) -> RecipeError:
        field = f"{self._at}.{key}" if self._at else key
        return RecipeError(problem, file=self._path, field=field, remedy=remedy)

    def finish(self) -> None:
        for key in self._left:
            raise self.error(key, "is no key of a recipe", "remove it, or mend its spelling")

    def table(self, key: str) -> _Table:
        return _Table(self._take(key, dict, "a table"), self._path, f"{self._at}.{key}" if self._at else key)

    def tables(self, key: str) -> Iterator[_Table]:
        for index, value in enumerate(self._take(key, list, "a list of tables")):
            if not isinstance(value, dict):
                raise self.error(f"{key}[{index}]", f"is {value!r}, but should be a table")
            yield _Table(value, self._path, f"{self._at}.{key}[{index}]" if self._at else f"{key}[{index}]")

    def text(self, key: str) -> str:
        value: str = self._take(key, str, "a string")
        if not value.strip():
            raise self.error(key, "is empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._take(key, list, "a list of strings")
        if not values or not all(isinstance(value, str) for value in values):
            raise self.error(key, f"is {values!r}, but should be a list of strings")
        return tuple(values)

    def pattern(self, key: str, pattern: re.Pattern[str], should: str) -> str:
        value: str = self._take(key, str, should)
        if not pattern.fullmatch(value):
            raise self.error(key, f"is {value!r}, but should be {should}")
        return value

    def name(self, key: str) -> str:
        return self.pattern(key, _NAME, "a name of letters, digits, '.', '_', '+' and '-'")

    def digest(self, key: str) -> str:
        return self.pattern(key, _HEX, "a SHA-256 in lower-case hex")

    def file(self, key: str) -> str:
        value = self.text(key)
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
            raise self.error(key, f"is {value!r}, but should be a path inside the folder")
        return value

    def choice(self, key: str, options: tuple[str, ...]) -> str:
        value: str = self._take(key, str, "a string")
        if value not in options:
            raise self.error(key, f"is {value!r}, but should be {' or '.join(options)}")
        return value

    def flag(self, key: str) -> bool:
        value: bool = self._take(key, bool, "true or false")
        return value

    def count(self, key: str, least: int = 1) -> int:
        value: int = self._take(key, int, "a whole number")
        if value < least:
            raise self.error(key, f"is {value}, but should be at least {least}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = self._take(key, (int, float), "a number")
        if not low <= value <= high:
            raise self.error(key, f"is {value}, but should be in {low:g} to {high:g}")
        return float(value)

    def digests(self, key: str) -> dict[str, str]:
        inner = self.table(key)
        found = {name: inner.digest(name) for name in list(inner._left)}
        if not found:
            raise self.error(key, "names no file")
        return found

    def has(self, key: str) -> bool:
        return key in self._left

    def optional_digest(self, key: str) -> str | None:
        return self.digest(key) if self.has(key) else None

    def _take(self, key: str, kind: type | tuple[type, ...], should: str) -> Any:
        if key not in self._left:
            raise self.error(key, "is missing", f"it should be {should}")
        value = self._left.pop(key)
        # bool is an int to Python, but not to anybody who writes a recipe.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(key, f"is {value!r}, but should be {should}")
        return value


def _weights(table: _Table) -> Weights:
    found = Weights(
        package=table.name("package"),
        version=table.name("version"),
        sha256=table.digest("sha256"),
        directory=table.file("directory"),
        license=table.text("license"),
        origin=table.text("origin"),
        files=table.digests("files"),
    )
    table.finish()
    return found


def _opset(table: _Table) -> int:
    opset = table.count("opset")
    if opset not in OPSETS:
        raise table.error("opset", f"is {opset}, but should be one of {', '.join(map(str, OPSETS))}")
    table.finish()
    return opset


def _quantization(table: _Table) -> Quantization:
    found = Quantization(
        format=table.choice("format", FORMATS),
        per_channel=table.flag("per_channel"),
        reduce_range=table.flag("reduce_range"),
    )
    table.finish()
    return found


def _embedding(table: _Table) -> Embedding:
    found = Embedding(
        name=table.name("name"),
        dimension=table.count("dimension"),
        pooling=table.choice("pooling", ("mean",)),
        normalization=table.choice("normalization", ("l2",)),
        max_sequence_length=table.count("max_sequence_length", 3),
    )
    table.finish()
    return found


def _heads(table: _Table) -> HeadSettings:
    found = HeadSettings(
        seed=table.count("seed", 0),
        c=table.number("c", 1e-6, 1e6),
        family_c=table.number("family_c", 1e-6, 1e6),
        max_iterations=table.count("max_iterations"),
        folds=table.count("folds", 2),
        source_power=table.number("source_power", 0.0, 1.0),
        benign_cap=table.count("benign_cap"),
        similar_share=table.number("similar_share", 0.0, 1.0),
        threshold_rule=table.choice("threshold_rule", ("false_positive_rate",)),
        threshold_fpr=table.number("threshold_fpr", 0.0, 0.5),
    )
    table.finish()
    return found


def _bundle(table: _Table) -> BundleSettings:
    families = table.texts("families")
    if not set(families) <= set(FAMILIES) or len(set(families)) != len(families):
        raise table.error("families", f"is {list(families)}, but should be a list out of {', '.join(FAMILIES)}")
    found = BundleSettings(
        version=table.name("version"),
        model_id=table.name("model_id"),
        author=table.text("author"),
        description=table.text("description"),
        families=families,
        triggers=table.file("triggers"),
        triggers_sha256=table.digest("triggers_sha256"),
    )
    table.finish()
    return found


def _outputs(table: _Table) -> Outputs:
    def one(key: str) -> Output:
        inner = table.table(key)
        content = inner.optional_digest("content_sha256") if key == "onnx" else None
        found = Output(inner.file("file"), inner.optional_digest("sha256"), content)
        inner.finish()
        return found

    outputs = Outputs(onnx=one("onnx"), tokenizer=one("tokenizer"), bundle=one("bundle"))
    table.finish()
    return outputs


def _corpora(table: _Table) -> Corpora:
    index = table.digest("index_sha256")
    sources = tuple(map(_source, table.tables("sources")))
    left_out = []
    for inner in table.tables("left_out"):
        left_out.append(LeftOut(file=inner.file("file"), reason=inner.text("reason")))
        inner.finish()
    own_grammar = _own_grammar(table.table("own_grammar")) if table.has("own_grammar") else None
    table.finish()
    return Corpora(index, sources, tuple(left_out), own_grammar)


def _own_grammar(table: _Table) -> OwnGrammar:
    found = OwnGrammar(seed=table.count("seed", 0), rows=table.count("rows"), sha256=table.digest("sha256"))
    table.finish()
    return found


def _source(table: _Table) -> Source:
    name = table.name("name")
    repository, commit, license = table.text("repository"), table.text("commit"), table.text("license")
    files = []
    for inner in table.tables("files"):
        files.append(CorpusFile(inner.file("file"), inner.count("rows"), inner.digest("sha256")))
        inner.finish()
    table.finish()
    return Source(name, repository, commit, license, tuple(files))
