"""What a foreign registry's objects hold, as values that survive JSON. It knows the names, not what is right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, Final

RESULT_FIELDS: Final = (
    "predictions", "confidence", "processing_time_ms", "model_version", "features_extracted", "metadata",
    "has_predictions", "prediction_count", "highest_confidence",
)  # fmt: skip
PREDICTION_FIELDS: Final = ("threat_type", "confidence", "explanation", "features_used", "metadata")


def observe_result(result: Any) -> dict[str, Any]:
    """An L2Result: the names that it lacks, its figures, its predictions, and what its methods give.

    by_type: how many predictions there are of the first one's type; None where there is none.
    """
    predictions = list(getattr(result, "predictions", ()))
    first = predictions[0] if predictions else None
    return {
        "lacks": [name for name in RESULT_FIELDS if not hasattr(result, name)],
        "confidence": number_or_word(getattr(result, "confidence", None)),
        "processing_time_ms": number_or_word(getattr(result, "processing_time_ms", None)),
        "has_predictions": getattr(result, "has_predictions", None) is True,
        "prediction_count": number_or_word(getattr(result, "prediction_count", None)),
        "highest_confidence": number_or_word(getattr(result, "highest_confidence", None)),
        "predictions": [observe_prediction(prediction) for prediction in predictions],
        "by_type": None if first is None else len(list(result.get_predictions_by_type(first.threat_type))),
        "summary": isinstance(result.to_summary(), str | Mapping),
    }


def observe_prediction(prediction: Any) -> dict[str, Any]:
    """An L2Prediction: the names that it lacks, its threat type (of an enum, the value) and its confidence."""
    threat = getattr(prediction, "threat_type", None)
    return {
        "lacks": [name for name in PREDICTION_FIELDS if not hasattr(prediction, name)],
        "threat_type": str(getattr(threat, "value", threat)),
        "confidence": number_or_word(getattr(prediction, "confidence", None)),
    }


def observe_info(info: Any) -> list[str] | None:
    """The strings that model_info holds as values; None where it is no mapping."""
    return [value for value in info.values() if isinstance(value, str)] if isinstance(info, Mapping) else None


def observe_rows(table: Any) -> dict[str, list[float]]:
    """The numbers of each variant's row, by id: of a pandas frame, of id → mapping, or of mappings with model_id.

    Raises TypeError for anything else.
    """
    if hasattr(table, "iterrows"):
        frame = table.set_index("model_id") if "model_id" in table.columns else table
        return {str(model_id): _numbers(row.to_dict()) for model_id, row in frame.iterrows()}
    if isinstance(table, Mapping):
        return {str(model_id): _numbers(row) for model_id, row in table.items()}
    if isinstance(table, list | tuple) and all(isinstance(row, Mapping) and "model_id" in row for row in table):
        return {str(row["model_id"]): _numbers(row) for row in table}
    raise TypeError(f"compare_models gives a {type(table).__name__}: a frame, a mapping or a list of rows is read")


def number_or_word(value: Any) -> float | str:
    """A finite number as it is, anything else as a word: nan, or the name of its type."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return type(value).__name__
    return float(value) if math.isfinite(value) else str(float(value))


def _numbers(row: Any) -> list[float]:
    if isinstance(row, Mapping):
        return [number for value in row.values() for number in _numbers(value)]
    found = number_or_word(row)
    return [found] if isinstance(found, float) else []
