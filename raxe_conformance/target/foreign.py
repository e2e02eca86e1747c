"""Somebody else's registry as the target: what it must be able to do, and what it may claim beyond that.

The page for those who bring one is docs/registries.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from raxe_conformance.errors import MeasurementError, RaxeError, UsageError, nearest, one_line
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.target.function import Answer, FunctionDetector, read_answer
from raxe_conformance.target.named import find_callable
from raxe_conformance.target.protocol import Subject

MODEL_ID: Final = "registry"
OPTION: Final = "--raxe-registry"

# What a registry may claim beyond the protocol below, and what that means.
CAPABILITIES: Final[Mapping[str, str]] = {
    "bundles": "bundles without metadata are found, as experimental variants",
    "legacy": "bundles in the models folder itself are found, too",
    "degradation": "a broken file costs its own variant only: see §4 of the specification",
    "warnings": "registry.warnings says what discovery found wrong, a line each",
    "lookup": "get_model(id) gives what list_models gives of it",
    "filters": "list_models(status=…, runtime=…)",
    "counts": "get_model_count() and get_active_model_count()",
    "selection": "get_best_model(criteria): latency, accuracy, balanced, memory; active variants first",
    "laziness": "making it and listing read no weights",
    "loading": "create_detector loads bundles in the format of docs/bundle.md",
    "caching": "the second create_detector gives the same object",
    "threads": "64 threads that ask at once get one object a variant",
    "recovery": "a load that failed is tried again when it is asked for again",
    "validation": "validate_model(id, level) -> (ok, errors): basic, integrity, functional",
    "preload": "preload_models(ids) loads them then",
    "compare": "compare_models(ids) gives the declared figures, a row a variant",
    "results": "analyze gives an L2Result with the names of §5",
    "info": "detector.model_info is a mapping that names the variant",
    "families": "answers name the family of an attack",
    "batch": "detector.analyze_batch(texts) gives results in the order of the texts",
}


class ForeignRegistry(Protocol):
    """What every registry must be able to do. Whatever names a variant has model_id, status and runtime, as attributes
    or as keys; the methods of what it claims beyond that are those of §5 of the specification."""

    def list_models(self) -> Iterable[Any]:
        """The variants that can be asked for."""

    def has_model(self, model_id: str) -> bool:
        """Whether there is such a variant."""

    def create_detector(self, model_id: str) -> Any:
        """A detector with `analyze(text, l1_results)`. Raises where there is no such variant, or it does not load."""


_CORE: Final = ("list_models", "has_model", "create_detector")


@dataclass(frozen=True)
class Foreign:
    """A factory(models_dir) -> ForeignRegistry, as MODULE:FACTORY names it, and what its registries claim."""

    name: str
    make: Callable[[Path], Any]
    claims: frozenset[str]


def said(item: Any, field: str) -> Any:
    """A field of whatever describes a variant, attribute or key; None where it has none. Of an enum, the value."""
    found = item.get(field) if isinstance(item, Mapping) else getattr(item, field, None)
    return getattr(found, "value", found)


def answer_of(result: Any) -> Any:
    """A result as `read_answer` takes it: itself where its `metadata` has a score, else what its predictions say.

    The score is then the largest confidence, and 0 without predictions.
    """
    metadata = getattr(result, "metadata", None)
    if isinstance(metadata, Mapping) and "score" in metadata:
        return result
    predictions = getattr(result, "predictions", None)
    if predictions is None:
        return result
    family = metadata.get("family") if isinstance(metadata, Mapping) else None
    score = max((prediction.confidence for prediction in predictions), default=0.0)
    return {"score": score, "is_attack": bool(predictions), "family": family}


class ForeignDetector:
    """A foreign registry's detector, whose answers are read as those of any function are."""

    def __init__(self, name: str, detector: Any) -> None:
        self._detector = detector
        self._reader = FunctionDetector(name, lambda text: answer_of(detector.analyze(text, None)))

    def analyze(self, text: str) -> Answer:
        """Ask the detector. Raises MeasurementError where it raises, or answers what is no result."""
        return self._reader.analyze(text)


class BatchingDetector(ForeignDetector):
    """One that claims "batch"."""

    def analyze_batch(self, texts: Sequence[str]) -> list[Answer]:
        """Ask for all texts at once. Raises whatever the detector raises, MeasurementError for what is no result."""
        results = self._detector.analyze_batch(list(texts))
        return [read_answer("analyze_batch", answer_of(result)) for result in results]


