"""Following a recipe: what is there with the right digest stays, what is missing is made, what differs is told.

Files are put in place whole, one by one, each after it was held to the recipe's digest; an interrupted build leaves
what was finished, and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raxe_conformance.build.progress import Progress, Silent
from raxe_conformance.build.recipe import Output, Recipe, check_agreement, read_recipe, recipe_ids, recipe_path
from raxe_conformance.build.results import write_result
from raxe_conformance.errors import BuildError, RaxeError, UnknownModelError
from raxe_conformance.fileio import digest_file, read_bounded, sha256

if TYPE_CHECKING:
    from raxe_conformance.build.dataset import Selection
    from raxe_conformance.build.embedding import Model
    from raxe_conformance.build.heads import TrainingSet
    from raxe_conformance.build.recipe import EncoderSettings
    from raxe_conformance.registry.head_sets import HeadSetParts

ACCEPT = "--accept"


@dataclass(frozen=True)
class Plan:
    """Which parts of a recipe have to be made."""

    embedding: bool
    heads: bool

    @property
    def empty(self) -> bool:
        return not (self.embedding or self.heads)


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
    return Plan(embedding=embedding, heads=refit or not _heads_are_there(recipe, models))


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

    Heads that the recipe has from another one are made by building that one. refit makes the heads even where they are
    there. accept puts a file in place although its digest is not the recipe's;
    without it that is a BuildError which says how the file differs. Raises BuildError, CorpusError, EmbeddingError.
    """
    tell = progress or Silent()
    recipe = load_recipe(models, model_id)
    todo = plan(recipe, models, refit=refit)
    if todo.empty:
        tell.say(f"{model_id}: nothing to do, {_standing(recipe)}")
        return False
    check_agreement(recipe, models)
    if todo.heads or recipe.encoder:
        # Before the download: whoever lacks the corpora should learn it at once.
        from raxe_conformance.corpus.index import find_data_dir

        data_dir = find_data_dir(data_dir)
    if recipe.encoder and data_dir is not None:
        _make_trained(recipe, recipe.encoder, models, data_dir, todo, accept, tell)
        return True
    if todo.embedding:
        _make_embedding(recipe, models, accept, tell)
    if todo.heads and not recipe.fits_heads:
        tell.say(f"{model_id}: its heads are those of {recipe.heads_of}, which is built now")
        build_variant(models, recipe.heads_of, data_dir=data_dir, refit=refit, accept=accept, progress=tell)
    elif todo.heads and data_dir is not None:
        _make_heads(recipe, models, data_dir, accept, tell)
    return True


def _standing(recipe: Recipe) -> str:
    outputs = (recipe.outputs.onnx, recipe.outputs.tokenizer, recipe.outputs.heads)
    unnamed = [output.file for output in outputs if output.sha256 is None]
    if unnamed:
        return f"all files are there; the recipe names no SHA-256 for {', '.join(unnamed)}"
    return "all files are there and have the recipe's SHA-256"


def _is_there(output: Output, models: Path) -> bool:
    path = models / output.file
    return path.is_file() and (output.sha256 is None or digest_file(path, output.file).sha256 == output.sha256)


def _heads_are_there(recipe: Recipe, models: Path) -> bool:
    """Whether the bundle holds the recipe's head set. One that does not open holds none."""
    expected = recipe.outputs.heads.sha256
    try:
        found = _head_set_digest(recipe, models)
    except RaxeError:
        return False
    return expected in (None, found)


def _head_set_digest(recipe: Recipe, models: Path) -> str:
    from raxe_conformance.registry.bundle import Bundle
    from raxe_conformance.registry.head_sets import head_set_parts

    return head_set_parts(Bundle(models / recipe.outputs.heads.file), recipe.embedding.name).digest()


def _make_embedding(recipe: Recipe, models: Path, accept: bool, tell: Progress) -> None:
    from raxe_conformance.build.embedding import export_files
    from raxe_conformance.build.weights import model_files

    files = model_files(recipe, models, tell)
    with tell.step(f"exporting {recipe.embedding.name} to ONNX opset {recipe.opset}"):
        model = export_files(files, opset=recipe.opset, where=recipe.weights.origin)
    _put_embedding(recipe, model, models, accept, tell)


