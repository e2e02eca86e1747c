"""A foreign registry's detectors, read as those of any function are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meta_tests.support.toy import EVIL, MODEL_ID, Toy
from raxe_conformance.errors import ChecksumError, MeasurementError, UsageError
from raxe_conformance.target.again import load_again
from raxe_conformance.target.foreign import (
    CAPABILITIES,
    Foreign,
    ForeignDetector,
    answer_of,
    foreign_subjects,
    load_foreign,
    said,
)
from raxe_conformance.target.function import read_answer
from raxe_conformance.target.shipped import shipped_registry

FOLDER = Path(__file__).parents[1] / "foreign"
OURS = "raxe_conformance.target.shipped:shipped_registry"


def foreign(make: Any, *claims: str) -> Foreign:
    return Foreign("mine:make", make, frozenset(claims))


def scored(result: Any) -> tuple[float, bool, str | None]:
    metadata = read_answer("it", answer_of(result)).metadata
    return metadata["score"], metadata["is_attack"], metadata["family"]


def test_a_score_in_the_metadata_counts() -> None:
    result = SimpleNamespace(metadata={"score": 0.2, "is_attack": True, "family": "PI"}, predictions=[])
    assert scored(result) == (0.2, True, "PI")


def test_without_one_the_predictions_do() -> None:
    some = SimpleNamespace(predictions=[SimpleNamespace(confidence=c) for c in (0.3, 0.4)], metadata={"family": "JB"})
    assert scored(some) == (0.4, True, "JB")
    assert scored(SimpleNamespace(predictions=[], metadata=None)) == (0.0, False, None)


def test_what_has_neither_is_no_answer() -> None:
    with pytest.raises(MeasurementError, match="answered namespace"):
        scored(SimpleNamespace(confidence=0.5))


def test_fields_are_attributes_or_keys_and_enums_their_values() -> None:
    assert said({"status": "active"}, "status") == said(SimpleNamespace(status="active"), "status") == "active"
    assert said(SimpleNamespace(status=SimpleNamespace(value="active")), "status") == "active"
    assert said({}, "status") is None


def test_a_detector_that_raises_is_evidence() -> None:
    def fail(text: str, l1_results: Any) -> Any:
        raise KeyError(text)

    with pytest.raises(MeasurementError, match="raised KeyError"):
        ForeignDetector("it", SimpleNamespace(analyze=fail)).analyze("a text")


def test_batches_are_there_where_they_are_claimed(toy: Toy) -> None:
    plain = load_foreign(foreign(shipped_registry), toy.models, MODEL_ID)
    batching: Any = load_foreign(foreign(shipped_registry, "batch"), toy.models, MODEL_ID)
    assert not hasattr(plain, "analyze_batch")
    texts = [EVIL["PI"], "weather"]
    assert [a.metadata["score"] for a in batching.analyze_batch(texts)] == [
        plain.analyze(text).metadata["score"] for text in texts
    ]


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ValueError("no\nsuch file"), MeasurementError, "create_detector raised ValueError: no such file"),
        (ChecksumError("is another file"), ChecksumError, "is another file"),
    ],
)
def test_a_load_that_fails_is_an_expected_error(error: Exception, kind: type[Exception], text: str) -> None:
    class Failing:
        def list_models(self) -> list[Any]:
            return []

        def has_model(self, model_id: str) -> bool:
            return True

        def create_detector(self, model_id: str) -> Any:
            raise error

    with pytest.raises(kind, match=text):
        load_foreign(foreign(lambda models: Failing()), Path(), "m")


def test_subjects_are_the_registry_and_its_variants(toy: Toy) -> None:
    registry, variant = foreign_subjects(OURS, FOLDER, toy.models)
    assert (registry.model_id, registry.variant) == ("registry", None)
    assert variant.model_id == MODEL_ID
    assert variant.files.bundle_path == toy.bundle.resolve()
    assert variant.foreign is not None
    assert variant.foreign.claims == CAPABILITIES.keys()
    assert load_again(variant.again).analyze(EVIL["PI"]).metadata["is_attack"]
    with pytest.raises(MeasurementError, match="no detector"):
        registry.load()


def test_without_a_folder_there_is_only_the_registry(tmp_path: Path) -> None:
    assert [subject.model_id for subject in foreign_subjects(OURS, FOLDER, tmp_path / "nowhere")] == ["registry"]


@pytest.mark.parametrize("model_id", ["registry", "", "../x", None])
def test_ids_that_cannot_be_reported_are_refused(
    model_id: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"strange_{len(str(model_id))}.py").write_text(
        "class Registry:\n"
        "    def __init__(self, models): pass\n"
        f"    def list_models(self): return [{{'model_id': {model_id!r}}}]\n"
        "    def has_model(self, model_id): return True\n"
        "    def create_detector(self, model_id): return None\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="lists a variant with the id"):
        foreign_subjects(f"strange_{len(str(model_id))}:Registry", tmp_path, tmp_path)
