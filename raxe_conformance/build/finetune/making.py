"""What a finished training puts into a variant: the encoder to export, and the head set for the bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from raxe_conformance.build.bundling import fitted_head_set
from raxe_conformance.build.clusters import attack_clusters
from raxe_conformance.build.embedding import Model
from raxe_conformance.build.export import export_bert
from raxe_conformance.build.finetune.prepare import Training
from raxe_conformance.build.heads import Fit, TrainingSet, threshold_at
from raxe_conformance.build.lodo import Held, tally
from raxe_conformance.build.recipe import EncoderSettings, Recipe
from raxe_conformance.build.stats import training_stats
from raxe_conformance.build.training import family_numbers
from raxe_conformance.corpus.fingerprints import training_fingerprints
from raxe_conformance.corpus.index import CorpusRow
from raxe_conformance.fileio import sha256
from raxe_conformance.registry.head_sets import HeadSetParts
from raxe_conformance.runtime.embed import Embedder, mean_pool
from raxe_conformance.runtime.text import normalise


def trained_model(recipe: Recipe, training: Training) -> Model:
    """The trained encoder as a graph, to be quantized like any other."""
    bert = training.trained.bert
    return Model(bert.config, export_bert(bert, opset=recipe.opset), training.tokenizer)


def trained_head_set(
    recipe: Recipe, settings: EncoderSettings, training: Training, models: Path, advance: Callable[[int], None]
) -> tuple[HeadSetParts, dict[str, Any]]:
    """The head set with its selector, clusters, fingerprints and figures; and the figures (training_stats.json's).

    Clusters are over what the recipe's own quantized model makes of the attacks. `advance` is told how many are done.
    """
    fit = _fit(training)
    how = _hyperparameters(recipe, settings)
    stats = training_stats(recipe, training.selection, _texts(recipe, training), fit, how)
    stats["label_policy"] = {
        "file": settings.labels,
        "sha256": settings.labels_sha256,
        "dropped": training.relabelled.dropped,
        "made_benign": training.relabelled.to_benign,
        "made_attacks": training.relabelled.to_attack,
        "other_family": training.relabelled.other_family,
    }
    attacks = _attack_vectors(recipe, training, models, advance)
    seed = recipe.heads.seed
    clusters = attack_clusters(attacks, fit.binary, recipe.bundle.families, recipe.embedding.name, seed)
    fingerprints = training_fingerprints([row.text for row in training.relabelled.rows], seed=seed)
    parts = fitted_head_set(
        recipe, fit, stats, clusters, fingerprints,
        tokenizer_sha256=sha256(training.tokenizer), selector=training.trained.selector,
    )  # fmt: skip
    return parts, stats


def held_by_source(training: Training, fpr: float) -> list[Held]:
    """Each source judged by the model of the fold that it was held out of, at a threshold from all other sources."""
    held, rows = training.trained.held_out, training.relabelled.rows
    names = np.array([row.source for row in rows])
    attack = np.array([row.is_attack for row in rows], np.bool_)
    found = []
    for source in sorted(set(names[held.known])):
        here = names == source
        threshold = threshold_at(held.score[held.known & ~attack & ~here], fpr)
        found.append(tally(source, attack, held.score >= threshold, here, threshold))
    return found


def _fit(training: Training) -> Fit:
    """The heads, with the held-out scores of those texts that were held out."""
    trained, known = training.trained, training.trained.held_out.known
    held = trained.held_out
    return Fit(
        trained.binary, trained.family, trained.threshold, held.score[known], held.family[known], held.fold[known]
    )


def _texts(recipe: Recipe, training: Training) -> TrainingSet:
    """Labels and sources of the texts that were held out; without vectors, which the figures do not need."""
    rows = [row for row, known in zip(training.relabelled.rows, training.trained.held_out.known, strict=True) if known]
    return TrainingSet(
        vectors=np.zeros((0, recipe.embedding.dimension), np.float32),
        owner=np.arange(len(rows)),
        attack=np.array([row.is_attack for row in rows], np.bool_),
        family=family_numbers(rows, recipe.bundle.families),
        source=tuple(row.source for row in rows),
    )


def _attack_vectors(recipe: Recipe, training: Training, models: Path, advance: Callable[[int], None]) -> TrainingSet:
    """The attacks' windows (with a selector the chosen one) as the quantized model sees them."""
    outputs = recipe.outputs
    embedder = Embedder.load(
        models / outputs.onnx.file, models / outputs.tokenizer.file,
        max_sequence_length=recipe.embedding.max_sequence_length,
    )  # fmt: skip
    rows = [row for row in training.relabelled.rows if row.is_attack]
    vectors, owner = [], []
    kept: list[CorpusRow] = []
    for row in rows:
        windows, _ = embedder.reading(normalise(row.text), training.trained.selector)
        advance(1)
        if not windows:
            continue
        for ids in windows:
            vectors.append(mean_pool(embedder.infer(ids), np.ones((1, len(ids)), np.int64))[0])
            owner.append(len(kept))
        kept.append(row)
    return TrainingSet(
        vectors=np.stack(vectors),
        owner=np.array(owner),
        attack=np.ones(len(kept), np.bool_),
        family=family_numbers(kept, recipe.bundle.families),
        source=tuple(row.source for row in kept),
    )


def _hyperparameters(recipe: Recipe, settings: EncoderSettings) -> dict[str, Any]:
    shown = {key: value for key, value in vars(settings).items() if key not in ("labels", "labels_sha256")}
    return {
        "classifier": "encoder fine-tuned with linear heads, AdamW; calibrated on held-out sources (Platt)",
        **{key: list(value) if isinstance(value, tuple) else value for key, value in shown.items()},
        "selector": vars(recipe.selector) if recipe.selector else None,
        "benign_cap": recipe.heads.benign_cap,
        "similar_share": recipe.heads.similar_share,
    }
