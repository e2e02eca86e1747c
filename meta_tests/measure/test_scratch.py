"""The folders that the suite makes: real files, in order where they should be, and broken where they should be."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance import ModelRegistry
from raxe_conformance.measure import scratch
from raxe_conformance.measure.scratch_onnx import chain_model, lookup_model
from raxe_conformance.schemas import METADATA, violations


@settings(deadline=None)  # the first example imports onnx
@given(words=st.integers(1, 200), width=st.integers(1, 40))
def test_the_model_written_by_hand_is_what_the_onnx_package_reads(words: int, width: int) -> None:
    onnx = pytest.importorskip("onnx")
    table = np.arange(words * width, dtype=np.float32).reshape(words, width)
    model = onnx.load_from_string(lookup_model(table))
    onnx.checker.check_model(model)
    assert model.opset_import[0].version == 17
    assert [value.name for value in model.graph.input] == ["input_ids", "attention_mask"]
    assert (onnx.numpy_helper.to_array(model.graph.initializer[0]) == table).all()


def test_it_looks_words_up_and_masks_them() -> None:
    import onnxruntime

    table = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    session = onnxruntime.InferenceSession(lookup_model(table))
    ids, mask = np.array([[1, 0, 1]], dtype=np.int64), np.array([[1, 1, 0]], dtype=np.int64)
    [hidden] = session.run(None, {"input_ids": ids, "attention_mask": mask})
    assert hidden.tolist() == [[[3.0, 4.0], [1.0, 2.0], [0.0, 0.0]]]


@pytest.mark.parametrize("layers", [1, 3])
def test_a_chain_multiplies_by_the_same_weights_again_and_again(layers: int) -> None:
    import onnxruntime

    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(chain_model(8, layers, 4))
    onnx.checker.check_model(model)
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0])
    x = expected = np.arange(32, dtype=np.float32).reshape(4, 8)
    for _ in range(layers):
        expected = np.maximum(expected @ weights, 0.0)
    [y] = onnxruntime.InferenceSession(chain_model(8, layers, 4)).run(None, {"x": x})
    assert np.allclose(y, expected, rtol=1e-5)


def test_scores_are_those_that_are_worked_out(tmp_path: Path) -> None:
    registry = ModelRegistry(scratch.make_whole(tmp_path / "models"))
    for variant in scratch.ALL:
        detector = registry.create_detector(variant.model_id)
        assert math.isclose(detector.analyze(scratch.ATTACK).metadata["score"], variant.score, abs_tol=1e-5)
        assert not detector.analyze(scratch.HARMLESS).metadata["is_attack"]


def test_scores_tell_variants_apart_and_are_all_of_attacks() -> None:
    scores = sorted(variant.score for variant in (*scratch.ALL, scratch.TORN))
    assert scores[0] > 0.5
    assert min(b - a for a, b in pairwise(scores)) > 0.01


def test_metadata_hold_to_the_schema() -> None:
    for variant in (*scratch.ALL, scratch.TORN, scratch.HOLLOW):
        assert list(violations(METADATA, scratch.metadata_of(variant))) == []


def test_every_criterion_has_another_best_active_variant() -> None:
    active = [variant for variant in scratch.ALL if variant.status == "active"]
    assert min(active, key=lambda v: v.p95_ms) is scratch.SWIFT
    assert max(active, key=lambda v: v.binary_f1) is scratch.EXACT
    assert min(active, key=lambda v: v.memory_mb) is scratch.SMALL
    for other in (scratch.SWIFT, scratch.EXACT, scratch.SMALL):
        assert other.p95_ms < scratch.WORSE.p95_ms
        assert other.binary_f1 > scratch.WORSE.binary_f1
        assert other.memory_mb < scratch.WORSE.memory_mb


def test_broken_folders_are_broken_as_they_say(tmp_path: Path) -> None:
    broken = scratch.make_broken(tmp_path / "broken")
    with pytest.raises(json.JSONDecodeError):
        json.loads((broken / "metadata" / f"{scratch.TORN.model_id}.json").read_text(encoding="utf-8"))
    assert (broken / "bundles" / scratch.TORN.bundle).exists()
    assert not (broken / "bundles" / scratch.LOST.bundle).exists()
    assert not (broken / "embeddings" / scratch.BLIND.embeddings).exists()


def test_the_same_folder_comes_out_each_time(tmp_path: Path) -> None:
    first, second = (scratch.make_whole(tmp_path / name) for name in ("a", "b"))
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 1 + 6 + 1 + 6
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
