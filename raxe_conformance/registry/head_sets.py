"""What of a bundle belongs to one head set, and bundles put together out of several.

A head set is its entry in manifest.json (`head_sets`, `training.metrics`), its entry in each index member, and the
members that these entries name. The rest of a bundle is shared. A bundle is the same bytes in whatever order its head
sets were made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from raxe_conformance.errors import BundleError
from raxe_conformance.fileio import canonical_json, sha256
from raxe_conformance.registry.bundle import MANIFEST, Bundle

# Index members, and the key in each below which entries stand by embedding model.
INDEXES: Final = {
    "attack_clusters.json": "clusters",
    "embedding_config.json": "embedding_models",
    "training_stats.json": "head_sets",
}
FINGERPRINTS: Final = "training_fingerprints"
# Keys of entries, and of objects right inside the manifest's entry, whose value names a member of the head set.
_MEMBER_KEYS: Final = ("file", FINGERPRINTS)


@dataclass(frozen=True)
class HeadSetParts:
    """One head set: its entry in the manifest, its metrics there, its entries by index, its members by name."""

    entry: dict[str, Any]
    metrics: dict[str, Any] | None
    indexed: dict[str, dict[str, Any]]
    members: dict[str, bytes] = field(repr=False)

    def digest(self) -> str:
        """SHA-256 over all of it, whatever else the bundle holds: what a recipe's outputs.heads.sha256 is held to."""
        whole = {
            "entry": self.entry,
            "metrics": self.metrics,
            "indexed": self.indexed,
            "members": {name: sha256(data) for name, data in self.members.items()},
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def head_set_parts(bundle: Bundle, embedding_model: str) -> HeadSetParts:
    """A head set of a bundle, every member verified. Raises BundleError and its kinds."""
    bundle.head_set(embedding_model)  # whatever is wrong with it is said there
    entry = bundle.manifest.head_sets[embedding_model]
    indexed = {}
    for index, key in INDEXES.items():
        entries = bundle.json(index).get(key) if index in bundle.names else None
        found = entries.get(embedding_model) if isinstance(entries, dict) else None
        if isinstance(found, dict):
            indexed[index] = found
    training = bundle.manifest.raw.get("training")
    metrics = training.get("metrics") if isinstance(training, dict) else None
    inner = [value for value in entry.values() if isinstance(value, dict)]
    naming = (entry, *inner, *indexed.values())
    names = [part[key] for part in naming for key in _MEMBER_KEYS if isinstance(part.get(key), str)]
    return HeadSetParts(
        entry=entry,
        metrics=metrics.get(embedding_model) if isinstance(metrics, dict) else None,
        indexed=indexed,
        members={name: bundle.member(name) for name in names},
    )


def all_head_sets(bundle: Bundle) -> dict[str, HeadSetParts]:
    """The head sets of a bundle by embedding model. Raises BundleError and its kinds."""
    return {name: head_set_parts(bundle, name) for name in bundle.manifest.head_sets}


def unclaimed_members(bundle: Bundle, head_sets: Mapping[str, HeadSetParts], shared: Mapping[str, bytes]) -> list[str]:
    """Members that belong to none of the bundle's head sets, are no index, and are not among those of `shared`."""
    claimed = {MANIFEST, *INDEXES, *shared, *(name for parts in head_sets.values() for name in parts.members)}
    return sorted(set(bundle.names) - claimed)


def put_together(
    manifest: Mapping[str, Any], shared: Mapping[str, bytes], head_sets: Mapping[str, HeadSetParts]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the members of a bundle of these head sets, as pack.pack_bundle takes them.

    `manifest` and `shared` are what all head sets have in common. Raises BundleError where two head sets mean different
    bytes by one name.
    """
    names = sorted(head_sets)
    members = dict(shared)
    for name in names:
        for member, data in head_sets[name].members.items():
            # Head sets that were trained on the same rows share their fingerprints.
            if members.setdefault(member, data) != data:
                raise BundleError("two head sets mean different bytes by this name", field=member)
    for index, key in INDEXES.items():
        entries = {name: head_sets[name].indexed[index] for name in names if index in head_sets[name].indexed}
        if entries:
            members[index] = canonical_json({key: entries})
    metrics = {name: head_sets[name].metrics for name in names if head_sets[name].metrics is not None}
    completed = {
        **manifest,
        "training": {"metrics": metrics},
        "head_sets": {name: head_sets[name].entry for name in names},
    }
    return completed, members
