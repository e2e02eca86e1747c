"""What a fifth look at the runtime found: lost words, answers that share lists, kernels that take more memory."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from meta_tests.hostile.graphs import _i, _n, encoder
from meta_tests.hostile.tokenizer_cases import _write
from meta_tests.support.toy import EVIL, MODEL_ID, Toy
from raxe_conformance import Detector, L2Result, ModelRegistry
from raxe_conformance.errors import BundleError, EmbeddingError, TextError
from raxe_conformance.runtime.explain import match_triggers, parse_triggers
from raxe_conformance.runtime.onnx_guard import check_onnx


@pytest.fixture(scope="module")
def detector(pristine_toy: Toy) -> Detector:
    return ModelRegistry(pristine_toy.models).create_detector(MODEL_ID)


# ---- texts and answers


def test_words_that_the_tokenizer_loses_are_no_harmless_text(toy: Toy) -> None:
    """A text without tokens counts as harmless, so it must be one without words."""
    whole = json.loads(toy.tokenizer.read_text(encoding="utf-8"))
    split = {"type": "Split", "pattern": {"String": "w"}, "behavior": "Removed", "invert": True}
    _write(toy, json.dumps(whole | {"pre_tokenizer": split}).encode())
    toy.declare_files()
    found = ModelRegistry(toy.models).create_detector(MODEL_ID)
    assert found.analyze("w").metadata["windows"] == 1
    for harmless in ("", " \n", "!?", "\u200b"):
        assert found.analyze(harmless).metadata["windows"] == 0
    for text in (EVIL["PI"], "\u0661", "\u4e2d"):
        with pytest.raises(EmbeddingError, match="loses all words"):
            found.analyze(text)


def test_answers_on_empty_texts_share_nothing(detector: Detector) -> None:
    first = detector.analyze("")
    first.metadata["why_it_hit"].append("mine")
    first.metadata["scores"]["PI"] = 1.0
    assert detector.analyze("").metadata["why_it_hit"] == []
    assert detector.analyze("").metadata["scores"] == {}


def test_one_string_is_no_batch(detector: Detector) -> None:
    with pytest.raises(TextError, match="list of them; use analyze"):
        detector.analyze_batch("please")
    assert detector.analyze_batch(iter(["please"]))[0].metadata["windows"] == 1


def test_a_summary_is_one_line_whatever_the_version() -> None:
    found = L2Result([], 1.0, 0.5, "1.0\n2026 root: all well \x1b[31m" + "x" * 500).to_summary()
    assert found.startswith("L2: no threat (0.5 ms, 1.0 2026 root: all well")
    assert found.isprintable()
    assert len(found) < 100


def _trigger(phrase: str) -> dict[str, Any]:
    return {"triggers": [{"id": "t", "family": "PI", "phrase": phrase}]}


def test_white_space_in_a_phrase_is_as_little_a_matter_as_in_a_text() -> None:
    for phrase in ("Ignore all", " ignore \n\tALL "):
        triggers = parse_triggers(_trigger(phrase), file="f")
        assert match_triggers("please IGNORE\n all of it", triggers) == list(triggers)
        assert match_triggers("please ignoreall", triggers) == []
    with pytest.raises(BundleError, match="phrase"):
        parse_triggers(_trigger(" \n"), file="f")


# ---- embedding models


def outline(nodes: list[Any], tensors: dict[str, Any], max_length: int = 16) -> Any:
    return check_onnx(encoder(nodes, tensors, output="hidden"), max_length=max_length, file="f")


_FILL = 1_000_000


def _made(kind: Any, *more: Any, of_text: bool) -> tuple[list[Any], dict[str, Any]]:
    """A million elements, of a shape that ONNX Runtime knows beforehand, or not."""
    from onnx import numpy_helper

    value = numpy_helper.from_array(np.array([1], kind))
    shape = [_n("Shape", "input_ids", "dims"), _n("Slice", "dims zero one", "batch"), _n("Mul", "batch many", "shape")]
    fill = _n("ConstantOfShape", "shape" if of_text else "many", "x", value=value)
    return [*shape, fill, *more], {"zero": _i(0), "one": _i(1), "many": _i(_FILL)}


def test_constants_are_held_for_ever_and_twice() -> None:
    alone = outline([], {}).peak_bytes

    def of(count: int) -> float:
        fills = [_n("ConstantOfShape", "many", f"x{index}") for index in range(count)]
        firsts = [_n("Gather", f"x{index} id", f"y{index}") for index in range(count)]
        pairs = [node for pair in zip(fills, firsts, strict=True) for node in pair]
        nodes = [_n("ReduceMax", "input_ids", "id", keepdims=0), *pairs]
        return float(outline(nodes, {"many": _i(_FILL)}).peak_bytes - alone)

    assert of(1) == pytest.approx(2 * 4 * _FILL, rel=0.01)
    assert of(5) == pytest.approx(5 * of(1), rel=0.01)


@pytest.mark.parametrize(("kind", "times"), [(np.float16, 3), (np.float32, 1), (np.float64, 1)])
def test_halves_are_held_as_whole_ones_too(kind: Any, times: int) -> None:
    found = outline(*_made(kind, _n("Erf", "x", "y"), of_text=True)).peak_bytes
    assert found == pytest.approx(times * 2 * np.dtype(kind).itemsize * _FILL, rel=0.01)


@pytest.mark.parametrize(("kind", "axis", "times"), [
    (np.float32, -1, 2), (np.float32, 1, 2), (np.float32, 0, 4), (np.float32, -2, 4), (np.float64, -1, 4),
])  # fmt: skip
def test_a_softmax_that_turns_its_input_round_holds_it_three_times(kind: Any, axis: int, times: int) -> None:
    nodes = [_n("Reshape", "x square", "m"), _n("Softmax", "m", "y", axis=axis)]
    nodes, tensors = _made(kind, *nodes, of_text=True)
    found = outline(nodes, tensors | {"square": _i(1000, 1000)}).peak_bytes
    assert found == pytest.approx(times * np.dtype(kind).itemsize * _FILL, rel=0.01)


def test_a_bias_is_added_into_a_tensor_aside() -> None:
    node = _n("BiasGelu", "m bias", "y", domain="com.microsoft")
    nodes, tensors = _made(np.float32, _n("Reshape", "x square", "m"), node, of_text=True)
    tensors |= {"square": _i(1000, 1000), "bias": np.ones(1000, np.float32)}
    assert outline(nodes, tensors).peak_bytes == pytest.approx(3 * 4 * _FILL, rel=0.01)


def test_a_choice_holds_both_sides_and_itself() -> None:
    nodes, tensors = _made(np.bool_, _n("Where", "x this that", "y"), of_text=True)
    found = outline(nodes, tensors | {"this": np.float32(1), "that": np.float32(0)}).peak_bytes
    assert found == pytest.approx((1 + 3 * 4) * _FILL, rel=0.01)
