"""training_stats.json: what the heads were fitted on, and how they did on sources that they had not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from raxe_conformance.build.dataset import Selection, digest_rows
from raxe_conformance.build.grammar.generate import SOURCE as OWN
from raxe_conformance.build.heads import Fit, Flags, Floats, TrainingSet, threshold_at
from raxe_conformance.build.recipe import HeadSettings, Recipe

_ENOUGH = 20  # attacks of a source from which its recall says something


def rates(score: Floats, attack: Flags, threshold: float) -> dict[str, float | int]:
    """Counts and rates of calling a text an attack from `threshold` on. Rates without a denominator are left out."""
    called = score >= threshold
    tp, fp = int((called & attack).sum()), int((called & ~attack).sum())
    fn, tn = int((~called & attack).sum()), int((~called & ~attack).sum())
    found: dict[str, float | int] = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    for name, part, whole in (
        ("precision", tp, tp + fp), ("recall", tp, tp + fn), ("f1", 2 * tp, 2 * tp + fp + fn), ("fpr", fp, fp + tn)
    ):  # fmt: skip
        if whole:
            found[name] = round(part / whole, 4)
    return found


def logistic_hyperparameters(settings: HeadSettings) -> dict[str, Any]:
    """How heads on frozen embeddings are fitted."""
    return {
        "classifier": "logistic regression, lbfgs, L2",
        "c": settings.c,
        "family_c": settings.family_c,
        "source_power": settings.source_power,
        "benign_cap": settings.benign_cap,
        "similar_share": settings.similar_share,
        "windows": "benign: all; attacks: the first, then the most suspicious under the first fit",
    }


def training_stats(
    recipe: Recipe, selection: Selection, data: TrainingSet, fit: Fit, hyperparameters: dict[str, Any]
) -> dict[str, Any]:
    """The document, all rates from scores of models that had not seen the text's source."""
    names = np.array(data.source)
    by_source = []
    for name in sorted(set(data.source)):
        here = names == name
        entry: dict[str, Any] = {"source": name, "held_out_in_fold": int(fit.fold[here][0])}
        attacks, benign = here & data.attack, here & ~data.attack
        if attacks.any():
            entry |= {"attacks": int(attacks.sum()), "recall": _share(fit.held_out[attacks] >= fit.threshold)}
        if benign.any():
            entry |= {"benign": int(benign.sum()), "fpr": _share(fit.held_out[benign] >= fit.threshold)}
        by_source.append(entry)
    settings = recipe.heads
    families = recipe.bundle.families
    known = data.family >= 0
    recalls = [entry["recall"] for entry in by_source if entry.get("attacks", 0) >= _ENOUGH]
    one_percent = threshold_at(fit.held_out[~data.attack], 0.01)
    recalls_at_one = [
        _share(fit.held_out[(names == entry["source"]) & data.attack] >= one_percent)
        for entry in by_source
        if entry.get("attacks", 0) >= _ENOUGH
    ]
    return {
        "rows": {
            "read": selection.read,
            "near_duplicates_removed": selection.near_duplicates,
            "contradictory_removed": selection.contradictions,
            "over_cap_removed": selection.over_cap,
            "trained_on": len(selection.rows),
            "attacks": int(data.attack.sum()),
            "benign": int((~data.attack).sum()),
            "windows": len(data.owner),
            "sha256": digest_rows(selection.rows),
        },
        "split": f"by source, {settings.folds} folds; every rate below is on sources that the model had not seen",
        "seed": settings.seed,
        "hyperparameters": hyperparameters,
        "threshold": {"value": fit.threshold, "rule": settings.threshold_rule, "fpr": settings.threshold_fpr},
        "held_out": rates(fit.held_out, data.attack, fit.threshold),
        "held_out_recall_by_source": _spread(recalls),
        "held_out_at_1_percent_fpr": {
            "threshold": one_percent,
            **rates(fit.held_out, data.attack, one_percent),
            "recall_by_source": _spread(recalls_at_one),
        },
        "held_out_family": {
            "accuracy": _share(fit.held_out_family[known] == data.family[known]),
            "by_family": [
                {
                    "family": family,
                    "attacks": int((data.family == number).sum()),
                    "recall": _share(fit.held_out_family[data.family == number] == number),
                }
                for number, family in enumerate(families)
            ],
        },
        "subfamilies": "none: the corpora carry no subfamily labels",
        "by_source": by_source,
        "left_out": [{"file": item.file, "reason": item.reason} for item in recipe.corpora.left_out],
        "corpora": [
            {
                "source": source.name,
                "repository": source.repository,
                "commit": source.commit,
                "license": source.license,
                "files": [{"file": f.file, "rows": f.rows, "sha256": f.sha256} for f in source.files],
            }
            for source in recipe.corpora.sources
        ],
        **_own_text(recipe),
    }


def _own_text(recipe: Recipe) -> dict[str, Any]:
    own = recipe.corpora.own_grammar
    return {"own_text": {"source": OWN, **vars(own)}} if own else {}


def _share(flags: Any) -> float:
    return round(float(np.mean(flags)), 4)


def _spread(values: list[float]) -> dict[str, Any]:
    """Mean and least over sources of at least twenty attacks."""
    if not values:
        return {"sources": 0}
    return {"sources": len(values), "mean": round(float(np.mean(values)), 4), "least": min(values)}