def find_foreign(name: str, folder: Path) -> Foreign:
    """The factory MODULE:FACTORY and what it claims. `folder` is looked in for the module, too. Raises UsageError.

    Its attribute `capabilities` names what is claimed; without one, all of it is.
    """
    factory = find_callable(
        name, folder, option=OPTION, kind="factory", example="mine:Registry", takes="a models folder"
    )
    claims = getattr(factory, "capabilities", None)
    if claims is None:
        return Foreign(name, factory, frozenset(CAPABILITIES))
    where = f"{OPTION} {name}"
    if isinstance(claims, str) or not isinstance(claims, Collection):
        raise UsageError(
            f"its capabilities are a {type(claims).__name__}",
            field=where, remedy="make them a set of names: see docs/registries.md",
        )  # fmt: skip
    for claim in claims:
        if claim not in CAPABILITIES:
            near = ", ".join(nearest(str(claim), list(CAPABILITIES)))
            raise UsageError(f"there is no capability {claim!r}", field=where, remedy=f"did you mean {near}?")
    return Foreign(name, factory, frozenset(claims))


def make_registry(foreign: Foreign, models: Path) -> Any:
    """A registry of a models folder. Raises UsageError where the factory raises, or gives what is no registry."""
    where = f"{OPTION} {foreign.name}"
    try:
        registry = foreign.make(models)
    except Exception as error:
        raise UsageError(
            f"the factory raised {type(error).__name__}: {one_line(error, 200)}",
            field=where, remedy="it is called with the models folder, a path",
        ) from error  # fmt: skip
    lacking = [method for method in _CORE if not callable(getattr(registry, method, None))]
    if lacking:
        raise UsageError(
            f"gives a {type(registry).__name__} without {', '.join(lacking)}",
            field=where, remedy="every registry needs these: see docs/registries.md",
        )  # fmt: skip
    return registry


def load_foreign(foreign: Foreign, models: Path, model_id: str) -> ForeignDetector:
    """The detector of one variant. Raises MeasurementError for whatever the registry raises, UsageError."""
    registry = make_registry(foreign, models)
    try:
        detector = registry.create_detector(model_id)
    except Exception as error:
        if isinstance(error, RaxeError):
            raise
        raise MeasurementError(
            f"create_detector raised {type(error).__name__}: {one_line(error, 200)}", field=model_id
        ) from error
    kind = BatchingDetector if "batch" in foreign.claims else ForeignDetector
    return kind(f"the detector of {model_id}", detector)


def foreign_subjects(name: str, folder: Path, models: Path) -> list[Subject]:
    """The registry itself, as the subject `registry`, and every variant that it lists in the models folder.

    Where there is no such folder there are no variants: the registry is judged on folders of the suite's own. Raises
    UsageError where there is no such factory, or where it makes no registry.
    """
    foreign = find_foreign(name, folder)
    again = {"kind": "foreign", "name": name, "folder": str(folder), "models": str(models)}
    subjects = [Subject(MODEL_ID, None, _no_detector, again, foreign=foreign)]
    if not models.is_dir():
        with tempfile.TemporaryDirectory() as empty:
            for part in ("metadata", "bundles", "embeddings"):
                Path(empty, part).mkdir()
            make_registry(foreign, Path(empty))
        return subjects
    registry = make_registry(foreign, models)
    try:
        ids = [said(item, "model_id") for item in registry.list_models()]
    except Exception as error:
        raise UsageError(
            f"list_models raised {type(error).__name__}: {one_line(error, 200)}", field=f"{OPTION} {name}"
        ) from error
    strange = [model_id for model_id in ids if not isinstance(model_id, str) or not model_id or "/" in model_id]
    if strange or MODEL_ID in ids:
        named = MODEL_ID if not strange else one_line(repr(strange[0]), 80)
        raise UsageError(f"lists a variant with the id {named}", field=f"{OPTION} {name}", remedy="give it another id")
    known = {variant.model_id: variant for variant in Catalog(models).variants}
    for model_id in ids:
        load = partial(load_foreign, foreign, models, model_id)
        subjects.append(Subject(model_id, known.get(model_id), load, {**again, "model_id": model_id}, foreign=foreign))
    return subjects


def foreign_again(target: Mapping[str, Any]) -> ForeignDetector:
    """The detector of a subject's `again`, in another process. Raises as `load_foreign` does."""
    foreign = find_foreign(target["name"], Path(target["folder"]))
    return load_foreign(foreign, Path(target["models"]), target["model_id"])


def _no_detector() -> ForeignDetector:
    raise MeasurementError("a registry is no detector", remedy="judge its variants: --raxe-models DIR")
