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
from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import read_bounded
from raxe_conformance.registry.bundle import FAMILIES

MAX_RECIPE_BYTES: Final = 1_000_000
FORMATS: Final = ("int8", "fp16")
_HEX = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class RecipeError(BuildError):
    """A recipe cannot be read, or says what cannot be followed."""


@dataclass(frozen=True)
class Wheel:
    """A wheel by name, version and SHA-256. `part` is a file in it that is a part of the archive with the weights, None
    where the wheel holds them itself."""

    package: str
    version: str
    sha256: str
    part: str | None = None

    @property
    def label(self) -> str:
        """As pip names it."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Weights:
    """Where the encoder's files come from, each by SHA-256: one wheel, wheels with parts of an archive, or a folder.

    `directory` is a path in the wheel or archive; `folder` a path below the models folder, None where there are wheels.
    """

    wheels: tuple[Wheel, ...]
    folder: str | None
    directory: str
    license: str
    origin: str
    files: dict[str, str]


@dataclass(frozen=True)
class Quantization:
    """How the weights are stored. Everything but the format belongs to int8, see quantize.quantize_int8."""

    format: str
    per_channel: bool
    reduce_range: bool
    float_activations: tuple[str, ...] = ()


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
    """How heads are fitted. See heads.fit_heads and dataset.select_rows. Where the encoder is trained, its heads are
    trained with it, and a recipe has no c, family_c, max_iterations and source_power here (they are 0).

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
class EncoderSettings:
    """How the encoder is fine-tuned before it is exported. See finetune/loop.py.

    layers: which of the base's layers, in order; one named twice starts as the identity. window: tokens of a training
    window, special ones not counted. rate: AdamW's highest learning rate, reached after a tenth of the steps and then
    falling to 0; head_rate: the heads' own; decay: its weight decay. source_power: as in HeadSettings, in the loss.
    family_weight: of the family loss against the attack loss. planted: short attacks put into long harmless texts.
    threads: of torch; another number sums in another order. labels: a file beside the recipe with labels by text.
    """

    layers: tuple[int, ...]
    window: int
    epochs: int
    batch: int
    rate: float
    head_rate: float
    decay: float
    source_power: float
    family_weight: float
    planted: int
    threads: int
    labels: str
    labels_sha256: str


@dataclass(frozen=True)
class SelectorSettings:
    """The first stage of a cascade: 2**bits buckets, c the inverse strength of its L2 penalty, window in tokens.

    mix: the share of its logit in the final one, before calibration.
    """

    bits: int
    c: float
    window: int
    mix: float


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
    """What the recipe makes, in a file relative to the models folder. Digests are None before the first build.

    content_sha256 (ONNX only) is content.content_digest: it stays the same where only the way of writing changes.
    """

    file: str
    sha256: str | None
    content_sha256: str | None = None


@dataclass(frozen=True)
class Outputs:
    """All that the recipe makes.

    `heads.file` is the bundle, which other recipes may share; `heads.sha256` is that of this recipe's head set in it
    (registry/head_sets.py), not of the file.
    """

    onnx: Output
    tokenizer: Output
    heads: Output


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. created_at goes into the bundle instead of the time of the build, so that builds repeat.

    heads_of: the recipe that fits the heads, this one itself or another of the same embedding space, from which
    `heads`, `bundle`, `corpora` and `outputs.heads` then come.
    """

    model_id: str
    created_at: str
    heads_of: str
    opset: int
    weights: Weights
    quantization: Quantization
    embedding: Embedding
    encoder: EncoderSettings | None
    selector: SelectorSettings | None
    heads: HeadSettings
    bundle: BundleSettings
    outputs: Outputs
    corpora: Corpora
    path: Path

    @property
    def fits_heads(self) -> bool:
        """Whether the heads are this recipe's own."""
        return self.heads_of == self.model_id


def recipe_path(models: Path, model_id: str) -> Path:
    """Where a variant's recipe stands."""
    return models / "recipes" / f"{model_id}.toml"


