"""The detector on the toy variant, whose answers can be worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_tests.support.toy import CALM, EVIL, MODEL_ID, Toy
from raxe_conformance import Detector, L2Prediction, L2ThreatType, ModelRegistry
from raxe_conformance.errors import TextError
from raxe_conformance.runtime.embed import mean_pool, window_starts
from raxe_conformance.runtime.text import MAX_CHARACTERS, normalise


@pytest.fixture(scope="module")
def detector(pristine_toy: Toy) -> Detector:
    return ModelRegistry(pristine_toy.models).create_detector(MODEL_ID)


@pytest.mark.parametrize("family", EVIL)
def test_inference_names_the_family(detector: Detector, family: str) -> None:
    result = detector.analyze(f"please {EVIL[family]} report", l1_results=None)
    assert result.has_predictions
    assert result.prediction_count == 1
    assert result.metadata["label"] == result.metadata["family"] == family
    assert result.metadata["recommended_action"] == "BLOCK"
    assert result.highest_confidence == result.metadata["score"] > 0.9
    threat = result.predictions[0].threat_type
    assert result.get_predictions_by_type(threat) == result.predictions
    assert threat in result.to_summary()


def test_inference_on_benign_text(detector: Detector) -> None:
    result = detector.analyze("please report the weather", l1_results={"anything": 1}, context={"user": "u"})
    assert not result.has_predictions
    assert result.metadata["label"] == "BENIGN"
    assert result.metadata["family"] is None
    assert result.metadata["recommended_action"] == "ALLOW"
    assert result.metadata["score"] < 0.1
    assert result.highest_confidence == 0.0
    assert result.get_predictions_by_type(L2ThreatType.UNKNOWN) == []


def test_a_trigger_is_told(detector: Detector) -> None:
    result = detector.analyze("please EVILPI evilpi")
    assert result.metadata["trigger_matches"] == ["t1"]
    assert "phrases: 'evilpi'" in result.metadata["why_it_hit"]


@pytest.mark.parametrize("place", [0, 500, 999])
def test_an_attack_is_seen_wherever_it_stands_in_a_long_text(detector: Detector, place: int) -> None:
    words = [CALM[i % len(CALM)] for i in range(1000)]
    assert not detector.analyze(" ".join(words)).metadata["is_attack"]
    words[place] = EVIL["CMD"]
    result = detector.analyze(" ".join(words))
    assert result.metadata["family"] == "CMD"
    assert result.metadata["windows"] > 10


def test_the_batch_changes_nothing(detector: Detector) -> None:
    texts = ["please", f"{EVIL['JB']} music", "", "garden " * 300]
    single = [detector.analyze(text).metadata["score"] for text in texts]
    assert [result.metadata["score"] for result in detector.analyze_batch(texts)] == single


@pytest.mark.parametrize("text", ["", " \n", "\u200b\ufeff", "\x00\x01\x1f", "\ud800", "\udc80 please \ud83d\ude00"])
def test_odd_texts_are_answered(detector: Detector, text: str) -> None:
    assert 0.0 <= detector.analyze(text).metadata["score"] <= 1.0


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300))
def test_every_text_is_answered(detector: Detector, text: str) -> None:
    assert 0.0 <= detector.analyze(text).metadata["score"] <= 1.0


def test_what_is_no_text_is_refused(detector: Detector) -> None:
    with pytest.raises(TextError, match="text: is bytes, but should be a string; decode it first"):
        detector.analyze(b"bytes")  # type: ignore[arg-type]
    with pytest.raises(TextError, match="at most 2000000 are scanned at once; scan it in parts"):
        detector.analyze("x" * (MAX_CHARACTERS + 1))


def test_a_megabyte_is_scanned(detector: Detector) -> None:
    result = detector.analyze("please weather " * 70_000 + EVIL["RAG"])
    assert result.metadata["family"] == "RAG"


def test_model_info_says_what_it_is(detector: Detector) -> None:
    info = detector.model_info
    assert info["model_id"] == MODEL_ID
    assert info["embedding_dimension"] == 7
    assert info["threshold"] == 0.5


def test_normalise_keeps_valid_text_and_mends_surrogates() -> None:
    assert normalise("grüße 漢字 😀") == "grüße 漢字 😀"
    assert normalise("a\ud83d\ude00b") == "a😀b"
    assert normalise("a\ud800b") == "a\ufffdb"


@given(st.integers(0, 5000), st.integers(1, 300))
def test_windows_cover_every_token_and_overlap(tokens: int, window: int) -> None:
    starts = window_starts(tokens, window)
    seen = {position for start in starts for position in range(start, min(start + window, tokens))}
    assert seen == set(range(tokens))
    assert starts == sorted(set(starts))
    assert all(start + window <= tokens for start in starts) or tokens <= window
    overlap = int(window * 0.25)
    assert all(b - a <= max(1, window - overlap) for a, b in pairwise(starts))


def test_mean_pool_ignores_padding_and_gives_unit_vectors() -> None:
    hidden = np.array([[[3.0, 0.0], [0.0, 4.0], [100.0, 100.0]]], dtype=np.float32)
    pooled = mean_pool(hidden, np.array([[1, 1, 0]], dtype=np.int64))
    np.testing.assert_allclose(pooled, [[0.6, 0.8]], rtol=1e-6)
    assert not mean_pool(hidden, np.zeros((1, 3), dtype=np.int64)).any()


def test_a_prediction_needs_a_probability() -> None:
    with pytest.raises(ValueError, match=r"1\.5, but should be in 0\.\.1"):
        L2Prediction(L2ThreatType.UNKNOWN, 1.5)
