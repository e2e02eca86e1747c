"""A head set: the value that a bundle gives and the runtime takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class HeadSet:
    """The classifier heads for one embedding space.

    `layers[head]` lists (weight [out, in], bias [out]) pairs, float32, with ReLU between them; the last gives logits.
    `binary` has one output (attack), `family` one a family; `subfamily`, where present, one a (family, subfamily).
    `threshold` is the attack probability from which a text is called an attack.
    """

    embedding_model: str
    dimension: int
    threshold: float
    pooling: str
    normalization: str
    max_sequence_length: int
    tokenizer_sha256: str | None
    families: tuple[str, ...]
    subfamilies: tuple[tuple[str, str], ...]
    layers: dict[str, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = field(repr=False)
