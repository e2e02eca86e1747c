"""Our own registry with one seeded defect each: what the registry checks are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from raxe_conformance.errors import EmbeddingNotBuiltError, RaxeError
from raxe_conformance.measure.scratch import OLDER, SWIFT, TORN, WORSE
from raxe_conformance.registry.variant import Origin, Variant
from raxe_conformance.target.shipped import shipped_registry


class Altered:
    """Our own registry. A method that a subclass replaces is only replaced for those who call it from outside."""

    def __init__(self, models: Path) -> None:
        self.models, self.ours = models, shipped_registry(models)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ours, name)


class Forgetful(Altered):
    """Loads a detector at every call."""

    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        return shipped_registry(self.models).create_detector(model_id, criteria)


class Unlisting(Altered):
    """Leaves out of an unfiltered list what `left_out` says."""

    def left_out(self, variant: Variant) -> bool:
        raise NotImplementedError

    def list_models(self, status: str | None = None, runtime: str | None = None) -> list[Variant]:
        found = self.ours.list_models(status, runtime)
        return found if status or runtime else [variant for variant in found if not self.left_out(variant)]


class HidesDeprecated(Unlisting):
    def left_out(self, variant: Variant) -> bool:
        return variant.status == "deprecated"


class HidesBundles(Unlisting):
    def left_out(self, variant: Variant) -> bool:
        return variant.origin is Origin.BUNDLE


class HidesLegacy(Unlisting):
    def left_out(self, variant: Variant) -> bool:
        return variant.origin is Origin.LEGACY


class HidesTorn(Unlisting):
    def left_out(self, variant: Variant) -> bool:
        return variant.model_id == TORN.model_id


class OffersLost(Altered):
    def has_model(self, model_id: str) -> bool:
        return (self.models / "metadata" / f"{model_id}.json").exists()


class SaysNothing(Altered):
    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        try:
            return self.ours.create_detector(model_id, criteria)
        except EmbeddingNotBuiltError:
            raise RuntimeError("the model could not be loaded") from None


class WarnsOnce(Altered):
    @property
    def warnings(self) -> list[str]:
        return self.ours.warnings[:1]


class Eager(Altered):
    def __init__(self, models: Path) -> None:
        super().__init__(models)
        for file in (models / "embeddings").glob("*.onnx"):
            file.read_bytes()


class OtherStatus(Altered):
    def get_model(self, model_id: str) -> Any:
        found = self.ours.get_model(model_id)
        return SimpleNamespace(model_id=found.model_id, status="experimental", runtime=found.runtime)


class NoRuntimeFilter(Altered):
    def list_models(self, status: str | None = None, runtime: str | None = None) -> list[Variant]:
        return self.ours.list_models(status)


class CountsExperimental(Altered):
    def get_active_model_count(self) -> int:
        return sum(variant.status != "deprecated" for variant in self.ours.list_models())


class Selecting(Altered):
    """Selects in its own way."""

    def best(self, criteria: str) -> Variant:
        raise NotImplementedError

    def get_best_model(self, criteria: str = "balanced") -> Variant:
        self.ours.get_best_model(criteria)  # which raises for what is no criterion
        return self.best(criteria)

    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        return self.ours.create_detector(model_id or self.best(criteria or "balanced").model_id)


class ByAccuracy(Selecting):
    def best(self, criteria: str) -> Variant:
        return self.ours.get_best_model("accuracy")


class ByFigures(Selecting):
    def best(self, criteria: str) -> Variant:
        """The variant that declares the best figures of all in the folder of the questions about selection."""
        return self.ours.get_model(OLDER.model_id)


class ChecksumBlind(Altered):
    def validate_model(self, model_id: str, level: str = "basic") -> tuple[bool, list[str]]:
        errors = [error for error in self.ours.validate_model(model_id, level)[1] if "checksum" not in error]
        return not errors, errors


class KeepsStatus(Altered):
    def validate_model(self, model_id: str, level: str = "basic") -> tuple[bool, list[str]]:
        return shipped_registry(self.models).validate_model(model_id, level)


class ComparesLess(Altered):
    def compare_models(self, ids: Iterable[str] | None = None) -> Any:
        return self.ours.compare_models(ids).drop(columns=["memory_mb"])


class Confuses(Altered):
    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        return self.ours.create_detector(SWIFT.model_id if model_id == WORSE.model_id else model_id, criteria)


class FastestAlways(Altered):
    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        return self.ours.create_detector(model_id, "latency" if model_id is None else None)


class PutsOff(Altered):
    def preload_models(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        return {}


class TiresOfWaiting(Altered):
    """Loads anew at the ninth call for a variant."""

    def __init__(self, models: Path) -> None:
        super().__init__(models)
        self._calls: Counter[str | None] = Counter()

    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        self._calls[model_id] += 1
        registry = shipped_registry(self.models) if self._calls[model_id] == 9 else self.ours
        return registry.create_detector(model_id, criteria)


class Grudging(Altered):
    def __init__(self, models: Path) -> None:
        super().__init__(models)
        self._failed: dict[str | None, RaxeError] = {}

    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        if model_id in self._failed:
            raise self._failed[model_id]
        try:
            return self.ours.create_detector(model_id, criteria)
        except RaxeError as error:
            self._failed[model_id] = error
            raise


class Changed:
    """An object with some attributes replaced."""

    def __init__(self, of: Any, **changes: Any) -> None:
        self.__dict__.update(changes, _of=of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


class Rewording(Altered):
    """Changes its detectors by `change`."""

    def __init__(self, models: Path) -> None:
        super().__init__(models)
        self._changed: dict[int, Any] = {}

    def change(self, detector: Any) -> Any:
        raise NotImplementedError

    def create_detector(self, model_id: str | None = None, criteria: str | None = None) -> Any:
        found = self.ours.create_detector(model_id, criteria)
        return self._changed.setdefault(id(found), self.change(found))


class CountsNone(Rewording):
    def change(self, detector: Any) -> Any:
        return Changed(detector, analyze=lambda *a, **k: Changed(detector.analyze(*a, **k), prediction_count=0))


class InPercent(Rewording):
    def change(self, detector: Any) -> Any:
        def analyze(*args: Any, **named: Any) -> Any:
            result = detector.analyze(*args, **named)
            percent = [Changed(p, confidence=100.0 * p.confidence) for p in result.predictions]
            return Changed(result, predictions=percent, highest_confidence=100.0 * result.highest_confidence)

        return Changed(detector, analyze=analyze)


class Silent(Rewording):
    def change(self, detector: Any) -> Any:
        return Changed(detector, model_info={})
