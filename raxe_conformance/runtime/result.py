"""What a detector answers: L2Result, L2Prediction, L2ThreatType (names and fields of the specification)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from raxe_conformance.errors import one_line


class L2ThreatType(enum.StrEnum):
    """Kinds of threat that RAXE knows at its second layer."""

    SEMANTIC_JAILBREAK = "semantic_jailbreak"
    ENCODED_INJECTION = "encoded_injection"
    CONTEXT_MANIPULATION = "context_manipulation"
    PRIVILEGE_ESCALATION = "privilege_escalation"
    DATA_EXFIL_PATTERN = "data_exfil_pattern"
    OBFUSCATED_COMMAND = "obfuscated_command"
    UNKNOWN = "unknown"


_BY_FAMILY = {
    "PI": L2ThreatType.CONTEXT_MANIPULATION,
    "JB": L2ThreatType.SEMANTIC_JAILBREAK,
    "CMD": L2ThreatType.OBFUSCATED_COMMAND,
    "PII": L2ThreatType.DATA_EXFIL_PATTERN,
    "ENC": L2ThreatType.ENCODED_INJECTION,
    "RAG": L2ThreatType.CONTEXT_MANIPULATION,
}
_BY_SUBFAMILY = {
    ("JB", "authority"): L2ThreatType.PRIVILEGE_ESCALATION,
    ("CMD", "tool_call_abuse"): L2ThreatType.PRIVILEGE_ESCALATION,
}


def threat_type(family: str | None, subfamily: str | None = None) -> L2ThreatType:
    """The threat type that stands for a family (and, where it is known, a subfamily)."""
    return _BY_SUBFAMILY.get((family or "", subfamily or "")) or _BY_FAMILY.get(family or "", L2ThreatType.UNKNOWN)


@dataclass(frozen=True)
class L2Prediction:
    """One threat found. `confidence` is in 0..1."""

    threat_type: L2ThreatType
    confidence: float
    explanation: str | None = None
    features_used: list[str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence is {self.confidence}, but should be in 0..1")


@dataclass(frozen=True)
class L2Result:
    """A detector's answer on one text.

    `metadata` holds `score` (attack probability, 0..1), `is_attack`, `family` (or None), `label` (what a benchmark
    would call the text), `sub_family`, `scores` (by family), `why_it_hit`, `recommended_action`, `trigger_matches`,
    `similar_attacks`, `windows` (how many the text was read in) and `timings_ms` by stage.
    """

    predictions: list[L2Prediction]
    confidence: float
    processing_time_ms: float
    model_version: str
    features_extracted: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def has_predictions(self) -> bool:
        """Whether any threat was found."""
        return bool(self.predictions)

    @property
    def prediction_count(self) -> int:
        """How many threats were found."""
        return len(self.predictions)

    @property
    def highest_confidence(self) -> float:
        """The largest confidence of a prediction, 0.0 where there is none."""
        return max((p.confidence for p in self.predictions), default=0.0)

    def get_predictions_by_type(self, threat_type: L2ThreatType) -> list[L2Prediction]:
        """The predictions of one threat type."""
        return [p for p in self.predictions if p.threat_type == threat_type]

    def to_summary(self) -> str:
        """One line for a log, also where the variant's version is none."""
        found = ", ".join(f"{p.threat_type} {p.confidence:.2f}" for p in self.predictions) or "no threat"
        return f"L2: {found} ({self.processing_time_ms:.1f} ms, {one_line(self.model_version, 60)})"
