"""The second half of a recipe: its head set, with what explains and describes it, put into a bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from raxe_conformance.build.heads import Fit, Linear, TrainingSet, head_arrays, text_scores
from raxe_conformance.build.output_schema import output_schema
from raxe_conformance.build.recipe import Recipe, RecipeError
from raxe_conformance.errors import BuildError, RaxeError
from raxe_conformance.fileio import canonical_json, read_bounded, sha256
from raxe_conformance.headset import WindowSelector
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.head_sets import (
    FINGERPRINTS,
    HeadSetParts,
    all_head_sets,
    put_together,
    unclaimed_members,
)
from raxe_conformance.registry.pack import pack_bundle
from raxe_conformance.registry.selector import SINCE as SELECTORS
from raxe_conformance.runtime.explain import parse_triggers
from raxe_conformance.strict_json import parse_json_object

SCHEMA_VERSION = "2.0.0"


def fitted_head_set(
    recipe: Recipe,
    fit: Fit,
    stats: dict[str, Any],
    clusters: tuple[dict[str, Any], bytes],
    fingerprints: bytes,
    *,
    tokenizer_sha256: str,
    selector: WindowSelector | None = None,
) -> HeadSetParts:
    """The recipe's head set: the same recipe, fit and figures give the same bytes.

    clusters: as clusters.attack_clusters gives them. fingerprints: of the training rows, corpus/fingerprints.py.
    """
    from safetensors.numpy import save

    embedding = recipe.embedding
    heads = f"heads/{embedding.name}.safetensors"
    # Named by content: head sets that were trained on the same rows have one member.
    trained_on = f"{FINGERPRINTS}/{sha256(fingerprints)[:16]}.safetensors"
    space = {
        "dimension": embedding.dimension,
        "pooling": embedding.pooling,
        "normalization": embedding.normalization,
        "max_sequence_length": embedding.max_sequence_length,
        "tokenizer_sha256": tokenizer_sha256,
    }
    index, centroids = clusters
    entry = {"file": heads, FINGERPRINTS: trained_on, "threshold": round(fit.threshold, 6), **space}
    chooser: dict[str, bytes] = {}
    if selector:
        file = f"selectors/{embedding.name}.safetensors"
        entry["selector"] = {"file": file, "window": selector.window, "mix": round(selector.mix, 6)}
        chooser[file] = save(
            {
                "weights": selector.weights,
                "scale": np.array([selector.scale], np.float32),
                "bias": np.array([selector.bias], np.float32),
            }
        )
    return HeadSetParts(
        entry=entry,
        metrics=_metrics(stats),
        indexed={"attack_clusters.json": index, "embedding_config.json": space, "training_stats.json": stats},
        members={heads: save(head_arrays(fit)), index["file"]: centroids, trained_on: fingerprints, **chooser},
    )


def bundle_bytes(recipe: Recipe, parts: HeadSetParts, path: Path, say: Callable[[str], None]) -> bytes:
    """The bundle with the recipe's head set and all others that the bundle at `path` holds, theirs as they are.

    Where there is no bundle, or one that does not open, only the recipe's; that others are lost is said. Raises
    RecipeError, BundleError, and BuildError where the other head sets have other families, or a member is nobody's.
    """
    bundle = recipe.bundle
    shared = {"keyword_triggers.json": _triggers(recipe), "schema.json": canonical_json(output_schema(bundle.families))}
    head_sets = _there(path, recipe, shared, say)
    head_sets[recipe.embedding.name] = parts
    manifest = {
        "bundle_version": bundle.version,
        "schema_version": SELECTORS if any("selector" in part.entry for part in head_sets.values()) else SCHEMA_VERSION,
        "model_id": bundle.model_id,
        "created_at": recipe.created_at,
        "metadata": {"author": bundle.author, "description": bundle.description},
        "architecture": {
            "type": "classifier heads on sentence embeddings, a set for each embedding model",
            "embedding_models": sorted(head_sets),
        },
        "capabilities": {"families": list(bundle.families), "num_subfamilies": 0, "subfamilies": {}},
        "output_schema_ref": "schema.json",
    }
    with tempfile.TemporaryDirectory() as folder:
        return pack_bundle(Path(folder) / "bundle.raxe", *put_together(manifest, shared, head_sets)).path.read_bytes()


def _there(path: Path, recipe: Recipe, shared: dict[str, bytes], say: Callable[[str], None]) -> dict[str, HeadSetParts]:
    """The head sets of the bundle that is there; those of other recipes stay in the new one."""
    if not path.exists():
        return {}
    try:
        old = Bundle(path)
        found = all_head_sets(old)
    except RaxeError as error:
        say(f"{path.name} is begun anew, head sets of other variants in it are lost: {error}")
        return {}
    anew = "remove the bundle, and build every variant that shares it"
    if unclaimed := unclaimed_members(old, found, shared):
        raise BuildError("holds a member that no recipe makes", file=path, field=unclaimed[0], remedy=anew)
    if set(found) - {recipe.embedding.name} and old.manifest.families != recipe.bundle.families:
        raise BuildError(
            f"are {', '.join(old.manifest.families)} to the other head sets, but the recipe says "
            f"{', '.join(recipe.bundle.families)}", file=path, field="capabilities.families", remedy=anew,
        )  # fmt: skip
    return found


def explain_difference(path: Path, packed: bytes, recipe: Recipe, data: TrainingSet) -> str:
    """How new heads differ from those of the bundle that is there, in numbers, or that there is none."""
    name = recipe.embedding.name
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "bundle.raxe"
        fresh.write_bytes(packed)
        new = Bundle(fresh).head_set(name)
    try:
        old = Bundle(path).head_set(name)
        before, after = old.layers["binary"][0], new.layers["binary"][0]
        moved = float(np.abs(before[0] - after[0]).max())
        old_scores = text_scores(data, Linear(before[0].astype(np.float64), before[1].astype(np.float64)))
        new_scores = text_scores(data, Linear(after[0].astype(np.float64), after[1].astype(np.float64)))
    except (RaxeError, ValueError) as error:
        return f"there is no head set to compare with ({error})"
    flips = int(((old_scores >= old.threshold) != (new_scores >= new.threshold)).sum())
    return (
        f"against the head set that is there: weights moved by at most {moved:.3g}, the threshold from "
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
