"""Classifier heads over unit vectors: the attack probability, the family, the subfamily."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import HeadSetError
from raxe_conformance.headset import HeadSet

FloatArray = NDArray[np.float32]
_MOST_AT_ONCE: Final = 1 << 22  # numbers: 16 MB


@dataclass(frozen=True)
class HeadScores:
    """What the heads say of one text, from the window that looks most like an attack.

    score: attack probability in 0..1. families, subfamilies: probabilities that sum to 1 (subfamilies may be empty).
    window: which window decided.
    """

    score: float
    families: dict[str, float]
    subfamilies: dict[tuple[str, str], float]
    window: int


def _logits(layers: list[tuple[FloatArray, FloatArray]], vectors: FloatArray) -> FloatArray:
    for index, (weight, bias) in enumerate(layers):
        vectors = vectors @ weight.T + bias
        if index + 1 < len(layers):
            vectors = np.maximum(vectors, 0.0)
    return vectors


def _softmax(logits: FloatArray) -> list[float]:
    shifted = np.exp(logits.astype(np.float64) - float(logits.max()))
    return [float(p) for p in shifted / shifted.sum()]


def sigmoid(logit: float) -> float:
    """1 / (1 + e^-x) without overflow."""
    if logit >= 0:
        return 1.0 / (1.0 + float(np.exp(-logit)))
    power = float(np.exp(logit))
    return power / (1.0 + power)


class Heads:
    """A head set, ready to score. The score of a text is the largest over its windows."""

    def __init__(self, head_set: HeadSet, width: int, *, name: str) -> None:
        """Raises HeadSetError where the heads read vectors of another width than the embedding model gives."""
        if head_set.dimension != width:
            raise HeadSetError(
                f"the heads read vectors of width {head_set.dimension}, but the embedding model gives width {width}",
                file=name,
                field=f"head_sets.{head_set.embedding_model}.dimension",
                remedy="refit the heads on this embedding model's vectors",
            )
        self.set = head_set
        widest = max(max(weight.shape) for layers in head_set.layers.values() for weight, _ in layers)
        # Windows to score at once: a wide layer makes as much of each as its width.
        self.at_once = max(1, _MOST_AT_ONCE // widest)

    def score(self, vectors: FloatArray, *, first_stage: float = 0.0) -> HeadScores:
        """Scores of one text's windows, vectors [windows, width] float32, at least one window.

        first_stage: what a window selector adds to the logit of an attack.
        """
        binary = _logits(self.set.layers["binary"], vectors)[:, 0]
        window = int(np.argmax(binary))
        chosen = vectors[window : window + 1]
        families = _softmax(_logits(self.set.layers["family"], chosen)[0])
        subfamilies: dict[tuple[str, str], float] = {}
        if self.set.subfamilies:
            found = _softmax(_logits(self.set.layers["subfamily"], chosen)[0])
            subfamilies = dict(zip(self.set.subfamilies, found, strict=True))
        return HeadScores(
            score=sigmoid(float(binary[window]) + first_stage),
            families=dict(zip(self.set.families, families, strict=True)),
            subfamilies=subfamilies,
            window=window,
        )
