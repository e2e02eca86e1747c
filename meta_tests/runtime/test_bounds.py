"""The bounds of what the runtime takes, each from both sides."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from meta_tests.hostile.graphs import _i, _n, encoder
from meta_tests.support.toy import tokenizer_bytes
from raxe_conformance.errors import EmbeddingError
from raxe_conformance.registry.arrays import MAX_ARRAYS, load_arrays
from raxe_conformance.runtime.onnx_guard import check_onnx
from raxe_conformance.runtime.onnx_shapes import MAX_ELEMENTS
from raxe_conformance.runtime.onnx_wire import MAX_ENDS
from raxe_conformance.runtime.text import PIECE_CHARACTERS, USUAL_GROWTH, piece_characters
from raxe_conformance.runtime.tokenizer_guard import (
    GROWTH,
    MAX_ADDED_CHARACTERS,
    MAX_FRAME,
    MAX_GROWTH,
    check_tokenizer,
)

MICROSOFT = {"domain": "com.microsoft"}


def check(nodes: list[Any], tensors: dict[str, Any], opset: int = 17) -> None:
    check_onnx(encoder(nodes, tensors, opset=opset, output="hidden"), max_length=16, file="f")


LENGTH = _n("Shape", "input_ids", "n", start=1, end=2)
PAIRS: dict[str, tuple[Any, Any, str]] = {
    "Squeeze": (
        ([LENGTH, _n("ConstantOfShape", "n", "x"), _n("Squeeze", "x", "y")], {}),
        ([LENGTH, _n("Sub", "n two", "m"), _n("ConstantOfShape", "m", "x"), _n("Squeeze", "x", "y")], {"two": _i(2)}),
        "some lengths only",
    ),
    "Reshape": (
        ([_n("Reshape", "hidden to", "y")], {"to": _i(0, 0, -1)}),
        ([LENGTH, _n("Sub", "n three", "m"), _n("Concat", "m minus", "to", axis=0), _n("Reshape", "hidden to", "y")],
         {"three": _i(3), "minus": _i(-1)}),
        "some lengths only",
    ),
    "Dropout": (
        ([_n("Dropout", "hidden ratio training", "y")], {"ratio": np.float32(0.5), "training": np.array(False)}),
        ([_n("Dropout", "hidden ratio training", "y")], {"ratio": np.float32(0.5), "training": np.array(True)}),
        "by chance",
    ),
    "int32": (
        ([_n("Add", "half almost", "most"), _n("Tile", "x zero", "z"), _n("Cast", "most", "m", to=7),
          _n("Slice", "x m m", "y")],
         {"half": np.array([1 << 30], np.int32), "almost": np.array([(1 << 30) - 1], np.int32), "x": np.ones(4),
          "zero": _i(0)}),
        ([_n("Add", "half half", "most"), _n("Cast", "most", "m", to=7), _n("Slice", "x m m", "y")],
         {"half": np.array([1 << 30], np.int32), "x": np.ones(4)}),
        "has no bound",
    ),
    "heads": (
        ([_n("MultiHeadAttention", "q q q", "y", num_heads=2, **MICROSOFT)], {"q": np.zeros((1, 4, 2), np.float32)}),
        ([_n("MultiHeadAttention", "q q q", "y", num_heads=2, **MICROSOFT)], {"q": np.zeros((1, 4, 0), np.float32)}),
        "do not divide the width",
    ),
    "keys": (
        ([_n("MultiHeadAttention", "q k k", "y", num_heads=2, **MICROSOFT)],
         {"q": np.zeros((1, 4, 2), np.float32), "k": np.zeros((1, 1, 2), np.float32)}),
        ([_n("MultiHeadAttention", "q k k", "y", num_heads=2, **MICROSOFT)],
         {"q": np.zeros((1, 4, 2), np.float32), "k": np.zeros((1, 0, 2), np.float32)}),
        "attends to nothing",
    ),
    "inputs": (
        ([_n("Max", " ".join(["hidden"] * (MAX_ENDS - 1)), "y")], {}),
        ([_n("Max", " ".join(["hidden"] * MAX_ENDS), "y")], {}),
        "inputs and outputs",
    ),
    "matrices": (
        ([_n("MatMul", "x x", "y")], {"x": np.zeros((1_000, 1, 1), np.float32)}),
        ([_n("ConstantOfShape", "s", "x"), _n("MatMul", "x x", "y")], {"s": _i(70_000_000, 1, 1)}),
        "multiply",
    ),
    "positions": (
        ([_n("EmbedLayerNormalization", "i  w p  g g  at", "y", **MICROSOFT)],
         {"i": np.zeros((1, 4), np.int32), "w": np.zeros((5, 8), np.float32), "p": np.zeros((9, 8), np.float32),
          "g": np.zeros(8, np.float32), "at": np.zeros((1, 4), np.int32)}),
        ([_n("EmbedLayerNormalization", "i  w p  g g  at", "y", **MICROSOFT)],
         {"i": np.zeros((1, 4), np.int32), "w": np.zeros((5, 8), np.float32), "p": np.zeros((9, 8), np.float32),
          "g": np.zeros(8, np.float32), "at": np.zeros(4, np.int32)}),
        "another shape than the tokens",
    ),
}  # fmt: skip
for _good, _bad, _ in PAIRS.values():
    for _node in [*_good[0], *_bad[0]]:
        if _node.op_type == "EmbedLayerNormalization":
            _node.input[:] = ["i", "", "w", "p", "", "g", "g", "", "at"]


@pytest.mark.parametrize("name", PAIRS)
def test_operators_have_bounds(name: str) -> None:
    good, bad, says = PAIRS[name]
    check(*good)
    with pytest.raises(EmbeddingError, match=says):
        check(*bad)


def test_a_split_makes_as_many_parts_as_it_names() -> None:
    parts = [_n("Split", "hidden", "a b", axis=2, num_outputs=2)]
    check(parts, {}, opset=18)
    with pytest.raises(EmbeddingError, match="another number of parts"):
        check([_n("Split", "hidden", "a b", axis=2, num_outputs=1)], {}, opset=18)


def test_a_sum_over_much_counts_as_work() -> None:
    def sums(count: int) -> list[Any]:
        return [
            _n("ConstantOfShape", "s", "x"),
            *(_n("ReduceSum", "x", f"r{i}", keepdims=0) for i in range(count)),
        ]

    check(sums(60), {"s": _i(100_000_000)})
    with pytest.raises(EmbeddingError, match="multiply"):
        check(sums(70), {"s": _i(100_000_000)})


@pytest.mark.parametrize("name", ["Tile", "Expand"])
def test_a_zero_hides_no_dimension(name: str) -> None:
    # Slice and ReduceSum would make, of a dimension that was not worked out exactly, a tensor that nobody counted.
    def wide(size: int) -> None:
        check([_n(name, "none to", "y")], {"none": np.zeros((0, 1), np.float32), "to": _i(0, size)})

    wide(MAX_ELEMENTS)
    for size in (MAX_ELEMENTS + 1, 1 << 40, 1 << 60):
        with pytest.raises(EmbeddingError, match="has a dimension above"):
            wide(size)


# ---- tokenizers


def tokenizer(**changes: Any) -> Any:
    return check_tokenizer(json.dumps({**json.loads(tokenizer_bytes()), **changes}).encode(), file="f")


def sequence(part: str, kinds: list[str]) -> dict[str, Any]:
    return {"type": "Sequence", part: [{"type": kind} for kind in kinds]}


def test_growth_is_multiplied_along_the_way_to_a_bound() -> None:
    assert tokenizer(normalizer=None).growth == 1
    assert tokenizer(normalizer={"type": "BertNormalizer"}).growth == USUAL_GROWTH == GROWTH["BertNormalizer"]
    assert tokenizer(normalizer=sequence("normalizers", ["NFKD", "Lowercase", "ByteLevel"])).growth == 180 <= MAX_GROWTH
    with pytest.raises(EmbeddingError, match="200 times as long"):
        tokenizer(normalizer=sequence("normalizers", ["NFKD", "NFKD"]))
    with pytest.raises(EmbeddingError, match="200 times as long"):
        tokenizer(
            normalizer=sequence("normalizers", ["NFKD", "Lowercase"]),
            pre_tokenizer=sequence("pretokenizers", ["ByteLevel", "Metaspace"]),
        )


def test_what_is_prepended_counts_as_growth() -> None:
    # Between two added tokens of one character each, one character of the text is prepended to.
    def prepended(count: int, *more: dict[str, Any]) -> Any:
        prepends = [{"type": "Prepend", "prepend": "▁" * 9}] * count
        return tokenizer(normalizer={"type": "Sequence", "normalizers": [*prepends, *more]})

    assert prepended(1, {"type": "NFKD"}).growth == 180
    assert prepended(2).growth == 100
    for count, more in ((3, ()), (2, ({"type": "NFC"},))):
        with pytest.raises(EmbeddingError, match="200 times as long"):
            prepended(count, *more)


@pytest.mark.parametrize("kind", ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "BertNormalizer", "ByteLevel"])
def test_no_character_grows_more_than_its_component_may(kind: str) -> None:
    from tokenizers import normalizers

    normalizer = getattr(normalizers, kind)()
    longest = max(len(normalizer.normalize_str(chr(c))) for c in range(0x20, 0x30000) if not 0xD800 <= c < 0xE000)
    assert 1 < longest <= GROWTH[kind]


def test_pieces_are_shorter_where_texts_grow_more() -> None:
    assert piece_characters(1) == piece_characters(USUAL_GROWTH) == PIECE_CHARACTERS
    assert piece_characters(18) == PIECE_CHARACTERS // 3
    assert piece_characters(MAX_GROWTH) * MAX_GROWTH <= PIECE_CHARACTERS * USUAL_GROWTH


def test_a_frame_holds_the_text_once() -> None:
    a, b = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    cls = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}

    def framed(single: list[Any], ids: int = 1) -> Any:
        token = {"id": "[CLS]", "ids": [2] * ids, "tokens": ["[CLS]"] * ids}
        return tokenizer(post_processor={
            "type": "TemplateProcessing", "single": single, "pair": [a, b], "special_tokens": {"[CLS]": token},
        })  # fmt: skip

    framed([cls, a, cls], MAX_FRAME)
    framed([a, *[cls] * (MAX_FRAME - 1)])
    for single, ids in (([cls], 1), ([a, a], 1), ([b], 1), ([a, *[cls] * MAX_FRAME], 1), ([cls, a], MAX_FRAME + 1)):
        with pytest.raises(EmbeddingError, match="post_processor"):
            framed(single, ids)


def test_added_tokens_are_bounded_together() -> None:
    def added(*contents: str) -> Any:
        return tokenizer(added_tokens=[{"id": 26 + i, "content": content} for i, content in enumerate(contents)])

    whole = [f"{i:02}" * 500 for i in range(MAX_ADDED_CHARACTERS // 1_000)]
    assert added(*whole).largest_id == 25 + len(whole)
    with pytest.raises(EmbeddingError, match="more than 50000"):
        added(*whole, "x")
    with pytest.raises(EmbeddingError, match="token twice"):
        added("x", "x")


# ---- arrays


def test_arrays_are_bounded() -> None:
    from safetensors.numpy import save

    many = {f"a{i}": np.zeros(1, np.float32) for i in range(MAX_ARRAYS + 1)}
    assert len(load_arrays(save(dict(list(many.items())[:-1])))) == MAX_ARRAYS
    with pytest.raises(ValueError, match="more than 256 arrays"):
        load_arrays(save(many))
    with pytest.raises(ValueError, match="header is longer"):
        load_arrays(b"\xff" * 16)
