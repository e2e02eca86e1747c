"""The leave-one-source-out table of a variant: models/benchmarks/{model_id}_lodo.json, shown in every report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raxe_conformance.errors import MissingFileError
from raxe_conformance.strict_json import read_json_object
from raxe_conformance.verdict.intervals import clopper_pearson

ENOUGH = 20  # attacks of a source from which its recall counts in mean and worst
SCHEMA_VERSION = "1.0.0"


def table_path(models_dir: Path, model_id: str) -> Path:
    """Where a variant's table stands."""
    return models_dir / "benchmarks" / f"{model_id}_lodo.json"


def generalisation_table(counts: dict[str, Any], confidence: float) -> dict[str, Any]:
    """The table from what `build.make.lodo_counts` counted: rates with bounds by source, their summary, and beside it
    the same heads on a random split of the same sources."""
    sources = [_with_rates(item, confidence) for item in counts["sources"]]
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": "leave one source out",
        **{key: counts[key] for key in ("model_id", "bundle_sha256", "training_rows_sha256", "threshold_rule")},
        "confidence": confidence,
        "summary": summarise(sources),
        "random_split": _with_rates(counts["random_split"], confidence),
        "sources": sources,
    }


def _with_rates(item: dict[str, Any], confidence: float) -> dict[str, Any]:
    found: dict[str, Any] = {"source": item["source"], "threshold": round(item["threshold"], 4)}
    for name, hits, n in (
        ("recall", item["attacks_flagged"], item["attacks"]), ("fpr", item["benign_flagged"], item["benign"])
    ):  # fmt: skip
        if n:
            low, high = clopper_pearson(hits, n, confidence)
            found[name] = {"n": n, "rate": round(hits / n, 4), "low": round(low, 4), "high": round(high, 4)}
    return found


def summarise(sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and worst recall over sources with enough attacks, mean and worst FPR over sources with benign texts."""
    recalls = [(s["recall"]["rate"], s["source"]) for s in sources if "recall" in s and s["recall"]["n"] >= ENOUGH]
    alarms = [(s["fpr"]["rate"], s["source"]) for s in sources if "fpr" in s]
    summary: dict[str, Any] = {"attack_sources": len(recalls), "benign_sources": len(alarms)}
    if recalls:
        summary["recall_mean"] = round(sum(r for r, _ in recalls) / len(recalls), 4)
        summary["recall_worst"], summary["recall_worst_source"] = min(recalls)
    if alarms:
        summary["fpr_mean"] = round(sum(r for r, _ in alarms) / len(alarms), 4)
        summary["fpr_worst"], summary["fpr_worst_source"] = max(alarms)
    return summary


def read_table(models_dir: Path, model_id: str, bundle_sha256: str | None) -> dict[str, Any] | None:
    """A variant's table if it is of this very bundle, else None: heads that were fitted anew owe a new table."""
    try:
        table = read_json_object(table_path(models_dir, model_id))
    except MissingFileError:
        return None
    return table if table.get("bundle_sha256") == bundle_sha256 else None
