"""Attack clusters for a bundle: k-means over the vectors of training attacks, family by family."""

from __future__ import annotations

from typing import Any

import numpy as np

from raxe_conformance.build.heads import Linear, TrainingSet, most_suspicious

PER_CLUSTER = 60  # attacks to a cluster, on average
MOST = 32  # clusters of one family
LEAST_SIMILARITY = 0.5


def attack_clusters(
    data: TrainingSet, binary: Linear, families: tuple[str, ...], embedding_model: str, seed: int
) -> tuple[dict[str, Any], bytes]:
    """The entry in a bundle's index of clusters, and the bytes of the member that it names.

    Each attack counts with the window that the attack head finds most suspicious.
    """
    from safetensors.numpy import save
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    windows = data.vectors[most_suspicious(data, binary)].astype(np.float64)
    entries: list[dict[str, Any]] = []
    centroids = []
    with threadpool_limits(limits=1):
        for number, family in enumerate(families):
            own = windows[data.family == number]
            count = min(MOST, max(1, len(own) // PER_CLUSTER))
            model = KMeans(count, n_init=4, random_state=seed).fit(own)
            for label in range(count):
                centre = own[model.labels_ == label].mean(axis=0)
                centroids.append(centre / np.linalg.norm(centre))
                size = int((model.labels_ == label).sum())
                entries.append({"id": f"{family.lower()}-{label + 1:02}", "family": family, "size": size})
    file = f"attack_clusters/{embedding_model}.safetensors"
    index = {"file": file, "least_similarity": LEAST_SIMILARITY, "entries": entries}
    return index, save({"centroids": np.ascontiguousarray(centroids, np.float32)})