def _put_embedding(recipe: Recipe, model: Model, models: Path, accept: bool, tell: Progress) -> None:
    from raxe_conformance.build.content import content_digest
    from raxe_conformance.build.embedding import explain_difference, quantize
    from raxe_conformance.build.export import to_bytes

    with tell.step(f"converting to {recipe.quantization.format}"):
        quantized = quantize(model, recipe)
        data = to_bytes(quantized)
    outputs = recipe.outputs
    _check(models, outputs.tokenizer, sha256(model.tokenizer), accept, lambda: "the rebuilt tokenizer differs")
    _put(models, outputs.tokenizer, model.tokenizer, sha256(model.tokenizer), tell)
    if outputs.onnx.sha256 not in (None, sha256(data)) and content_digest(quantized) == outputs.onnx.content_sha256:
        tell.say(f"{outputs.onnx.file}: other bytes than the recipe's, but the same nodes and weights")
        accept = True
    _check(models, outputs.onnx, sha256(data), accept, lambda: explain_difference(model, quantized))
    _put(models, outputs.onnx, data, sha256(data), tell)
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


def _make_heads(recipe: Recipe, models: Path, data_dir: Path, accept: bool, tell: Progress) -> None:
    from raxe_conformance.build.bundling import explain_difference, fitted_head_set
    from raxe_conformance.build.clusters import attack_clusters
    from raxe_conformance.build.heads import fit_heads
    from raxe_conformance.build.stats import logistic_hyperparameters, training_stats
    from raxe_conformance.corpus.fingerprints import training_fingerprints

    selection, data = _training_data(recipe, models, data_dir, tell)
    with tell.step("fitting heads"):
        fit = fit_heads(data, len(recipe.bundle.families), recipe.heads)
    stats = training_stats(recipe, selection, data, fit, logistic_hyperparameters(recipe.heads))
    _tell_held_out(stats, tell)
    tokenizer = read_bounded(models / recipe.outputs.tokenizer.file, 64_000_000, what="the tokenizer")
    with tell.step("clusters and fingerprints"):
        seed = recipe.heads.seed
        clusters = attack_clusters(data, fit.binary, recipe.bundle.families, recipe.embedding.name, seed)
        fingerprints = training_fingerprints([row.text for row in selection.rows], seed=seed)
    parts = fitted_head_set(recipe, fit, stats, clusters, fingerprints, tokenizer_sha256=sha256(tokenizer))
    path = models / recipe.outputs.heads.file
    _put_heads(recipe, parts, models, accept, tell, lambda packed: explain_difference(path, packed, recipe, data))


def _put_heads(
    recipe: Recipe, parts: HeadSetParts, models: Path, accept: bool, tell: Progress, explain: Callable[[bytes], str]
) -> None:
    from raxe_conformance.build.bundling import bundle_bytes
    from raxe_conformance.build.declaring import declare_bundle

    output, digest = recipe.outputs.heads, parts.digest()
    path = models / output.file
    packed = bundle_bytes(recipe, parts, path, tell.say)
    _check(models, output, digest, accept, lambda: explain(packed))
    _put(models, output, packed, digest, tell)
    if output.sha256 in (None, digest):
        # Heads that were only accepted are not what any metadata declares, and the integrity checks shall say so.
        for model_id in declare_bundle(models, path):
            tell.say(f"metadata/{model_id}.json: size and checksum of {path.name} written")


def _make_trained(
    recipe: Recipe, settings: EncoderSettings, models: Path, data_dir: Path, todo: Plan, accept: bool, tell: Progress
) -> None:
    """Both parts of a variant whose encoder is fine-tuned: they come out of one training."""
    from raxe_conformance.build.finetune.making import trained_head_set, trained_model
    from raxe_conformance.build.finetune.prepare import training

    found = training(recipe, settings, models, data_dir, tell)
    if todo.embedding:
        _put_embedding(recipe, trained_model(recipe, found), models, accept, tell)
    if todo.heads:
        attacks = sum(row.is_attack for row in found.relabelled.rows)
        with tell.step("embedding the attacks", attacks) as advance:
            parts, stats = trained_head_set(recipe, settings, found, models, advance)
        _tell_held_out(stats, tell)
        _put_heads(recipe, parts, models, accept, tell, lambda packed: "the training gave other heads")


