"""The leave-one-source-out table of a variant: models/benchmarks/{model_id}_lodo.json, shown in every report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import read_bounded
from raxe_conformance.strict_json import MAX_METADATA_BYTES, parse_json_object
from raxe_conformance.verdict.intervals import clopper_pearson

ENOUGH = 20  # attacks of a source from which its recall counts in mean and worst
SCHEMA_VERSION = "1.0.0"


def table_path(models_dir: Path, model_id: str) -> Path:
    """Where a variant's table stands."""
    return models_dir / "benchmarks" / f"{model_id}_lodo.json"


def generalisation_table(counts: dict[str, Any], confidence: float) -> dict[str, Any]:
    """The table from what `build.make.lodo_counts` counted: rates with bounds by source, their summary, and beside it,
    where it was counted, the same heads on a random split of the same sources."""
    sources = [_with_rates(item, confidence) for item in counts["sources"]]
    split = counts.get("random_split")
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": counts["protocol"],
        **{key: counts[key] for key in ("model_id", "head_set_sha256", "training_rows_sha256", "threshold_rule")},
        "confidence": confidence,
        "summary": summarise(sources),
        **({"random_split": _with_rates(split, confidence)} if split else {}),
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


def read_table(models_dir: Path, model_id: str, head_set_sha256: str | None) -> dict[str, Any] | None:
    """A variant's table if it is of this very head set, else None: heads that were fitted anew owe a new table.

    None too where it is no such table: what lies beside one variant must not cost the others their reports.
    """
    path = table_path(models_dir, model_id)
    try:
        table = parse_json_object(
            read_bounded(path, MAX_METADATA_BYTES, what="the table", within=models_dir), file=path
        )
    except RaxeError:
        return None
    of_these_heads = head_set_sha256 is not None and table.get("head_set_sha256") == head_set_sha256
    return table if of_these_heads and _is_table(table) else None


def _is_table(table: dict[str, Any]) -> bool:
    """Whether a table has what reports show of it, and sums up its own sources."""
    try:
        split = table.get("random_split")
        rates = [split[name]["rate"] for name in ("recall", "fpr")] if split is not None else []
        return {type(rate) for rate in rates} <= {int, float} and table["summary"] == summarise(table["sources"])
    except (LookupError, TypeError, AttributeError, ValueError):
        return False
