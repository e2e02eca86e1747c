"""Exported graphs compute what the definition of a BERT encoder says, in every format and opset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from meta_tests.build.reference import forward, tiny_config, tiny_tensors, tiny_weights
from raxe_conformance.build.bert import Bert, read_bert, read_config
from raxe_conformance.errors import BuildError

pytest.importorskip("onnx", reason="the extra `build` is not installed")

from raxe_conformance.build.content import compare_models, content_digest
from raxe_conformance.build.export import OPSETS, export_bert, to_bytes
from raxe_conformance.build.quantize import quantize_int8, store_float16


def tiny(seed: int = 0) -> Bert:
    return read_bert(read_config(tiny_config(), file="config.json"), tiny_weights(seed), file="model.safetensors")


def run(model: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(to_bytes(model), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def texts(batch: int, tokens: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(batch * 100 + tokens)
    mask = np.ones((batch, tokens), np.int64)
    for row in range(1, batch):
        mask[row, max(1, tokens - row) :] = 0
    return generator.integers(0, 50, (batch, tokens)), mask


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 2), (1, 12), (3, 7)])
def test_equals_the_definition(opset: int, batch: int, tokens: int) -> None:
    ids, mask = texts(batch, tokens)
    found = run(export_bert(tiny(), opset=opset), ids, mask)
    assert found.shape == (batch, tokens, 16)
    assert found.dtype == np.float32
    expected = forward(tiny(), ids, mask)
    # What stands at masked places is nobody's business: pooling leaves it out.
    np.testing.assert_allclose(found[mask == 1], expected[mask == 1], atol=2e-5)


@pytest.mark.parametrize("opset", OPSETS)
def test_padding_changes_nothing(opset: int) -> None:
    model = export_bert(tiny(), opset=opset)
    ids, _ = texts(1, 5)
    alone = run(model, ids, np.ones_like(ids))
    padded = np.concatenate([ids, np.full((1, 4), 9)], axis=1)
    mask = np.array([[1] * 5 + [0] * 4])
    np.testing.assert_allclose(run(model, padded, mask)[:, :5], alone, atol=1e-5)


def test_only_the_standard_domain_and_no_trace_of_this_machine() -> None:
    model = export_bert(tiny(), opset=23)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 23)]
    assert {node.domain for node in model.graph.node} == {""}
    assert (model.producer_name, model.producer_version, model.doc_string) == ("raxe-conformance", "", "")
    quantized = quantize_int8(model, per_channel=True, reduce_range=True)
    assert {node.domain for node in quantized.graph.node} == {""}
    assert (quantized.producer_name, quantized.producer_version) == ("raxe-conformance", "")
    assert b"/" not in b"".join(node.name.encode() for node in quantized.graph.node)


def test_the_same_weights_give_the_same_bytes() -> None:
    def both() -> tuple[bytes, bytes]:
        model = export_bert(tiny(), opset=23)
        return to_bytes(model), to_bytes(quantize_int8(model, per_channel=True, reduce_range=True))

    assert both() == both()


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("reduce_range", [False, True])
def test_int8_keeps_shape_and_direction(per_channel: bool, reduce_range: bool) -> None:
    model = export_bert(tiny(), opset=23)
    quantized = quantize_int8(model, per_channel=per_channel, reduce_range=reduce_range)
    ids, mask = texts(1, 9)
    plain, small = run(model, ids, mask), run(quantized, ids, mask)
    assert small.shape == plain.shape
    a, b = plain.mean(axis=1)[0], small.mean(axis=1)[0]
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.97
    assert {node.op_type for node in quantized.graph.node} >= {"MatMulInteger", "DequantizeLinear"}


def test_reduce_range_keeps_weights_to_seven_bits() -> None:
    from onnx import TensorProto, numpy_helper

    quantized = quantize_int8(export_bert(tiny(), opset=23), per_channel=True, reduce_range=True)
    int8 = [numpy_helper.to_array(t) for t in quantized.graph.initializer if t.data_type == TensorProto.INT8]
    assert int8
    assert max(int(np.abs(array.astype(int)).max()) for array in int8) <= 64


def test_layers_with_float_activations_store_int8_weights_only() -> None:
    from onnx import TensorProto, numpy_helper

    model = export_bert(tiny(), opset=23)
    names = ["layer.0.down", "layer.1.qkv"]
    quantized = quantize_int8(model, per_channel=True, reduce_range=True, float_activations=names)
    stored = {tensor.name: tensor for tensor in quantized.graph.initializer}
    original = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name in names:
        assert stored[f"{name}.weight.int8"].data_type == TensorProto.INT8
        scale = numpy_helper.to_array(stored[f"{name}.weight.scale"])
        again = numpy_helper.to_array(stored[f"{name}.weight.int8"]) * scale
        assert np.abs(again - original[f"{name}.weight"]).max() <= scale.max() / 2 + 1e-7
    assert {node.domain for node in quantized.graph.node} == {""}
    ids, mask = texts(1, 9)
    a, b = (run(found, ids, mask).mean(axis=1)[0] for found in (model, quantized))
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.98
    with pytest.raises(BuildError, match=r"layer\.2\.down: is no layer of the graph"):
        quantize_int8(model, per_channel=True, reduce_range=True, float_activations=["layer.2.down"])


def test_float16_is_stored_and_float32_computed() -> None:
    model = export_bert(tiny(), opset=23)
    smaller = store_float16(model)
    ids, mask = texts(2, 6)
    np.testing.assert_allclose(run(smaller, ids, mask), run(model, ids, mask), atol=0.02)
    assert len(to_bytes(smaller)) < 0.7 * len(to_bytes(model))


def test_float16_refuses_what_it_cannot_hold() -> None:
    model = export_bert(tiny(), opset=23)
    for tensor in model.graph.initializer:
        if tensor.name == "words":
            from onnx import numpy_helper

            tensor.CopyFrom(numpy_helper.from_array(np.full((50, 16), 1e6, np.float32), "words"))
    with pytest.raises(BuildError, match="float16 cannot hold"):
        store_float16(model)


def test_content_tells_a_change_from_another_way_of_writing() -> None:
    one, other = export_bert(tiny(), opset=23), export_bert(tiny(1), opset=23)
    rewritten = export_bert(tiny(), opset=23)
    rewritten.producer_version = "2"
    rewritten.graph.initializer.sort(key=lambda tensor: tensor.name)
    assert to_bytes(rewritten) != to_bytes(one)
    assert content_digest(rewritten) == content_digest(one)
    assert content_digest(other) != content_digest(one)


def test_comparison_counts_what_differs() -> None:
    model = export_bert(tiny(), opset=23)
    same = compare_models(model, model, vocabulary=50, longest=12)
    assert (same.nodes, same.weights, same.largest) == (0, 0, 0.0)
    assert same.cosine_least > 0.99999
    other = compare_models(model, export_bert(tiny(1), opset=23), vocabulary=50, longest=12)
    assert other.nodes == 0
    assert other.weights > 10
    assert other.cosine_median < 0.9
    assert "weights differ" in str(other)


def test_unknown_opset() -> None:
    with pytest.raises(BuildError, match=r"opset: is 17, but should be one of 20, 21, 22, 23"):
        export_bert(tiny(), opset=17)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "mpnet"}, "c: model_type: is 'mpnet', but should be 'bert'"),
        ({"hidden_act": "gelu_new"}, "c: hidden_act: is 'gelu_new', but should be 'gelu'"),
        ({"position_embedding_type": "relative_key"}, "c: position_embedding_type: is 'relative_key'"),
        ({"hidden_size": "16"}, "c: hidden_size: is '16', but should be a positive number"),
        ({"num_attention_heads": 3}, "c: num_attention_heads: is 3, which does not divide the width 16"),
        ({"layer_norm_eps": 0}, "c: layer_norm_eps: is 0, but should be a small positive number"),
    ],
)
def test_other_architectures_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        read_config(tiny_config(**changes), file="c")
    assert str(caught.value).startswith(message)


def test_weights_that_do_not_fit() -> None:
    from safetensors.numpy import save

    config = read_config(tiny_config(), file="c")
    tensors = tiny_tensors()
    missing = {name: array for name, array in tensors.items() if not name.endswith("1.output.dense.bias")}
    with pytest.raises(BuildError, match="the tensor is missing"):
        read_bert(config, save(missing), file="w")
    name = "embeddings.token_type_embeddings.weight"
    for wrong in (np.zeros((2, 8), np.float32), np.zeros((2, 16), np.int64), np.zeros(16, np.float32)):
        with pytest.raises(BuildError, match=f"{name}: is .*but should be float32"):
            read_bert(config, save({**tensors, name: wrong}), file="w")
    with pytest.raises(BuildError, match="no readable safetensors"):
        read_bert(config, b"not a file", file="w")


def test_names_with_the_prefix_of_a_larger_model() -> None:
    config = read_config(tiny_config(), file="c")
    one, other = read_bert(config, tiny_weights(), file="w"), read_bert(config, tiny_weights(prefix="bert."), file="w")
    np.testing.assert_array_equal(one.places, other.places)
    np.testing.assert_array_equal(one.layers[1].qkv.weight, other.layers[1].qkv.weight)
