"""The registry API of the specification: discovery, metadata, selection, validation, comparison."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meta_tests.registry.support import full_metadata, write_metadata
from meta_tests.support.toy import BUNDLE, EVIL, MODEL_ID, ONNX, Toy
from raxe_conformance import Detector, L2Result, ModelRegistry, model_registry
from raxe_conformance.errors import (
    ChecksumError,
    EmbeddingNotBuiltError,
    MissingFileError,
    RegistryError,
    RuntimeMissingError,
    UnknownModelError,
    UsageError,
)


def add(toy: Toy, model_id: str, **changes: dict[str, Any] | str) -> None:
    """Another variant on the toy's files."""
    value = toy.read() | {"model_id": model_id, "variant": model_id.partition("_")[2]}
    for key, change in changes.items():
        value[key] = value.get(key, {}) | change if isinstance(change, dict) else change
    write_metadata(toy.models, value)


def test_discovery(toy: Toy) -> None:
    add(toy, "v1.1_toy_int8", status="active")
    registry = ModelRegistry(toy.models)
    assert [variant.model_id for variant in registry.list_models()] == [MODEL_ID, "v1.1_toy_int8"]
    assert registry.get_model_count() == 2
    assert registry.get_active_model_count() == 1
    assert registry.warnings == []
    assert registry.models_dir == toy.models


def test_metadata_loading(toy: Toy) -> None:
    variant = ModelRegistry(toy.models).get_model(MODEL_ID)
    assert (variant.model_id, variant.name, variant.version) == (MODEL_ID, "Toy", "1.0.0")
    assert (variant.status, variant.runtime) == ("experimental", "onnx_int8")
    assert variant.metadata.ml_config.embedding_dimension == toy.read()["ml_config"]["embedding_dimension"]
    assert variant.metadata.to_dict() == toy.read()
    assert variant.files() == {
        "metadata": toy.metadata, "bundle": toy.bundle, "embeddings": toy.onnx, "tokenizer": toy.tokenizer,
    }  # fmt: skip


