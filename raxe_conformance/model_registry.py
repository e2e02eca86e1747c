"""The public registry: variants of a models folder, and detectors made from them. Binds registry/ and runtime/."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

from raxe_conformance.errors import (
    RaxeError,
    RegistryError,
    UnknownModelError,
    UsageError,
    one_line,
)
from raxe_conformance.fileio import sha256
from raxe_conformance.registry.catalog import (
    Catalog,
    complete_metadata,
    open_bundle,
    read_part,
    require_checksum,
    unknown_model,
)
from raxe_conformance.registry.clusters import read_clusters
from raxe_conformance.registry.metadata import BACKEND_OF, STATUSES, Metadata
from raxe_conformance.registry.select import COLUMNS, best, comparison
from raxe_conformance.registry.validate import (
    Installed,
    basic_errors,
    integrity_errors,
    require_level,
    runtime_problem,
)
from raxe_conformance.registry.variant import Variant
from raxe_conformance.runtime.backends.session import ONNXRUNTIME, require_backend
from raxe_conformance.runtime.detector import Detector
from raxe_conformance.runtime.embed import MAX_ONNX_BYTES, MAX_TOKENIZER_BYTES, Embedder
from raxe_conformance.runtime.explain import parse_triggers
from raxe_conformance.runtime.heads import Heads

if TYPE_CHECKING:
    import pandas

TRIGGERS = "keyword_triggers.json"
MODELS_DIR_VARIABLE: Final = "RAXE_MODELS_DIR"
PROBE: Final = "What time does the library open on Sundays?"
_LOG: Final = logging.getLogger("raxe_conformance")
_MOST_CALLS, _MOST_SECONDS = 30, 2.0
Loader = Callable[[Variant], Detector]


def backend_of(variant: Variant, backend: str | None = None) -> str:
    """What computes a variant's embeddings: `backend` where it is given, else what its metadata's runtime names.

    Raises UsageError where there is no such backend.
    """
    if backend is not None:
        require_backend(backend)
        return backend
    return BACKEND_OF.get(variant.runtime or "", ONNXRUNTIME)


def load_detector(
    variant: Variant, *, verify: bool = True, threads: int | None = None, backend: str | None = None
) -> Detector:
    """Load one variant. The bytes that are verified are the bytes that are used.

    verify: refuse files whose checksum is not the declared one. The suites turn it off, so that a wrong checksum fails
    the integrity checks and not the whole variant. threads: of one inference, None for the backend's default.
    backend: what computes, None for what the metadata's runtime names.
    Raises MissingFileError, EmbeddingNotBuiltError, ChecksumError, BundleError, HeadSetError, EmbeddingError,
    RuntimeMissingError where the backend is not installed, UsageError where there is none of that name.
    """
    info, config = variant.metadata.file_info, variant.metadata.ml_config
    bundle = open_bundle(variant)
    where = variant.metadata_path or bundle.path
    if verify:
        require_checksum(bundle.sha256, info.checksum, where, "file_info.checksum")
        bundle.verify()
    space = config.embedding_model or next(iter(sorted(bundle.manifest.head_sets)), "")
    head_set = bundle.head_set(space)
    onnx = read_part(variant, "embeddings", MAX_ONNX_BYTES)
    tokenizer = read_part(variant, "tokenizer", MAX_TOKENIZER_BYTES)
    if verify:
        require_checksum(sha256(onnx), info.onnx_embeddings_checksum, where, "file_info.onnx_embeddings_checksum")
        require_checksum(sha256(tokenizer), info.tokenizer_checksum, where, "file_info.tokenizer_checksum")
        fitted = head_set.tokenizer_sha256
        if fitted is not None:
            require_checksum(sha256(tokenizer), f"sha256:{fitted}", bundle.path, f"head_sets.{space}.tokenizer_sha256")
    embedder = Embedder(
        onnx,
        tokenizer,
        max_sequence_length=head_set.max_sequence_length,
        threads=threads,
        name=str(variant.embeddings_path),
        tokenizer_name=str(variant.tokenizer_path),
        backend=backend_of(variant, backend),
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
        clusters=read_clusters(bundle, space, embedder.width),
        info={"name": metadata.name, "description": metadata.description, "status": variant.status},
    )


class ModelRegistry:
    """The variants of a models folder. Starts without reading weights; detectors are loaded once, when asked for.

    A registry shows the folder as it was when the registry was made; make another to see what has changed. All its
    methods may be called from any thread.
    """

    def __init__(
        self,
        models_dir: Path | str | None = None,
        *,
        loaders: Mapping[str, Loader] | None = None,
        clock: Callable[[], float] = perf_counter,
        backend: str | None = None,
    ) -> None:
        """models_dir: the folder; None for the one that RAXE_MODELS_DIR names, or `models` in the current one.

        loaders: how to load a variant of a runtime, by the runtime's name, beside or instead of the built-in way for
        the ONNX runtimes and OpenVINO. clock: seconds, for the functional level of `validate_model`. backend: what
        computes in the built-in way, whatever runtime the metadata names: "onnxruntime" or "openvino". Raises
        RegistryError where there is no such folder, UsageError where there is no such backend.
        """
        if backend is not None:
            require_backend(backend)
        self._backend = backend
        self._catalog = Catalog(models_dir or os.environ.get(MODELS_DIR_VARIABLE) or "models")
        self._variants = {variant.model_id: variant for variant in self._catalog.variants}
        self._loaders = dict.fromkeys(BACKEND_OF, partial(load_detector, backend=backend)) | dict(loaders or {})
        self._clock = clock
        self._lock = threading.Lock()
        self._loading: dict[str, Future[Detector]] = {}
        self._detectors: dict[str | None, Detector] = {}
        self._best: dict[str, Variant] = {}
        early = self._catalog.early_warnings
        if early:
            lines = "\n".join(f"  {warning}" for warning in early)
            _LOG.warning("%s: what discovery found wrong (%d):\n%s", self.models_dir, len(early), lines)

    @property
    def models_dir(self) -> Path:
        """The folder this registry reads."""
        return self._catalog.models_dir

    @property
    def warnings(self) -> list[str]:
        """Everything that discovery found wrong, one line each.

        Reads all of every metadata file, where making the registry (which logs what it finds) looks at what it needs.
        """
        return [str(warning) for warning in self._catalog.warnings]

    def list_models(self, status: str | None = None, runtime: str | None = None) -> list[Variant]:
        """Usable variants, sorted by id, of one status and runtime where these are given.

        Those whose runtime is not installed are listed too. Raises UsageError for a status that there is not.
        """
        if status is not None and status not in STATUSES:
            raise UsageError(f"is {status!r}", field="status", remedy=f"use one of {', '.join(STATUSES)}")
        return [
            variant
            for variant in self._variants.values()
            if variant.usable
            and (status is None or variant.status == status)
            and (runtime is None or variant.runtime == runtime)
        ]

    def get_model(self, model_id: str) -> Variant:
        """One usable variant. Raises UnknownModelError, or what discovery found wrong where it is not usable."""
        variant = self._variants.get(model_id)
        if variant is None:
            raise unknown_model(model_id, self._variants, self.models_dir)
        if not variant.usable:
            raise variant.why_unusable()
        return variant

    def complete_metadata(self, model_id: str) -> Metadata:
        """A variant's metadata with sizes, checksums and dependencies generated where they are missing.

        Reads the variant's files. Raises UnknownModelError, RaxeError where a file cannot be read.
        """
        return complete_metadata(self._catalog.variant(model_id).metadata, self.models_dir)

    def has_model(self, model_id: str) -> bool:
        """Whether there is a usable variant of this id."""
        variant = self._variants.get(model_id)
        return variant is not None and variant.usable

    def get_model_count(self) -> int:
        """How many usable variants there are."""
        return len(self.list_models())

    def get_active_model_count(self) -> int:
        """How many usable variants are active."""
        return len(self.list_models(status="active"))

    def get_best_model(self, criteria: str = "balanced") -> Variant:
        """The best usable variant by "latency" (P95), "accuracy" (F1), "memory", or "balanced", as declared.

        Active variants come first, then experimental, then deprecated ones; within a status those that can run here,
        then those that declare the figure, then the better figure, then the lesser id. "balanced" is
        ½·0.05/(0.05 + 1 − F1) + ¼·3/(3 + P95 ms) + ¼·150/(150 + memory MB): each part is ½ at its gate. See
        docs/registry.md. Raises UsageError for another criterion, UnknownModelError where nothing is usable.
        """
        known = self._best
        found = known.get(criteria)
        if found is None:
            installed = Installed()

            def ready(variant: Variant) -> bool:
                problem = runtime_problem(variant, self._loaders, self._backend, installed=installed, most_named=1)
                return problem is None and not variant.missing

            found = best(self.list_models(), criteria, ready=ready)
            if found is None:
                raise UnknownModelError("holds no usable variant", file=self.models_dir, remedy="see its warnings")
            known[criteria] = found
        return found

    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Detector:
        """The detector of a variant, or of the best one by `criteria`: loaded at the first call, the same object then.

        Threads that ask for one variant at once load it once and share the outcome; different variants load side by
        side. A failed load is not remembered: the next call tries again. Raises UsageError where both are given,
        UnknownModelError, RuntimeMissingError that names what is not installed, and whatever `load_detector` raises.
        """
        found = self._detectors.get(model_id) if criteria is None else None
        if found is not None:
            return found
        if model_id is None:
            return self._load_once(self.get_best_model(criteria or "balanced").model_id)
        if criteria is not None:
            raise UsageError("is given beside a model_id", field="criteria", remedy="give one of the two")
        return self._load_once(model_id)

    def preload_models(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """Load detectors now: those of `ids`, or of all usable variants where it is None.

        Returns the failures, id → one line; {} where all are loaded. One failure does not stop the others.
        """
        failures = {}
        for model_id in [variant.model_id for variant in self.list_models()] if ids is None else list(ids):
            try:
                self.create_detector(model_id)
            except RaxeError as error:
                failures[model_id] = str(error)
            except Exception as error:  # noqa: BLE001  a loader of a user may raise anything
                failures[model_id] = one_line(f"{type(error).__name__}: {error}")
        return failures

    def validate_model(self, model_id: str, level: str = "basic") -> tuple[bool, list[str]]:
        """Whether a variant is in order, and what is wrong with it, one line each.

        "basic": the metadata holds to its schema, the bundle opens and its manifest is complete. "integrity": and every
        member and file has its declared checksum. "functional": and it loads, answers, and does so within
        target_latency_ms in one call of many (what a busy machine adds is no fault of the variant; latency checks judge
        the P95). From then on a variant that fails counts as experimental in this registry,
        until it passes. Raises UsageError for another level, UnknownModelError.
        """
        require_level(level)
        variant = self._catalog.variant(model_id)
        errors = basic_errors(variant)
        if level != "basic":
            known = {str(error) for error in errors}
            errors += [error for error in integrity_errors(variant) if str(error) not in known]
        if level == "functional" and not errors:
            errors = self._try(variant)
        if errors and not variant.problems:
            problem = RegistryError(f"failed its validation at level {level}", file=variant.metadata_path)
            variant = replace(variant, problems=(problem,))
        with self._lock:
            self._variants[model_id] = variant
            self._best = {}  # another one: a choice that is made meanwhile goes into the old one
        return not errors, [str(error) for error in errors]

    def compare_models(self, ids: Iterable[str] | None = None) -> pandas.DataFrame:
        """Declared figures and scores side by side: one row a variant, indexed by model_id; NaN for what is undeclared.

        ids: which ones, in this order; None for all usable ones. Raises UnknownModelError.
        """
        import pandas

        variants = self.list_models() if ids is None else [self.get_model(model_id) for model_id in ids]
        return pandas.DataFrame([comparison(v) for v in variants], columns=list(COLUMNS)).set_index("model_id")

    def _load(self, variant: Variant) -> Detector:
        problem = runtime_problem(variant, self._loaders, self._backend)
        if problem is not None:
            raise problem
        return self._loaders[variant.runtime or "onnx"](variant)

    def _load_once(self, model_id: str) -> Detector:
        with self._lock:
            found = self._detectors.get(model_id)
            if found is not None:
                return found
            outcome = self._loading.get(model_id)
            mine = outcome is None
            if outcome is None:
                outcome = self._loading[model_id] = Future()
        if not mine:
            return outcome.result()
        try:
            found = self._load(self.get_model(model_id))
        except BaseException as error:
            with self._lock:
                del self._loading[model_id]
            # An interrupt is meant for this thread; those that wait are only told that there is no detector.
            stopped = RegistryError("loading was interrupted", file=self.models_dir, field=model_id)
            outcome.set_exception(error if isinstance(error, Exception) else stopped)
            raise
        with self._lock:
            self._detectors[model_id] = found
            del self._loading[model_id]
        outcome.set_result(found)
        return found

    def _try(self, variant: Variant) -> list[RaxeError]:
        """What goes wrong when a variant is loaded afresh and asked, until a call is within its target."""
        where = variant.metadata_path or variant.bundle_path
        target, seconds = variant.metadata.performance.target_latency_ms, list[float]()
        try:
            detector = self._load(variant)
            while len(seconds) < _MOST_CALLS and sum(seconds) < _MOST_SECONDS:
                started = self._clock()
                score = detector.analyze(PROBE).metadata["score"]
                seconds.append(self._clock() - started)
                if target is None or 1e3 * seconds[-1] <= target:
                    break
        except RaxeError as error:
            return [error]
        except Exception as error:  # noqa: BLE001  a loader of a user may raise anything, and that is the finding
            return [RegistryError(f"does not answer: {type(error).__name__}: {error}", file=where)]
        if not isinstance(score, float) or not 0.0 <= score <= 1.0:
            return [RegistryError(f"answers with the score {score!r}, but should in 0..1", file=where)]
        least = 1e3 * min(seconds)
        if target is not None and least > target:
            problem = f"takes {least:.2f} ms at the quickest of {len(seconds)} calls, but its target is {target:g} ms"
            return [RegistryError(problem, file=where, field="performance.target_latency_ms")]
        return []


_shared: ModelRegistry | None = None
_shared_lock = threading.Lock()


def get_registry() -> ModelRegistry:
    """The process-wide registry, made at the first call: of RAXE_MODELS_DIR, or of `models` in the current folder.

    A failure (RegistryError) is not remembered; a later change of the variable or of the current folder is not seen.
    """
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = ModelRegistry()
        return _shared
