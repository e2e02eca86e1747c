"""Which variant is best, by what the metadata declares. The formulas are documented in docs/registry.md.

Every part of a score sets one figure against its gate (spec.md §6): `gate / (gate + figure)` is 1 for a figure of 0 and
one half at the gate. It depends on the variant alone, so adding a variant never changes the order of two others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any, Final

from raxe_conformance.errors import UsageError
from raxe_conformance.registry.metadata import STATUSES
from raxe_conformance.registry.variant import Variant

CRITERIA: Final = ("latency", "accuracy", "balanced", "memory")
P95_GATE_MS: Final = 3.0
ERROR_GATE: Final = 0.05  # 1 - F1
MEMORY_GATE_MB: Final = 150.0
WEIGHTS: Final = {"accuracy": 0.5, "latency": 0.25, "memory": 0.25}


def latency_score(variant: Variant) -> float | None:
    """3 ms / (3 ms + declared P95), or None where no usable P95 is declared."""
    return _against_gate(variant.metadata.performance.p95_latency_ms, P95_GATE_MS)


def accuracy_score(variant: Variant) -> float | None:
    """0.05 / (0.05 + (1 − declared binary F1)), or None where no F1 in 0..1 is declared."""
    f1 = variant.metadata.accuracy.binary_f1
    return None if f1 is None else _against_gate(1.0 - f1, ERROR_GATE) if 0.0 <= f1 <= 1.0 else None


def memory_score(variant: Variant) -> float | None:
    """150 MB / (150 MB + declared memory), or None where no usable figure is declared."""
    return _against_gate(variant.metadata.performance.memory_mb, MEMORY_GATE_MB)


_PARTS: Final[dict[str, Callable[[Variant], float | None]]] = {
    "accuracy": accuracy_score,
    "latency": latency_score,
    "memory": memory_score,
}


def balanced_score(variant: Variant) -> float | None:
    """½ accuracy + ¼ latency + ¼ memory, or None where one of the three is not declared."""
    total = 0.0
    for name, weight in WEIGHTS.items():
        part = _PARTS[name](variant)
        if part is None:
            return None
        total += weight * part
    return total


def best(variants: Iterable[Variant], criteria: str, *, ready: Callable[[Variant], bool]) -> Variant | None:
    """The first of `rank` that is `ready`, out of those of the best status; the first of all where none of these is.

    None of no variants. No more are asked whether they are ready than must be. Raises UsageError as `rank` does.
    """
    ranked = rank(variants, criteria)
    of_best_status = takewhile(lambda variant: variant.status == ranked[0].status, ranked)
    return next(filter(ready, of_best_status), ranked[0] if ranked else None)


def rank(variants: Iterable[Variant], criteria: str = "balanced") -> list[Variant]:
    """Variants, the best first: by status (active, experimental, deprecated), those with the figure before those
    without, by score, and by id where all that is equal.

    Raises UsageError for another criterion than those of CRITERIA.
    """
    require_criteria(criteria)

    def key(variant: Variant) -> tuple[Any, ...]:
        score = balanced_score(variant) if criteria == "balanced" else _PARTS[criteria](variant)
        # For "balanced", a variant that lacks one figure comes before one that lacks two.
        lacking = 0 if score is not None else sum(part(variant) is None for part in _PARTS.values())
        return STATUSES.index(variant.status), lacking, -(score or 0.0), variant.model_id

    return sorted(variants, key=key)


def require_criteria(criteria: str) -> None:
    """Raise UsageError for what is no criterion."""
    if criteria not in CRITERIA:
        raise UsageError(f"is {criteria!r}", field="criteria", remedy=f"use one of {', '.join(CRITERIA)}")


_FIGURES: Final = {
    "performance": (
        "target_latency_ms", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms", "throughput_per_sec", "memory_mb",
    ),
    "accuracy": (
        "binary_f1", "binary_precision", "binary_recall", "family_f1", "false_positive_rate", "false_negative_rate",
    ),
    "file_info": ("size_mb", "onnx_embeddings_size_mb"),
}  # fmt: skip


def comparison(variant: Variant) -> dict[str, Any]:
    """One row of a comparison: what the variant is, the declared figures, and its score by each criterion."""
    metadata = variant.metadata
    row: dict[str, Any] = {
        "model_id": variant.model_id,
        "name": variant.name,
        "version": variant.version,
        "status": variant.status,
        "runtime": variant.runtime,
        "embedding_model": metadata.ml_config.embedding_model,
        "quantization": metadata.ml_config.quantization,
    }
    for section, names in _FIGURES.items():
        for name in names:
            value = getattr(getattr(metadata, section), name)
            row[name] = float("nan") if value is None else float(value)
    row["total_size_mb"] = row["size_mb"] + row["onnx_embeddings_size_mb"]
    for criterion in CRITERIA:
        score = balanced_score(variant) if criterion == "balanced" else _PARTS[criterion](variant)
        row[f"{criterion}_score"] = float("nan") if score is None else score
    return row


COLUMNS: Final = (
    "model_id", "name", "version", "status", "runtime", "embedding_model", "quantization",
    *(name for names in _FIGURES.values() for name in names),
    "total_size_mb",
    *(f"{criterion}_score" for criterion in CRITERIA),
)  # fmt: skip


def _against_gate(figure: float | None, gate: float) -> float | None:
    """A figure below 0 is none: it would put a variant that declares nonsense before all others."""
    return None if figure is None or figure < 0.0 else gate / (gate + figure)
