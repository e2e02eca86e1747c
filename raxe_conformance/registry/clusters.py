"""Attack clusters of a bundle: centroids of known attacks in one embedding space, for telling what a hit resembles.

Members attack_clusters.json ({"clusters": {embedding model: {file, least_similarity, entries: [{id, family, size}]}}})
and, for each embedding model, a safetensors file with the array `centroids` float32 [entries, width], rows of length 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from raxe_conformance.errors import BundleError
from raxe_conformance.headset import AttackClusters, Cluster
from raxe_conformance.registry.arrays import load_arrays
from raxe_conformance.registry.bundle import MAX_HEADS_BYTES, Bundle

INDEX = "attack_clusters.json"
MAX_CLUSTERS = 4096


def read_clusters(bundle: Bundle, embedding_model: str, width: int) -> AttackClusters | None:
    """The clusters for an embedding model, None where the bundle has none. Raises BundleError that names the field."""
    if INDEX not in bundle.names:
        return None
    where = f"{bundle.path}!{INDEX}"
    spaces = bundle.json(INDEX).get("clusters")
    if not isinstance(spaces, dict):
        raise BundleError("is missing or no object", file=where, field="clusters")
    space = spaces.get(embedding_model)
    if space is None:
        return None
    at = f"clusters.{embedding_model}"
    if not isinstance(space, dict) or not isinstance(space.get("file"), str):
        raise BundleError("names no file", file=where, field=at)
    least = space.get("least_similarity")
    if not isinstance(least, int | float) or isinstance(least, bool) or not 0.0 <= least <= 1.0:
        raise BundleError(f"is {least!r}, but should be in 0..1", file=where, field=f"{at}.least_similarity")
    entries = _entries(space.get("entries"), where, at)
    centroids = _centroids(
        bundle.member(space["file"], MAX_HEADS_BYTES), (len(entries), width), f"{bundle.path}!{space['file']}"
    )
    return AttackClusters(entries, centroids, float(least))


def _entries(value: Any, where: str, at: str) -> tuple[Cluster, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CLUSTERS:
        raise BundleError(f"is no list of 1 to {MAX_CLUSTERS} entries", file=where, field=f"{at}.entries")
    found = []
    for index, entry in enumerate(value):
        parts = [entry.get(key) for key in ("id", "family", "size")] if isinstance(entry, dict) else [None]
        if [type(part) for part in parts] != [str, str, int]:
            raise BundleError("needs id, family and size", file=where, field=f"{at}.entries[{index}]")
        found.append(Cluster(*parts))
    return tuple(found)


def _centroids(data: bytes, shape: tuple[int, int], where: str) -> Any:
    try:
        centroids = load_arrays(data)["centroids"]
    except (ValueError, KeyError) as error:
        raise BundleError(f"holds no readable array: {error}", file=where, field="centroids") from None
    if centroids.dtype != np.float32 or centroids.shape != shape or not np.isfinite(centroids).all():
        raise BundleError(
            f"is {centroids.dtype} {list(centroids.shape)}, but should be finite float32 {list(shape)}",
            file=where,
            field="centroids",
        )
    lengths = np.linalg.norm(centroids.astype(np.float64), axis=1)
    if not np.allclose(lengths, 1.0, rtol=0.0, atol=1e-3):
        # Likeness is the product with a vector of length 1; a longer centroid would resemble everything.
        raise BundleError("has rows that are not of length 1", file=where, field="centroids")
    return centroids
