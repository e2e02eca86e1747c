"""Our own registry as the target."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from raxe_conformance.model_registry import load_detector
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.target.protocol import Subject


def shipped_subjects(models_dir: Path) -> list[Subject]:
    """All variants of a models folder, the broken ones too. Raises RegistryError where there is no folder.

    Declared checksums are not enforced at load: that they are wrong is for the integrity checks to say, once.
    """
    return [
        Subject(variant.model_id, variant, partial(load_detector, variant, verify=False))
        for variant in Catalog(models_dir).variants
    ]
