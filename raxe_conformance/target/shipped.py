"""Our own registry as the target."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from raxe_conformance.model_registry import ModelRegistry, load_detector
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.registry.metadata import ONNX_RUNTIMES
from raxe_conformance.registry.variant import Variant
from raxe_conformance.target.protocol import Analyzer, Subject


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


def shipped_with(variant: Variant, embeddings: Path) -> Analyzer:
    """A detector of the variant with another embedding model. Raises as `load_detector` does."""
    return load_detector(replace(variant, embeddings_path=embeddings), verify=False)


def shipped_registry(models_dir: Path) -> ModelRegistry:
    """A new registry of a models folder, which enforces declared checksums as little as the subjects' `load` does.

    Raises RegistryError where there is no folder.
    """
    return ModelRegistry(models_dir, loaders=dict.fromkeys(ONNX_RUNTIMES, partial(load_detector, verify=False)))
