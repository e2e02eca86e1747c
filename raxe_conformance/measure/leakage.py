"""Whether a head set's training fingerprints hold rows of the benchmark. Needs no model, only the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raxe_conformance.corpus.fingerprints import MEMBER, near_matches, read_fingerprints
from raxe_conformance.corpus.rows import Row
from raxe_conformance.errors import BundleError
from raxe_conformance.measure.evidence import Leakage
from raxe_conformance.registry.catalog import open_bundle
from raxe_conformance.registry.head_sets import FINGERPRINTS
from raxe_conformance.registry.variant import Variant

SHARE: Final = 0.5


def measure_leakage(variant: Variant, rows: Sequence[Row], *, share: float = SHARE) -> Leakage:
    """Compare every row with the fingerprints of the rows that the variant's own head set was trained on.

    Those that its entry names, else those of the whole bundle. Raises BundleError where the bundle or they cannot be
    read.
    """
    bundle = open_bundle(variant)
    head_sets = bundle.manifest.head_sets
    space = variant.metadata.ml_config.embedding_model or next(iter(sorted(head_sets)), "")
    member = head_sets.get(space, {}).get(FINGERPRINTS, MEMBER)
    if not isinstance(member, str):
        raise BundleError("is no member's name", file=bundle.path, field=f"head_sets.{space}.{FINGERPRINTS}")
    if member not in bundle.names and member == MEMBER:
        return Leakage(fingerprints=None, compared=0, too_short=0, share=share, near={})
    known = read_fingerprints(bundle.member(member), file=f"{bundle.path.name}!{member}")
    near, compared = near_matches(known, [row.text for row in rows], share=share)
    return Leakage(
        fingerprints=len(known.signatures),
        compared=compared,
        too_short=len(rows) - compared,
        share=share,
        near={rows[position].id: round(value, 4) for position, value in near.items()},
    )
