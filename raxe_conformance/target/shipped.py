"""Our own registry as the target."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from raxe_conformance.model_registry import ModelRegistry, backend_of, load_detector
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.registry.metadata import BACKEND_OF
from raxe_conformance.registry.variant import Variant
from raxe_conformance.target.protocol import Analyzer, Subject


def _subject(variant: Variant, backend: str | None) -> Subject:
    used = backend_of(variant, backend)
    again = {
        "kind": "shipped", "models": str(variant.models_dir), "model_id": variant.model_id, "backend": used,
    }  # fmt: skip
    load = partial(load_detector, variant, verify=False, backend=used)
    return Subject(variant.model_id, variant, load, again, backend=used)


def shipped_subject(models_dir: Path, model_id: str, backend: str | None = None) -> Subject:
    """One variant; backend: what computes, None for what its metadata names. Raises RegistryError, UnknownModelError,
    UsageError where there is no such backend."""
    return _subject(Catalog(models_dir).variant(model_id), backend)


def shipped_subjects(models_dir: Path, backend: str | None = None) -> list[Subject]:
    """All variants of a models folder, the broken ones too, on one backend or on what each one's metadata names.

    Declared checksums are not enforced at load: that they are wrong is for the integrity checks to say, once. Raises
    RegistryError where there is no folder, UsageError where there is no such backend.
    """
    return [_subject(variant, backend) for variant in Catalog(models_dir).variants]


def shipped_on(variant: Variant, backend: str) -> Analyzer:
    """A detector of the variant on another backend. Raises as `load_detector` does."""
    return load_detector(variant, verify=False, backend=backend)


def shipped_with(variant: Variant, embeddings: Path) -> Analyzer:
    """A detector of the variant with another embedding model. Raises as `load_detector` does."""
    return load_detector(replace(variant, embeddings_path=embeddings), verify=False)


def shipped_registry(models_dir: Path, backend: str | None = None) -> ModelRegistry:
    """A new registry of a models folder, which enforces declared checksums as little as the subjects' `load` does.

    Raises RegistryError where there is no folder, UsageError where there is no such backend.
    """
    load = partial(load_detector, verify=False, backend=backend)
    return ModelRegistry(models_dir, loaders=dict.fromkeys(BACKEND_OF, load), backend=backend)