def test_there_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="does not exist"):
        ModelRegistry(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(RegistryError, match="is no folder"):
        ModelRegistry(tmp_path / "file")


def test_an_empty_folder_is_an_empty_registry(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    assert registry.list_models() == []
    assert registry.get_model_count() == registry.get_active_model_count() == 0
    assert registry.preload_models() == {}
    assert len(registry.compare_models()) == 0
    with pytest.raises(UnknownModelError, match="no usable variant"):
        registry.create_detector()


def test_listing_by_status_and_runtime(toy: Toy) -> None:
    add(toy, "v1.1_a", status="active", requirements={"runtime": "pytorch"})
    add(toy, "v1.2_b", status="deprecated")
    registry = ModelRegistry(toy.models)
    assert [v.model_id for v in registry.list_models(status="active")] == ["v1.1_a"]
    assert [v.model_id for v in registry.list_models(runtime="onnx_int8")] == [MODEL_ID, "v1.2_b"]
    assert registry.list_models(status="active", runtime="onnx_int8") == []
    with pytest.raises(UsageError, match="use one of active, experimental, deprecated"):
        registry.list_models(status="Active")


def test_an_unknown_id_names_the_near_ones(toy: Toy) -> None:
    registry = ModelRegistry(toy.models)
    assert registry.has_model(MODEL_ID)
    assert not registry.has_model("v1.0_toy_int")
    with pytest.raises(UnknownModelError, match=f"did you mean {MODEL_ID}"):
        registry.get_model("v1.0_toy_int")


def test_a_missing_bundle_is_skipped_with_a_warning(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    add(toy, "v2.0_gone_int8", file_info={"filename": "raxe_model_l2_v2.0.raxe"})
    with caplog.at_level(logging.WARNING, logger="raxe_conformance"):
        registry = ModelRegistry(toy.models)
    assert [v.model_id for v in registry.list_models()] == [MODEL_ID]
    assert not registry.has_model("v2.0_gone_int8")
    assert len(registry.warnings) == 1
    assert "raxe_model_l2_v2.0.raxe" in registry.warnings[0]
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # one report, not one for each
    with pytest.raises(MissingFileError, match="the bundle does not exist; build it"):
        registry.create_detector("v2.0_gone_int8")


def test_a_missing_embedding_model_says_how_to_build_it(toy: Toy) -> None:
    toy.onnx.unlink()
    registry = ModelRegistry(toy.models)
    assert registry.has_model(MODEL_ID)
    with pytest.raises(EmbeddingNotBuiltError, match=f"{ONNX}.*run: raxe-conformance build {MODEL_ID}"):
        registry.create_detector(MODEL_ID)


def test_model_selection(toy: Toy) -> None:
    """By each criterion, active variants first; see test_select.py for the formulas."""
    add(toy, "v1.0_small", status="active", performance={"p95_latency_ms": 2.5, "memory_mb": 50.0},
        accuracy={"binary_f1": 0.951})  # fmt: skip
    add(toy, "v1.0_quick", status="active", performance={"p95_latency_ms": 0.5, "memory_mb": 190.0},
        accuracy={"binary_f1": 0.952})  # fmt: skip
    add(toy, "v1.0_right", status="active", performance={"p95_latency_ms": 2.9, "memory_mb": 190.0},
        accuracy={"binary_f1": 0.999})  # fmt: skip
    add(toy, "v1.0_best", performance={"p95_latency_ms": 0.1, "memory_mb": 1.0}, accuracy={"binary_f1": 1.0})
    registry = ModelRegistry(toy.models)
    best = {name: registry.get_best_model(name).model_id for name in ("latency", "accuracy", "memory", "balanced")}
    assert best == {
        "latency": "v1.0_quick", "accuracy": "v1.0_right", "memory": "v1.0_small", "balanced": "v1.0_right",
    }  # fmt: skip
    assert registry.get_best_model().model_id == "v1.0_right"
    assert registry.create_detector(criteria="latency") is registry.create_detector("v1.0_quick")
    assert registry.create_detector() is registry.create_detector("v1.0_right")
    with pytest.raises(UsageError, match="use one of latency, accuracy, balanced, memory"):
        registry.get_best_model("speed")
    with pytest.raises(UsageError, match="give one of the two"):
        registry.create_detector("v1.0_quick", "latency")


def test_what_cannot_run_here_is_chosen_last_within_its_status(toy: Toy) -> None:
    figures = {"performance": {"p95_latency_ms": 0.1}}
    add(toy, "v1.0_torch", status="active", requirements={"runtime": "pytorch"}, **figures)
    add(toy, "v1.0_unbuilt", status="active", file_info={"onnx_embeddings": "none.onnx"}, **figures)
    add(toy, "v1.0_here", status="active", performance={"p95_latency_ms": 2.0})
    assert ModelRegistry(toy.models).get_best_model("latency").model_id == "v1.0_here"


def test_old_callers_keep_working(toy: Toy) -> None:
    add(toy, "v1.0_onnx_int8")
    detector = ModelRegistry(toy.models).create_detector("v1.0_onnx_int8")
    result = detector.analyze(f"please {EVIL['PI']}", {"matches": []})
    assert isinstance(result, L2Result)
    assert result.has_predictions
    assert detector.model_info["model_id"] == "v1.0_onnx_int8"


@pytest.mark.parametrize("runtime", ["pytorch", "tensorflow", "tensorrt", "custom"])
def test_a_runtime_that_is_not_there_is_listed_and_refused(toy: Toy, runtime: str) -> None:
    add(toy, "v1.0_other", requirements={"runtime": runtime})
    registry = ModelRegistry(toy.models)
    assert [v.model_id for v in registry.list_models(runtime=runtime)] == ["v1.0_other"]
    with pytest.raises(RuntimeMissingError, match=runtime) as refused:
        registry.create_detector("v1.0_other")
    assert refused.value.file == str(toy.models / "metadata" / "v1.0_other.json")
    if runtime in ("tensorflow", "tensorrt"):
        assert "is not installed" in str(refused.value)


@pytest.mark.parametrize(
    ("needs", "named"),
    [
        ({"additional_dependencies": ["numpy>=1.26", "no-such-project>=2"]}, "no-such-project"),
        ({"min_runtime_version": "99.0"}, "onnxruntime 99.0"),
        ({"requires_gpu": True}, "GPU"),
    ],
)
def test_requirements_that_are_not_met_are_named(toy: Toy, needs: dict[str, Any], named: str) -> None:
    add(toy, "v1.0_other", requirements=needs)
    with pytest.raises(RuntimeMissingError, match=named):
        ModelRegistry(toy.models).create_detector("v1.0_other")


def test_a_loader_of_ones_own_serves_another_runtime(toy: Toy) -> None:
    add(toy, "v1.0_other", requirements={"runtime": "custom"})
    plain = ModelRegistry(toy.models)
    detector = plain.create_detector(MODEL_ID)
    registry = ModelRegistry(toy.models, loaders={"custom": lambda variant: detector})
    assert registry.create_detector("v1.0_other") is detector
    assert registry.create_detector(MODEL_ID) is not detector


def test_a_wrong_checksum_is_refused_at_load(toy: Toy) -> None:
    add(toy, "v1.0_other", file_info={"onnx_embeddings_checksum": "sha256:" + "0" * 64})
    with pytest.raises(ChecksumError, match="onnx_embeddings_checksum"):
        ModelRegistry(toy.models).create_detector("v1.0_other")


def test_validation(toy: Toy) -> None:
    registry = ModelRegistry(toy.models)
    for level in ("basic", "integrity", "functional"):
        assert registry.validate_model(MODEL_ID, level) == (True, []), level
    with pytest.raises(UsageError, match="use one of basic, integrity, functional"):
        registry.validate_model(MODEL_ID, "deep")
    with pytest.raises(UnknownModelError):
        registry.validate_model("nothing", "basic")


def test_each_level_finds_what_the_one_before_does_not(toy: Toy) -> None:
    registry = ModelRegistry(toy.models)
    toy.onnx.write_bytes(b"no model")
    assert registry.validate_model(MODEL_ID, "basic") == (True, [])
    ok, errors = registry.validate_model(MODEL_ID, "integrity")
    assert not ok
    assert ["onnx_embeddings_checksum" in error for error in errors] == [True]
    toy.declare_files()
    registry = ModelRegistry(toy.models)
    assert registry.validate_model(MODEL_ID, "integrity") == (True, [])
    ok, errors = registry.validate_model(MODEL_ID, "functional")
    assert not ok
    assert ONNX in errors[0]


@pytest.mark.parametrize(
    ("change", "level", "said"),
    [
        (lambda toy: toy.bundle.unlink(), "basic", "does not exist"),
        (lambda toy: toy.bundle.write_bytes(b"PK"), "basic", "is no"),
        (lambda toy: toy.write(toy.read() | {"version": "one"}), "basic", "version"),
        (lambda toy: toy.write({**toy.read(), "accuracy": {"binary_f1": 2}}), "basic", "accuracy.binary_f1"),
        (lambda toy: toy.tokenizer.unlink(), "integrity", "raxe-conformance build"),
        (lambda toy: toy.onnx.unlink(), "integrity", "raxe-conformance build"),
    ],
)
def test_validation_says_what_is_wrong(toy: Toy, change: Any, level: str, said: str) -> None:
    change(toy)
    ok, errors = ModelRegistry(toy.models).validate_model(MODEL_ID, level)
    assert not ok
    assert any(said in error for error in errors), errors
    assert all("\n" not in error for error in errors)


def test_latency_beyond_the_target_fails_the_functional_level(toy: Toy) -> None:
    ticks = iter(range(10**6))
    registry = ModelRegistry(toy.models, clock=lambda: next(ticks) * 0.004)
    ok, errors = registry.validate_model(MODEL_ID, "functional")
    assert not ok
    assert "takes 4.00 ms at the quickest of 30 calls, but its target is 3 ms" in errors[0]


def test_a_variant_that_fails_its_validation_counts_as_experimental(toy: Toy) -> None:
    add(toy, "v1.0_a", status="active")
    registry = ModelRegistry(toy.models)
    whole = toy.bundle.read_bytes()
    toy.bundle.write_bytes(whole[:-5])
    assert not registry.validate_model("v1.0_a", "basic")[0]
    assert registry.get_model("v1.0_a").status == "experimental"
    assert registry.get_active_model_count() == 0
    toy.bundle.write_bytes(whole)
    assert registry.validate_model("v1.0_a", "basic")[0]
    assert registry.get_model("v1.0_a").status == "active"


def test_preloading(toy: Toy) -> None:
    add(toy, "v1.0_a", status="active")
    add(toy, "v1.0_b", requirements={"runtime": "pytorch"})
    registry = ModelRegistry(toy.models)
    assert registry.preload_models(["v1.0_a", "nothing"]).keys() == {"nothing"}
    assert set(registry._detectors) == {"v1.0_a"}
    failures = registry.preload_models()
    assert set(failures) == {"v1.0_b"}
    assert "pytorch" in failures["v1.0_b"]
    assert set(registry._detectors) == {"v1.0_a", MODEL_ID}


def test_comparison(toy: Toy) -> None:
    write_metadata(toy.models, full_metadata("v1.0_full") | {"file_info": {"filename": BUNDLE, "size_mb": 2.0}})
    frame = ModelRegistry(toy.models).compare_models()
    assert list(frame.index) == ["v1.0_full", MODEL_ID]
    assert frame.loc["v1.0_full", "size_mb"] == 2.0
    assert frame["p95_latency_ms"].dtype == np.float64
    assert np.isnan(frame.loc[MODEL_ID, "p95_latency_ms"])
    assert np.isnan(frame.loc[MODEL_ID, "balanced_score"])
    assert 0 < frame.loc["v1.0_full", "balanced_score"] < 1
    again = ModelRegistry(toy.models).compare_models([MODEL_ID, "v1.0_full"])
    assert list(again.index) == [MODEL_ID, "v1.0_full"]
    with pytest.raises(UnknownModelError):
        ModelRegistry(toy.models).compare_models(["nothing"])


def test_completed_metadata(toy: Toy) -> None:
    value = toy.read()
    del value["file_info"]["checksum"]
    toy.write(value)
    registry = ModelRegistry(toy.models)
    assert registry.get_model(MODEL_ID).metadata.file_info.checksum is None
    completed = registry.complete_metadata(MODEL_ID)
    assert completed.file_info.checksum is not None
    assert completed.requirements.additional_dependencies


def test_the_folder_comes_from_the_environment(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAXE_MODELS_DIR", str(toy.models))
    assert ModelRegistry().has_model(MODEL_ID)
    monkeypatch.delenv("RAXE_MODELS_DIR")
    monkeypatch.chdir(toy.models.parent)
    assert ModelRegistry().has_model(MODEL_ID)
    assert ModelRegistry().models_dir == Path("models")


def test_one_registry_for_the_process(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_registry, "_shared", None)
    monkeypatch.setenv("RAXE_MODELS_DIR", str(tmp_path / "none"))
    with pytest.raises(RegistryError):
        model_registry.get_registry()
    monkeypatch.setenv("RAXE_MODELS_DIR", str(toy.models))
    registry = model_registry.get_registry()
    assert registry.has_model(MODEL_ID)
    assert model_registry.get_registry() is registry


def test_starting_reads_no_weights(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = os.open

    def spy(path: Any, *args: Any, **kwargs: Any) -> int:
        opened.append(os.fspath(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", spy)
    registry = ModelRegistry(toy.models)
    registry.list_models(status="active")
    registry.get_best_model()
    assert {Path(path).suffix for path in opened} == {".json"}
    detector: Detector = registry.create_detector(MODEL_ID)
    assert {Path(path).suffix for path in opened} == {".json", ".raxe", ".onnx"}
    assert detector.model_info
