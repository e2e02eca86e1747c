"""The public registry: variants of a models folder, and detectors made from them. Binds registry/ and runtime/."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

from raxe_conformance.fileio import sha256
from raxe_conformance.registry.catalog import Catalog, open_bundle, read_part, require_checksum
from raxe_conformance.registry.variant import Variant
from raxe_conformance.runtime.detector import Detector
from raxe_conformance.runtime.embed import MAX_ONNX_BYTES, MAX_TOKENIZER_BYTES, Embedder
from raxe_conformance.runtime.explain import parse_triggers
from raxe_conformance.runtime.heads import Heads

TRIGGERS = "keyword_triggers.json"


def load_detector(variant: Variant, *, verify: bool = True, threads: int | None = None) -> Detector:
    """Load one variant. The bytes that are verified are the bytes that are used.

    verify: refuse files whose checksum is not the declared one. The suites turn it off, so that a wrong checksum fails
    the integrity checks and not the whole variant. threads: ONNX Runtime's, None for its default.
    Raises MissingFileError, EmbeddingNotBuiltError, ChecksumError, BundleError, HeadSetError, EmbeddingError.
    """
    info, config = variant.metadata.file_info, variant.metadata.ml_config
    bundle = open_bundle(variant)
    where = variant.metadata_path or bundle.path
    if verify:
        require_checksum(bundle.sha256, info.checksum, where, "file_info.checksum")
    space = config.embedding_model or next(iter(sorted(bundle.manifest.head_sets)), "")
    head_set = bundle.head_set(space)
    onnx = read_part(variant, "embeddings", MAX_ONNX_BYTES)
    tokenizer = read_part(variant, "tokenizer", MAX_TOKENIZER_BYTES)
    if verify:
        require_checksum(sha256(onnx), info.onnx_embeddings_checksum, where, "file_info.onnx_embeddings_checksum")
        require_checksum(sha256(tokenizer), info.tokenizer_checksum, where, "file_info.tokenizer_checksum")
    embedder = Embedder(
        onnx,
        tokenizer,
        max_sequence_length=head_set.max_sequence_length,
        threads=threads,
        name=str(variant.embeddings_path),
    )
    heads = Heads(head_set, embedder.width, name=str(bundle.path))
    triggers = (
        parse_triggers(bundle.json(TRIGGERS), file=f"{bundle.path}!{TRIGGERS}") if TRIGGERS in bundle.names else ()
    )
    metadata = variant.metadata
    return Detector(
        model_id=variant.model_id,
        version=metadata.version or bundle.manifest.bundle_version,
        embedder=embedder,
        heads=heads,
        triggers=triggers,
        info={"name": metadata.name, "description": metadata.description, "status": variant.status},
    )


class ModelRegistry:
    """The variants of a models folder. Starts without reading weights; detectors are loaded once, when asked for."""

    def __init__(self, models_dir: Path | str | None = None) -> None:
        """models_dir: the folder, None for `models` in the current one. Raises RegistryError where there is none."""
        self._catalog = Catalog(Path("models") if models_dir is None else models_dir)
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._detectors: dict[str, Detector] = {}

    @property
    def models_dir(self) -> Path:
        """The folder this registry reads."""
        return self._catalog.models_dir

    @property
    def warnings(self) -> list[str]:
        """What discovery found wrong, one line each."""
        return [str(warning) for warning in self._catalog.warnings]

    def list_models(self, status: str | None = None, runtime: str | None = None) -> list[Variant]:
        """Usable variants, sorted by id, of one status and runtime where these are given."""
        return [
            variant
            for variant in self._catalog.variants
            if variant.usable
            and (status is None or variant.status == status)
            and (runtime is None or variant.metadata.requirements.runtime == runtime)
        ]

    def get_model(self, model_id: str) -> Variant:
        """One variant. Raises UnknownModelError."""
        return self._catalog.variant(model_id)

    def has_model(self, model_id: str) -> bool:
        """Whether there is a usable variant of this id."""
        return any(variant.model_id == model_id and variant.usable for variant in self._catalog.variants)

    def create_detector(self, model_id: str) -> Detector:
        """The detector of a variant: loaded at the first call, the same object after it.

        Threads that ask for one variant at once load it once; different variants load side by side. A load that
        fails is not remembered. Raises UnknownModelError and whatever `load_detector` raises.
        """
        found = self._detectors.get(model_id)
        if found is not None:
            return found
        variant = self.get_model(model_id)
        with self._lock:
            own = self._loading.setdefault(model_id, threading.Lock())
        with own:
            found = self._detectors.get(model_id)
            if found is None:
                found = self._detectors[model_id] = load_detector(variant)
        return found

    def get_model_count(self) -> int:
        """How many usable variants there are."""
        return len(self.list_models())

    def get_active_model_count(self) -> int:
        """How many usable variants are active."""
        return len(self.list_models(status="active"))


@cache
def get_registry() -> ModelRegistry:
    """The process-wide registry of `models` in the current folder."""
    return ModelRegistry()
