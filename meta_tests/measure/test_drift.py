"""Embeddings beside those in float32: where the reference is looked for, and what is made of the two."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, SPACE, Toy
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.drift import measure_drift, reference_path
from raxe_conformance.measure.evidence import evidence_from_json, evidence_to_json
from raxe_conformance.measure.sampling import Sample
from raxe_conformance.registry.variant import Variant
from raxe_conformance.target.shipped import shipped_with

SAMPLE = Sample(["a", "b", "c"], ["one", "two", ""], [0.9, 0.1, 0.0], [True, False, False])


def shows(angles: dict[str, list[float]], scores: dict[str, float] | None = None) -> Any:
    """A detector whose embeddings are unit vectors of the plane at these angles, a window each."""

    def embed(text: str) -> Any:
        return np.array([[np.cos(a), np.sin(a)] for a in angles[text]], dtype=np.float32).reshape(-1, 2)

    def analyze(text: str) -> Any:
        score = (scores or {})[text]
        return SimpleNamespace(metadata={"score": score, "is_attack": score >= 0.5})

    return SimpleNamespace(embedder=SimpleNamespace(embed=embed), analyze=analyze)


def test_the_cosine_of_a_text_is_the_least_of_its_windows() -> None:
    ours = shows({"one": [0.0, 0.0], "two": [1.0], "": []})
    theirs = shows({"one": [0.1, 0.5], "two": [1.0], "": []}, {"one": 0.4, "two": 0.1, "": 0.0})
    found = measure_drift(ours, theirs, SAMPLE, "embeddings/x_fp32.onnx")
    assert found.cosines == pytest.approx([np.cos(0.5), 1.0], abs=1e-6)
    assert found.decisions.flipped == ["a"]
    assert found.decisions.moved == {"a": pytest.approx(0.5)}
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("drift", found)))) == found


def test_a_detector_that_hides_its_embeddings_cannot_be_compared() -> None:
    with pytest.raises(MeasurementError, match="does not show its embeddings"):
        measure_drift(SimpleNamespace(analyze=None), shows({}), SAMPLE, "x")


def variant(toy: Toy, tmp_path: Path, **config: Any) -> Variant:
    value = toy.read()
    value["ml_config"].update(config)
    toy.write(value)
    return session_on(toy, tmp_path).subjects[MODEL_ID].files


def test_without_a_float32_file_the_command_that_makes_it_is_told(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.models.parent)
    with pytest.raises(MeasurementError) as caught:
        reference_path(variant(toy, tmp_path))
    command = f"raxe-conformance export --model {SPACE} --quantization fp32"
    assert caught.value.remedy == f"make it: {command} --output models/embeddings/{SPACE}_fp32.onnx"
    toy.float32.write_bytes(toy.onnx.read_bytes())
    assert reference_path(variant(toy, tmp_path)) == toy.float32
    with pytest.raises(MeasurementError, match=r"names no ml_config\.embedding_model"):
        reference_path(variant(toy, tmp_path, embedding_model=None))


def test_a_variant_in_float32_is_its_own_reference(toy: Toy, tmp_path: Path) -> None:
    assert reference_path(variant(toy, tmp_path, quantization="fp32")) == toy.onnx


def test_the_reference_is_the_same_variant_with_another_embedding_model(toy: Toy, tmp_path: Path) -> None:
    from meta_tests.support import toy as t

    table = t.word_vectors()
    table[:, 0] = -table[:, 0]
    toy.float32.write_bytes(t.onnx_bytes(table))
    own = session_on(toy, tmp_path).subjects[MODEL_ID]
    other = shipped_with(own.files, toy.float32)
    text = f"please {t.EVIL['PI']}"
    assert own.load().analyze(text).metadata["is_attack"] is True
    assert other.analyze(text).metadata["is_attack"] is False