def _tell_held_out(stats: dict[str, Any], tell: Progress) -> None:
    found = stats["held_out"]
    tell.say(
        f"on sources not seen in fitting: recall {found['recall']}, precision {found['precision']}, "
        f"F1 {found['f1']}, false positives {found['fpr']} at threshold {stats['threshold']['value']:.4f}"
    )


def lodo_counts(
    models: Path, model_id: str, *, data_dir: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """What leaving out each source of a variant's recipe counted. Raises BuildError, CorpusError, EmbeddingError.

    Needs the variant's embedding model and bundle; the result names the head set by SHA-256.
    """
    from raxe_conformance.build.dataset import digest_rows
    from raxe_conformance.build.heads import fit_heads
    from raxe_conformance.build.lodo import in_distribution, leave_one_source_out
    from raxe_conformance.corpus.index import find_data_dir

    tell = progress or Silent()
    recipe = load_recipe(models, model_id)
    if not recipe.fits_heads:
        raise BuildError(
            f"has its heads from {recipe.heads_of}", file=recipe.path, field="heads_of",
            remedy=f"leave sources out of {recipe.heads_of}: the table is about its heads",
        )  # fmt: skip
    if not plan(recipe, models).empty:
        raise BuildError("is not built", file=models, field=model_id, remedy=f"run: raxe-conformance build {model_id}")
    folder = find_data_dir(data_dir)
    split: dict[str, Any] = {}
    if recipe.encoder:
        from raxe_conformance.build.finetune.making import held_by_source
        from raxe_conformance.build.finetune.prepare import training

        found = training(recipe, recipe.encoder, models, folder, tell)
        rows, held = found.relabelled.rows, held_by_source(found, recipe.heads.threshold_fpr)
    else:
        selection, data = _training_data(recipe, models, folder, tell)
        rows = selection.rows
        with tell.step("fitting heads"):
            fit = fit_heads(data, len(recipe.bundle.families), recipe.heads)
        with tell.step("leaving out each source", len(set(data.source))) as advance:
            held = leave_one_source_out(data, fit, recipe.heads, advance)
        with tell.step("random split"):
            split = {"random_split": asdict(in_distribution(data, recipe.heads))}
    return {
        "model_id": model_id,
        "protocol": f"{recipe.heads.folds} folds of sources left out" if recipe.encoder else "leave one source out",
        "head_set_sha256": _head_set_digest(recipe, models),
        "training_rows_sha256": digest_rows(rows),
        "threshold_rule": f"{recipe.heads.threshold_fpr:.1%} of the other sources' benign texts, held out by source",
        "sources": [asdict(item) for item in held],
        **split,
    }


def _check(models: Path, output: Output, digest: str, accept: bool, explain: Callable[[], str]) -> None:
    """Hold a result to the recipe's digest. Raises BuildError that explains the difference."""
    if output.sha256 in (None, digest) or accept:
        return
    raise BuildError(
        f"is not as the recipe says, and was not written: its SHA-256 is {digest[:12]}…, the recipe says "
        f"{str(output.sha256)[:12]}…; {explain()}", file=models / output.file,
        remedy=f"build with the versions in docs/building.md, or keep it by {ACCEPT}: its verdict is then its own",
    )  # fmt: skip


def _put(models: Path, output: Output, data: bytes, digest: str, tell: Progress) -> None:
    """Write a file that was checked, and say how its digest (or its head set's) stands to the recipe's."""
    write_result(models / output.file, data)
    if output.sha256 is None:
        note = "not in the recipe yet"
    else:
        note = "as the recipe says" if output.sha256 == digest else f"accepted, the recipe says {output.sha256}"
    what = "head set sha256" if output.file.endswith(".raxe") else "sha256"
    tell.say(f"{output.file}: {len(data)} bytes, {what} {digest}, {note}")
