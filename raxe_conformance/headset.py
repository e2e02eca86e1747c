"""Head sets and attack clusters: the values that a bundle gives and the runtime takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WindowSelector:
    """The first stage of a cascade: a linear model over hashed n-grams of token ids (runtime/selector.py).

    weights [2**bits] int8, times `scale`; `bias`; `window`: tokens that the encoder reads, special ones not counted;
    `mix`: the share of this model's logit that is added to the attack head's (0: it only chooses).
    """

    weights: NDArray[np.int8] = field(repr=False)
    scale: float
    bias: float
    window: int
    mix: float


@dataclass(frozen=True)
class HeadSet:
    """The classifier heads for one embedding space.

    `layers[head]` lists (weight [out, in], bias [out]) pairs, float32, with ReLU between them; the last gives logits.
    `binary` has one output (attack), `family` one a family; `subfamily`, where present, one a (family, subfamily).
    `threshold` is the attack probability from which a text is called an attack. `selector`: where there is one, the
    encoder reads only the window that it chooses.
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
    selector: WindowSelector | None = None


@dataclass(frozen=True)
class Cluster:
    """A group of known attacks: its id, their commonest family, how many they are."""

    id: str
    family: str
    size: int


@dataclass(frozen=True)
class AttackClusters:
    """Groups of known attacks in one embedding space: `centroids` [clusters, width] float32, rows of length 1.

    `least_similarity`: the cosine from which a text is said to resemble a cluster.
    """

    clusters: tuple[Cluster, ...]
    centroids: NDArray[np.float32] = field(repr=False)
    least_similarity: float
