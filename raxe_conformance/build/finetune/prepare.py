"""A recipe's training, once: rows by digest, trained, and kept in the cache by the digest of all that it depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from raxe_conformance.build.bert import read_bert, read_config
from raxe_conformance.build.cache import cache_dir
from raxe_conformance.build.dataset import (
    Selection,
    digest_rows,
    read_sources,
    refuse_benchmark,
    select_rows,
    verify_corpora,
)
from raxe_conformance.build.embedding import plain_tokenizer
from raxe_conformance.build.finetune import trained as trained_file
from raxe_conformance.build.finetune.texts import Relabelled, read_labels, relabel
from raxe_conformance.build.progress import Progress
from raxe_conformance.build.recipe import EncoderSettings, Recipe, RecipeError
from raxe_conformance.build.results import write_result
from raxe_conformance.build.weights import model_files
from raxe_conformance.fileio import canonical_json, read_bounded, sha256

_ALGORITHM: Final = "1"  # raised where the same settings would train another model


@dataclass(frozen=True)
class Training:
    """What was trained, on which rows (after selection and relabelling), and with which tokenizer."""

    trained: trained_file.Trained
    selection: Selection
    relabelled: Relabelled
    tokenizer: bytes


def training(recipe: Recipe, settings: EncoderSettings, models: Path, data_dir: Path, tell: Progress) -> Training:
    """Train as the recipe says, or take what an earlier run of the same recipe left in the cache.

    Raises BuildError, CorpusError. An interrupted training goes on from its last checkpoint.
    """
    labels = _labels(recipe, settings)
    with tell.step("verifying the corpora"):
        verify_corpora(recipe.corpora, data_dir)
        rows = read_sources(recipe.corpora, data_dir)
        refuse_benchmark(data_dir, rows)
    with tell.step("removing near duplicates"):
        selection = select_rows(rows, recipe.heads)
    relabelled = relabel(selection.rows, labels)
    attacks = sum(row.is_attack for row in relabelled.rows)
    tell.say(
        f"training rows: {attacks} attacks, {len(relabelled.rows) - attacks} benign, of {selection.read} read; by the "
        f"label policy {relabelled.dropped} dropped, {relabelled.to_benign} made benign, {relabelled.to_attack} made "
        f"attacks, {relabelled.other_family} of another family"
    )
    files = model_files(recipe, models, tell)
    where = recipe.weights.origin
    tokenizer = plain_tokenizer(files["tokenizer.json"], file=f"{where}/tokenizer.json")
    key = _key(recipe, settings, relabelled)
    path = cache_dir() / "trained" / f"{key}.safetensors"
    found = _load(path)
    if found is None:
        from raxe_conformance.build.finetune.fit import fit_variant

        config = read_config(files["config.json"], file=f"{where}/config.json")
        if max(settings.layers) >= config.layers:
            raise RecipeError(
                f"names layer {max(settings.layers)}, but the base has {config.layers}", file=recipe.path,
                field="encoder.layers",
            )  # fmt: skip
        bert = read_bert(config, files["model.safetensors"], file=f"{where}/model.safetensors")
        found = fit_variant(recipe, settings, bert, tokenizer, relabelled.rows, path.with_suffix(""), tell)
        write_result(path, trained_file.to_bytes(found))
    else:
        tell.say(f"training: from the cache, {path.stem[:12]}…")
    return Training(found, selection, relabelled, tokenizer)


def _labels(recipe: Recipe, settings: EncoderSettings) -> dict[str, str]:
    path = recipe.path.parent / settings.labels
    found = sha256(read_bounded(path, 16_000_000, what="the list of labels"))
    if found != settings.labels_sha256:
        raise RecipeError(
            f"is {settings.labels_sha256[:12]}…, but {path.name} has the SHA-256 {found[:12]}…",
            file=recipe.path, field="encoder.labels_sha256", remedy="write the new digest once the change is meant",
        )  # fmt: skip
    return read_labels(path)


def _key(recipe: Recipe, settings: EncoderSettings, relabelled: Relabelled) -> str:
    parts = {
        "algorithm": _ALGORITHM,
        "encoder": asdict(settings),
        "selector": asdict(recipe.selector) if recipe.selector else None,
        "heads": asdict(recipe.heads),
        "weights": recipe.weights.files,
        "window": recipe.embedding.max_sequence_length,
        "families": list(recipe.bundle.families),
        "rows": digest_rows(relabelled.rows),
    }
    return sha256(canonical_json(parts))


def _load(path: Path) -> trained_file.Trained | None:
    """A cached training, or None where there is none that can be read: the cache is never an authority."""
    try:
        return trained_file.from_bytes(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None