def recipe_ids(models: Path) -> list[str]:
    """The ids of all variants that have a recipe, sorted."""
    return sorted(path.stem for path in (models / "recipes").glob("*.toml"))


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises MissingFileError, or RecipeError that names the field."""
    top = _read(path)
    model_id = top.name("model_id")
    if model_id != path.stem:
        raise top.error("model_id", f"is {model_id!r}, but the file is named {path.stem!r}", "rename one of them")
    fitting = _fitting_recipe(top, path) if top.has("heads_of") else None
    outputs = top.table("outputs")
    recipe = Recipe(
        model_id=model_id,
        created_at=top.pattern("created_at", _DATE, "a time like 2026-01-31T00:00:00Z"),
        heads_of=fitting.model_id if fitting else model_id,
        weights=_weights(top.table("weights")),
        opset=_opset(top.table("export")),
        quantization=_quantization(top.table("quantization")),
        embedding=_embedding(top.table("embedding")),
        heads=fitting.heads if fitting else _heads(top.table("heads"), trained=top.has("encoder")),
        encoder=_encoder(top.table("encoder")) if top.has("encoder") else None,
        selector=_selector(top.table("selector")) if top.has("selector") else None,
        bundle=fitting.bundle if fitting else _bundle(top.table("bundle")),
        outputs=Outputs(
            onnx=_output(outputs.table("onnx"), "file", content=True),
            tokenizer=_output(outputs.table("tokenizer"), "file"),
            heads=fitting.outputs.heads if fitting else _output(outputs.table("heads"), "bundle"),
        ),
        corpora=fitting.corpora if fitting else _corpora(top.table("corpora")),
        path=path,
    )
    outputs.finish()
    top.finish()
    for field, own, other in (
        ("embedding", recipe.embedding, fitting and fitting.embedding),
        ("outputs.tokenizer", recipe.outputs.tokenizer, fitting and fitting.outputs.tokenizer),
    ):
        if fitting and own != other:
            raise top.error(field, f"is not that of {fitting.model_id}", "heads read only the vectors of one embedding")
    return recipe


def _fitting_recipe(top: _Table, path: Path) -> Recipe:
    """The recipe that another one has its heads from."""
    other = top.name("heads_of")
    if other == path.stem:
        raise top.error("heads_of", "is the recipe itself", "remove it")
    found = read_recipe(recipe_path(path.parents[1], other)) if _names_no_other(path, other) else None
    if found is None:
        raise top.error("heads_of", f"is {other!r}, which has its heads from another recipe", "name that one")
    return found


def _names_no_other(path: Path, other: str) -> bool:
    # Looked at before it is followed, or two recipes that name each other would never end.
    return not _read(recipe_path(path.parents[1], other)).has("heads_of")


def _read(path: Path) -> _Table:
    try:
        raw = tomllib.loads(read_bounded(path, MAX_RECIPE_BYTES, what="the recipe").decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"is no TOML: {error}", file=path, remedy="mend the syntax") from None
    return _Table(raw, path, "")


def check_agreement(recipe: Recipe, models: Path) -> None:
    """Raise RecipeError where another recipe puts its heads into the same bundle and says otherwise of what they share.

    The bundle would depend on which of them was built last.
    """
    for other_id in recipe_ids(models):
        other = read_recipe(recipe_path(models, other_id))
        if not other.fits_heads or other.outputs.heads.file != recipe.outputs.heads.file:
            continue
        one, two = _shared(recipe), _shared(other)
        for field in one:
            if one[field] != two[field]:
                raise RecipeError(
                    f"is not that of {other_id}, which shares the bundle", file=recipe.path, field=field,
                    remedy="write the same into both, or name another bundle",
                )  # fmt: skip
        if other_id != recipe.heads_of and other.embedding.name == recipe.embedding.name:
            raise RecipeError(
                f"is {other.embedding.name!r}, for which {other_id} fits heads in the same bundle", file=recipe.path,
                field="embedding.name", remedy=f'write heads_of = "{other_id}", or name another bundle',
            )  # fmt: skip


def _shared(recipe: Recipe) -> dict[str, object]:
    """What all recipes of a bundle must say alike, by field. Of one that fits no heads, what the fitting one says."""
    created = {"created_at": recipe.created_at} if recipe.fits_heads else {}
    return {**created, **{f"bundle.{key}": value for key, value in vars(recipe.bundle).items()}}


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

    def numbers(self, key: str) -> tuple[int, ...]:
        values = self._take(key, list, "a list of whole numbers from 0 on")
        if not values or not all(type(value) is int and value >= 0 for value in values):
            raise self.error(key, f"is {values!r}, but should be a list of whole numbers from 0 on")
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
    folder, directory = None, ""
    wheels: tuple[Wheel, ...] = ()
    if table.has("folder"):
        folder = table.file("folder")
    else:
        directory = table.file("directory")
        wheels = (
            tuple(_wheel(inner, part=True) for inner in table.tables("parts"))
            if table.has("parts")
            else (_wheel(table, part=False),)
        )
        if not wheels:
            raise table.error("parts", "names no wheel")
    found = Weights(
        wheels=wheels,
        folder=folder,
        directory=directory,
        license=table.text("license"),
        origin=table.text("origin"),
        files=table.digests("files"),
    )
    table.finish()
    return found


def _wheel(table: _Table, *, part: bool) -> Wheel:
    found = Wheel(
        package=table.name("package"),
        version=table.name("version"),
        sha256=table.digest("sha256"),
        part=table.file("file") if part else None,
    )
    if part:
        table.finish()
    return found


def _opset(table: _Table) -> int:
    opset = table.count("opset")
    if opset not in OPSETS:
        raise table.error("opset", f"is {opset}, but should be one of {', '.join(map(str, OPSETS))}")
    table.finish()
    return opset


def _quantization(table: _Table) -> Quantization:
    format = table.choice("format", FORMATS)
    int8 = format == "int8"
    found = Quantization(
        format=format,
        per_channel=int8 and table.flag("per_channel"),
        reduce_range=int8 and table.flag("reduce_range"),
        float_activations=table.texts("float_activations") if int8 and table.has("float_activations") else (),
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


def _heads(table: _Table, *, trained: bool) -> HeadSettings:
    found = HeadSettings(
        seed=table.count("seed", 0),
        c=0.0 if trained else table.number("c", 1e-6, 1e6),
        family_c=0.0 if trained else table.number("family_c", 1e-6, 1e6),
        max_iterations=0 if trained else table.count("max_iterations"),
        folds=table.count("folds", 2),
        source_power=0.0 if trained else table.number("source_power", 0.0, 1.0),
        benign_cap=table.count("benign_cap"),
        similar_share=table.number("similar_share", 0.0, 1.0),
        threshold_rule=table.choice("threshold_rule", ("false_positive_rate",)),
        threshold_fpr=table.number("threshold_fpr", 0.0, 0.5),
    )
    table.finish()
    return found


def _encoder(table: _Table) -> EncoderSettings:
    found = EncoderSettings(
        layers=table.numbers("layers"),
        window=table.count("window"),
        epochs=table.count("epochs"),
        batch=table.count("batch"),
        rate=table.number("rate", 1e-7, 1.0),
        head_rate=table.number("head_rate", 1e-7, 1.0),
        decay=table.number("decay", 0.0, 1.0),
        source_power=table.number("source_power", 0.0, 1.0),
        family_weight=table.number("family_weight", 0.0, 10.0),
        planted=table.count("planted", 0),
        threads=table.count("threads"),
        labels=table.file("labels"),
        labels_sha256=table.digest("labels_sha256"),
    )
    table.finish()
    return found


def _selector(table: _Table) -> SelectorSettings:
    found = SelectorSettings(
        bits=table.count("bits", 8),
        c=table.number("c", 1e-6, 1e6),
        window=table.count("window"),
        mix=table.number("mix", 0.0, 10.0),
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


def _output(table: _Table, key: str, *, content: bool = False) -> Output:
    digest = table.optional_digest("content_sha256") if content else None
    found = Output(table.file(key), table.optional_digest("sha256"), digest)
    table.finish()
    return found


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
