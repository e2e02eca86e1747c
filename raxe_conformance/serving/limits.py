"""The figures of a served variant that are watched, and their limits (spec.md §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from raxe_conformance.errors import MetadataError
from raxe_conformance.registry.metadata import Metadata

# Names as the metadata's monitoring.alert_thresholds has them, with its units: ms, 1, 1, 1, MB of 10⁶ bytes.
LATENCY, FPR, FNR, ERRORS, MEMORY = (
    "latency_p95_ms",
    "false_positive_rate",
    "false_negative_rate",
    "error_rate",
    "memory_usage_mb",
)
# What each of the first four is counted as: what goes wrong, and of what.
COUNTED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        LATENCY: ("slower than that", "requests"),
        FPR: ("taken for attacks", "benign texts"),
        FNR: ("missed", "attacks"),
        ERRORS: ("failed", "requests"),
    }
)
# A variant that is surely above one of these is taken back.
ROLLBACK: Final[Mapping[str, float]] = MappingProxyType({FPR: 0.015, FNR: 0.04, LATENCY: 5.0, ERRORS: 0.05})
_CRITICAL: Final = {LATENCY: 5.0, FPR: 0.02, ERRORS: 0.05}
_WARNING: Final = {LATENCY: 3.5, FPR: 0.015, FNR: 0.04}
# What an error rate in the metadata stands for: the specification has only a critical one.
_DECLARED_CRITICAL: Final = frozenset({ERRORS})


@dataclass(frozen=True)
class AlertLimits:
    """Above which figures a variant's alerts fire. Each maps names of this module to limits."""

    critical: Mapping[str, float]
    warning: Mapping[str, float]


def alert_limits(metadata: Metadata, file: Path | str) -> AlertLimits:
    """The specification's limits, with those that the metadata's monitoring.alert_thresholds declares.

    A declared error_rate is the critical limit, every other one the warning limit. Raises MetadataError for one that
    warns above where the specification has it critical: it would never be seen first.
    """
    declared = metadata.monitoring.alert_thresholds
    critical, warning = dict(_CRITICAL), dict(_WARNING)
    for name in (LATENCY, FPR, FNR, ERRORS, MEMORY):
        value = getattr(declared, name)
        if value is None:
            continue
        most = _CRITICAL.get(name)
        if most is not None and value > most:
            raise MetadataError(
                f"is {value:g}, which is above the critical limit {most:g}",
                file=file,
                field=f"monitoring.alert_thresholds.{name}",
                remedy=f"set it to at most {most:g}",
            )
        (critical if name in _DECLARED_CRITICAL else warning)[name] = value
    return AlertLimits(critical, warning)
