"""MPNet: BERT's layers with a bias by distance, read from its own files, in every format and opset."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from meta_tests.build.reference import forward, tiny_mpnet, tiny_tensors
from meta_tests.build.world import tokenizer_json
from raxe_conformance.build.bert import Bert
from raxe_conformance.build.mpnet import BUCKETS, FARTHEST, bucket, read_mpnet, read_mpnet_config
from raxe_conformance.errors import BuildError

pytest.importorskip("onnx", reason="the extra `build` is not installed")

from raxe_conformance.build.embedding import export_files
from raxe_conformance.build.export import OPSETS, export_bert, to_bytes
from raxe_conformance.build.quantize import quantize_int8, store_float16
from raxe_conformance.runtime.onnx_guard import check_onnx


def tiny() -> Bert:
    config, weights = tiny_mpnet()
    return read_mpnet(read_mpnet_config(config, file="c"), weights, file="w")


def run(model: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(to_bytes(model), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 2), (1, 12), (3, 7)])
def test_equals_the_definition(opset: int, batch: int, tokens: int) -> None:
    generator = np.random.default_rng(tokens)
    ids, mask = generator.integers(0, 50, (batch, tokens)), np.ones((batch, tokens), np.int64)
    for row in range(1, batch):
        mask[row, tokens - row :] = 0
    found = run(export_bert(tiny(), opset=opset), ids, mask)
    np.testing.assert_allclose(found[mask == 1], forward(tiny(), ids, mask)[mask == 1], atol=2e-5)


@pytest.mark.parametrize("opset", OPSETS)
def test_the_runtime_accepts_every_format(opset: int) -> None:
    model = export_bert(tiny(), opset=opset)
    small = quantize_int8(model, per_channel=True, reduce_range=True)
    for graph in (model, small, store_float16(model)):
        assert {entry.domain for entry in graph.opset_import} == {""}
        outline = check_onnx(to_bytes(graph), max_length=12, file="m")
        assert (outline.width, outline.opset) == (16, opset)


def test_int8_leaves_the_bias_as_it_is() -> None:
    from onnx import TensorProto

    small = quantize_int8(export_bert(tiny(), opset=23), per_channel=True, reduce_range=True)
    types = {tensor.name: tensor.data_type for tensor in small.graph.initializer}
    assert types["distances"] == TensorProto.FLOAT
    assert "words" not in types


def test_the_bias_makes_a_difference() -> None:
    ids, mask = np.arange(2, 12)[None, :], np.ones((1, 10), np.int64)
    biased = tiny()
    plain = Bert(biased.config, biased.words, biased.places, biased.norm, biased.layers)
    one, other = (run(export_bert(bert, opset=23), ids, mask) for bert in (biased, plain))
    assert np.abs(one - other).max() > 0.05


def test_buckets_at_their_borders() -> None:
    # 8 near distances a bucket each, then borders at 8 * 16^(k/8): 8, 11.3, 16, 22.6, 32, 45.3, 64, 90.5
    borders = {0: 0, 7: 7, 8: 8, 11: 8, 12: 9, 15: 9, 16: 10, 22: 10, 23: 11, 31: 11, 32: 12, 45: 12, 46: 13, 63: 13,
               64: 14, 90: 14, 91: 15, 127: 15, 128: 15, 5000: 15}  # fmt: skip
    for distance, expected in borders.items():
        assert bucket(-distance) == expected
        assert bucket(distance) == (expected + 16 if distance else 0)


@given(st.integers(-2_000, 2_000))
def test_buckets_grow_with_the_distance(distance: int) -> None:
    assert 0 <= bucket(distance) < BUCKETS
    farther = distance + (1 if distance > 0 else -1)
    assert bucket(farther) >= bucket(distance) or distance == 0
    assert bucket(max(distance, FARTHEST)) == BUCKETS - 1


def test_padding_positions_are_no_places_of_tokens() -> None:
    bert = tiny()
    assert bert.config.positions == 12
    assert bert.places.shape == (12, 16)
    assert bert.distances is not None
    assert bert.distances.shape == (4, 23)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "roberta"}, "c: model_type: is 'roberta', but should be 'mpnet'"),
        ({"hidden_act": "gelu_new"}, "c: hidden_act: is 'gelu_new'"),
        ({"relative_attention_num_buckets": 16}, "c: relative_attention_num_buckets: is 16, but should be 32"),
        ({"pad_token_id": 0}, "c: pad_token_id: is 0, but should be 1"),
        ({"max_position_embeddings": 2}, "c: max_position_embeddings: is 2, but should be a number from 3 on"),
    ],
)
def test_other_configurations_are_refused(changes: dict[str, Any], message: str) -> None:
    config = json.dumps({**json.loads(tiny_mpnet()[0]), **changes}).encode()
    with pytest.raises(BuildError) as caught:
        read_mpnet_config(config, file="c")
    assert str(caught.value).startswith(message)


def test_the_architecture_is_the_configurations() -> None:
    config, weights = tiny_mpnet()
    files = {"config.json": config, "model.safetensors": weights, "tokenizer.json": tokenizer_json()}
    model = export_files(files, opset=23, where="w")
    assert any(tensor.name == "distances" for tensor in model.graph.graph.initializer)
    files["config.json"] = json.dumps({**json.loads(config), "model_type": "t5"}).encode()
    with pytest.raises(BuildError, match=r"config\.json: model_type: is 't5'.*BERT and MPNet encoders"):
        export_files(files, opset=23, where="w")
    places = {"embeddings.position_embeddings.weight": np.zeros((14, 16), np.float32)}
    with pytest.raises(BuildError, match=r"w: encoder\.relative_attention_bias\.weight: the tensor is missing"):
        read_mpnet(tiny().config, save({**tiny_tensors(), **places}), file="w")
