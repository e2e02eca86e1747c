"""Our own registry as the target."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from raxe_conformance.model_registry import load_detector
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.registry.variant import Variant
from raxe_conformance.target.protocol import Subject


def _subject(variant: Variant) -> Subject:
    again = {"kind": "shipped", "models": str(variant.models_dir), "model_id": variant.model_id}
    return Subject(variant.model_id, variant, partial(load_detector, variant, verify=False), again)


def shipped_subject(models_dir: Path, model_id: str) -> Subject:
    """One variant. Raises RegistryError, UnknownModelError."""
    return _subject(Catalog(models_dir).variant(model_id))


def shipped_subjects(models_dir: Path) -> list[Subject]:
    """All variants of a models folder, the broken ones too. Raises RegistryError where there is no folder.

    Declared checksums are not enforced at load: that they are wrong is for the integrity checks to say, once.
    """
    return [_subject(variant) for variant in Catalog(models_dir).variants]
