"""What a fourth look found, from both sides: results without a name, many inputs, lost words, wide heads."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

from meta_tests.hostile.bundles import HEADS, members, rewrite
from meta_tests.hostile.graphs import _i, _n, encoder
from meta_tests.support.toy import EVIL, MODEL_ID, SPACE, WIDTH, Toy, make_toy, tokenizer_bytes
from raxe_conformance import ModelRegistry
from raxe_conformance.errors import EmbeddingError
from raxe_conformance.runtime.detector import Detector
from raxe_conformance.runtime.embed import window_starts
from raxe_conformance.runtime.onnx_guard import check_onnx
from raxe_conformance.runtime.tokenizer_guard import check_tokenizer


def outline(nodes: list[Any], tensors: dict[str, Any]) -> Any:
    return check_onnx(encoder(nodes, tensors, output="hidden"), max_length=16, file="f")


def test_each_part_of_a_split_has_a_name() -> None:
    from onnx import helper

    parts = {"parts": _i(4, 4)}
    outline([helper.make_node("Split", ["hidden", "parts"], ["a", "b"], axis=2)], parts)
    for names in (["a", ""], ["", "b"]):
        with pytest.raises(EmbeddingError, match="leaves a part without a name"):
            outline([helper.make_node("Split", ["hidden", "parts"], names, axis=2)], parts)


@pytest.mark.parametrize("name", ["Sum", "Max", "Min"])
def test_each_further_input_counts_as_work(name: str) -> None:
    def of(inputs: int) -> Any:
        return outline([_n(name, " ".join(["x"] * inputs), "y")], {"x": np.ones(1_000, np.float32)})

    assert of(2).peak_bytes + 8_000 == of(3).peak_bytes == of(9).peak_bytes
    assert of(9).work - of(2).work == 7 * (of(3).work - of(2).work) == 7 * 30 * 1_000


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def spelling(known: list[str], **model: Any) -> bytes:
    whole = json.loads(tokenizer_bytes())
    whole["model"] = {"type": "BPE", "vocab": {name: i for i, name in enumerate(known)}, "merges": [], **model}
    whole["normalizer"] = None
    whole["pre_tokenizer"] = None if "byte_fallback" in model else {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False,
    }  # fmt: skip
    whole["added_tokens"], whole["post_processor"] = [], None
    return json.dumps(whole).encode()


@pytest.mark.parametrize(("known", "model"), [(BYTES, {"byte_fallback": True}), (sorted(ByteLevel.alphabet()), {})])
def test_bytes_are_no_tokens_unless_all_are_known(known: list[str], model: dict[str, Any]) -> None:
    check_tokenizer(spelling(known, **model), file="f")
    assert Tokenizer.from_buffer(spelling(known, **model)).encode("évil\0").ids != []
    for missing in (0, 101, 255):
        with pytest.raises(EmbeddingError, match="would be lost"):
            check_tokenizer(spelling(known[:missing] + known[missing + 1 :], **model), file="f")


@pytest.mark.parametrize("key", ["continuing_subword_prefix", "end_of_word_suffix"])
def test_letters_for_bytes_are_others_with_a_prefix_or_suffix(key: str) -> None:
    data = spelling(sorted(ByteLevel.alphabet()), **{key: "##"})
    assert Tokenizer.from_buffer(data).encode("evil", add_special_tokens=False).tokens != list("evil")
    with pytest.raises(EmbeddingError, match="would be lost"):
        check_tokenizer(data, file="f")


def detector(toy: Toy, hidden: int) -> Detector:
    """The toy's, with a layer that is `hidden` wide and changes nothing, and windows of one token."""
    from safetensors.numpy import load, save

    arrays = load(members(toy)[HEADS])
    weight, bias = arrays["binary.0.weight"], arrays["binary.0.bias"]
    first = np.zeros((hidden, WIDTH), np.float32)
    first[0], first[1] = weight[0], -weight[0]
    second = np.zeros((1, hidden), np.float32)
    second[0, :2] = 1.0, -1.0
    arrays |= {
        "binary.0.weight": first, "binary.0.bias": np.zeros(hidden, np.float32),
        "binary.1.weight": second, "binary.1.bias": bias,
    }  # fmt: skip
    rewrite(toy, {HEADS: save(arrays)}, edit=lambda value: value["head_sets"][SPACE].update(max_sequence_length=3))
    toy.declare_files()
    return ModelRegistry(toy.models).create_detector(MODEL_ID)


def test_wide_heads_take_no_more_memory_for_more_windows(tmp_path: Any) -> None:
    plain, wide = detector(make_toy(tmp_path / "a"), 2), detector(make_toy(tmp_path / "b"), 400_000)
    assert plain.heads.at_once > 100 > wide.heads.at_once > 1
    words = ["please"] * 100
    words[70] = EVIL["JB"]
    words[90] = EVIL["PI"]
    tracemalloc.start()
    found = wide.analyze(" ".join(words)).metadata
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # 100 windows at once would take 320 MB
    expected = plain.analyze(" ".join(words)).metadata
    assert found["windows"] == 100
    assert "part 71 of 100" in found["why_it_hit"][0]
    assert {**found, "timings_ms": None} == {**expected, "timings_ms": None}


def test_windows_are_made_when_asked_for(tmp_path: Any) -> None:
    embedder = detector(make_toy(tmp_path), 2).embedder
    embedder.max_sequence_length = 6
    ids = embedder.token_ids(" ".join(["please", "weather", "report"] * 5))
    windows = embedder.tokenize(" ".join(["please", "weather", "report"] * 5))
    starts = window_starts(len(ids), 4)
    assert [list(window[1:-1]) for window in windows] == [list(ids[start : start + 4]) for start in starts]
    assert len(windows) == len(starts)
    assert list(windows[-1]) == list(windows[len(starts) - 1])
    assert [list(window) for window in windows[1:3]] == [list(windows[1]), list(windows[2])]
    with pytest.raises(IndexError):
        windows[len(starts)]
    assert len(embedder.tokenize("")) == 0
    assert [len(window) for window in embedder.tokenize("please")] == [3]
