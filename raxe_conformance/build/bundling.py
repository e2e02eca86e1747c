"""The second half of a recipe's files: heads, triggers and figures packed as a bundle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from raxe_conformance.build.heads import Fit, Linear, TrainingSet, head_arrays, text_scores
from raxe_conformance.build.output_schema import output_schema
from raxe_conformance.build.recipe import Recipe, RecipeError
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json, read_bounded, sha256
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.pack import pack_bundle
from raxe_conformance.runtime.explain import parse_triggers
from raxe_conformance.strict_json import parse_json_object

SCHEMA_VERSION = "2.0.0"


def bundle_bytes(
    recipe: Recipe, fit: Fit, stats: dict[str, Any], extra: dict[str, bytes], *, tokenizer_sha256: str
) -> bytes:
    """The bundle as bytes: the same recipe, fit and figures give the same. `extra` are further members by name.

    Raises RecipeError, BundleError.
    """
    from safetensors.numpy import save

    embedding, bundle = recipe.embedding, recipe.bundle
    heads = f"heads/{embedding.name}.safetensors"
    space = {
        "dimension": embedding.dimension,
        "pooling": embedding.pooling,
        "normalization": embedding.normalization,
        "max_sequence_length": embedding.max_sequence_length,
        "tokenizer_sha256": tokenizer_sha256,
    }
    members = {
        heads: save(head_arrays(fit)),
        "keyword_triggers.json": _triggers(recipe),
        "embedding_config.json": canonical_json({"embedding_models": {embedding.name: space}}),
        "training_stats.json": canonical_json({"head_sets": {embedding.name: stats}}),
        "schema.json": canonical_json(output_schema(bundle.families)),
        **extra,
    }
    manifest = {
        "bundle_version": bundle.version,
        "schema_version": SCHEMA_VERSION,
        "model_id": bundle.model_id,
        "created_at": recipe.created_at,
        "metadata": {"author": bundle.author, "description": bundle.description},
        "architecture": {"type": "logistic regression on frozen embeddings", "embedding_model": embedding.name},
        "training": {"metrics": {embedding.name: _metrics(stats)}},
        "capabilities": {"families": list(bundle.families), "num_subfamilies": 0, "subfamilies": {}},
        "output_schema_ref": "schema.json",
        "head_sets": {embedding.name: {"file": heads, "threshold": round(fit.threshold, 6), **space}},
    }
    with tempfile.TemporaryDirectory() as folder:
        return pack_bundle(Path(folder) / "bundle.raxe", manifest, members).path.read_bytes()


def explain_difference(path: Path, packed: bytes, recipe: Recipe, data: TrainingSet) -> str:
    """How new heads differ from those of the bundle that is there, in numbers, or that there is none."""
    name = recipe.embedding.name
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "bundle.raxe"
        fresh.write_bytes(packed)
        new = Bundle(fresh).head_set(name)
    said = f"the rebuilt bundle has the SHA-256 {sha256(packed)[:12]}…, the recipe says {recipe.outputs.bundle.sha256}"
    try:
        old = Bundle(path).head_set(name)
        before, after = old.layers["binary"][0], new.layers["binary"][0]
        moved = float(np.abs(before[0] - after[0]).max())
        old_scores = text_scores(data, Linear(before[0].astype(np.float64), before[1].astype(np.float64)))
        new_scores = text_scores(data, Linear(after[0].astype(np.float64), after[1].astype(np.float64)))
    except (RaxeError, ValueError) as error:
        return f"{said}; there is no bundle to compare with ({error})"
    flips = int(((old_scores >= old.threshold) != (new_scores >= new.threshold)).sum())
    return (
        f"{said}; against the bundle that is there: weights moved by at most {moved:.3g}, the threshold from "
        f"{old.threshold:.4f} to {new.threshold:.4f}, {flips} of {len(new_scores)} training decisions differ"
    )


def _metrics(stats: dict[str, Any]) -> dict[str, Any]:
    """What stands in the manifest: held-out rates, and which rows they are over."""
    return {
        "measured_on": "sources held out of the fit; not the benchmark",
        **stats["held_out"],
        "recall_by_source": stats["held_out_recall_by_source"],
        "family_accuracy": stats["held_out_family"]["accuracy"],
    }


def _triggers(recipe: Recipe) -> bytes:
    path = recipe.path.parent / recipe.bundle.triggers
    data = read_bounded(path, 1_000_000, what="the trigger list")
    if sha256(data) != recipe.bundle.triggers_sha256:
        raise RecipeError(
            f"is {recipe.bundle.triggers_sha256[:12]}…, but {path.name} has the SHA-256 {sha256(data)[:12]}…",
            file=recipe.path, field="bundle.triggers_sha256", remedy="write the new digest once the change is meant",
        )  # fmt: skip
    parse_triggers(parse_json_object(data, file=path), file=path)
    return data
