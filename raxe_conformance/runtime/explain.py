"""Why a text was called an attack, in words a reviewer can check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import BundleError
from raxe_conformance.headset import AttackClusters

MAX_TRIGGERS = 5_000  # each is looked for in every attack


@dataclass(frozen=True)
class Trigger:
    """A literal phrase (compared without case) that often stands in attacks of a family."""

    id: str
    family: str
    phrase: str


def parse_triggers(value: dict[str, Any], *, file: Path | str) -> tuple[Trigger, ...]:
    """The triggers of keyword_triggers.json. Raises BundleError that names the entry."""
    entries = value.get("triggers")
    if not isinstance(entries, list) or len(entries) > MAX_TRIGGERS:
        raise BundleError(f"is no list of at most {MAX_TRIGGERS} triggers", file=file, field="triggers")
    found = []
    for index, entry in enumerate(entries):
        parts = [entry.get(key) for key in ("id", "family", "phrase")] if isinstance(entry, dict) else [None]
        if not all(isinstance(part, str) and part.strip() for part in parts):
            raise BundleError("needs the strings id, family and phrase", file=file, field=f"triggers[{index}]")
        found.append(Trigger(str(parts[0]), str(parts[1]), _folded(str(parts[2]))))
    return tuple(found)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def match_triggers(text: str, triggers: tuple[Trigger, ...]) -> list[Trigger]:
    """The triggers whose phrase stands in the text, white space and case aside."""
    folded = _folded(text)
    return [trigger for trigger in triggers if trigger.phrase in folded]


def recommended_action(score: float, threshold: float) -> str:
    """ALLOW below the threshold, BLOCK in the upper half of what is above it, WARN between."""
    if score < threshold:
        return "ALLOW"
    return "BLOCK" if score >= (1.0 + threshold) / 2.0 else "WARN"


def why_it_hit(
    score: float, threshold: float, family: str, share: float, window: int, windows: int, matches: list[Trigger]
) -> list[str]:
    """Sentences that state what the decision rests on."""
    place = f" in part {window + 1} of {windows}" if windows > 1 else ""
    reasons = [
        f"attack probability {score:.3f} (threshold {threshold:.3f}){place}",
        f"closest family {family} ({share:.2f})",
    ]
    if matches:
        reasons.append("phrases: " + ", ".join(repr(trigger.phrase) for trigger in matches[:5]))
    return reasons


def similar_attacks(
    vector: NDArray[np.float32], clusters: AttackClusters | None, most: int = 3
) -> list[dict[str, Any]]:
    """The clusters of known attacks that a unit vector [width] is nearest to: id, family, cosine, nearest first."""
    if clusters is None:
        return []
    cosines = clusters.centroids @ vector
    order = np.argsort(-cosines, kind="stable")[:most]
    return [
        {
            "id": clusters.clusters[i].id,
            "family": clusters.clusters[i].family,
            "similarity": round(float(cosines[i]), 4),
        }
        for i in order
        if cosines[i] >= clusters.least_similarity
    ]
