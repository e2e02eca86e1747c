"""Small encoders as ONNX, of all the kinds of operators that the guard knows, for tests and as seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

HIDDEN, TOKENS = 8, 20


def encoder(nodes: list[Any], tensors: dict[str, Any], *, opset: int = 17, output: str = "last_hidden_state") -> bytes:
    """A model of these nodes over input_ids, attention_mask and "hidden", the embeddings of the ids."""
    from onnx import TensorProto, helper, numpy_helper

    table = np.random.default_rng(0).normal(size=(TOKENS, HIDDEN)).astype(np.float32)
    ints = [
        helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"])
        for n in ("input_ids", "attention_mask")
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["hidden"]),
            helper.make_node("Unsqueeze", ["attention_mask", "mask_axis"], ["mask"]),
            *nodes,
        ],
        "g",
        ints,
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], np.int64), "mask_axis"),
            *(numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()),
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)], ir_version=9
    )
    data: bytes = model.SerializeToString()
    return data


def sample_models() -> list[bytes]:
    """One model for each family of operators."""
    return [encoder(*sample()) for sample in SAMPLES.values()]


def _n(kind: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def _i(*values: int) -> Any:
    return np.array(values, np.int64)


def _weights(*shape: int) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def attention() -> tuple[list[Any], dict[str, Any]]:
    """Attention as exporters spell it out, with shapes computed from shapes."""
    return [
        _n("Shape", "input_ids", "shape"),
        _n("Gather", "shape zero", "batch", axis=0),
        _n("Gather", "shape one", "length", axis=0),
        _n("Unsqueeze", "batch axis0", "batch1"),
        _n("Unsqueeze", "length axis0", "length1"),
        _n("Concat", "batch1 length1 heads width", "split", axis=0),
        _n("MatMul", "hidden wq", "q0"),
        _n("Reshape", "q0 split", "q1"),
        _n("Transpose", "q1", "q", perm=[0, 2, 1, 3]),
        _n("Transpose", "q1", "k", perm=[0, 2, 3, 1]),
        _n("MatMul", "q k", "scores"),
        _n("Softmax", "scores", "shares", axis=-1),
        _n("MatMul", "shares q", "mixed"),
        _n("Transpose", "mixed", "mixed1", perm=[0, 2, 1, 3]),
        _n("Concat", "batch1 length1 minus", "join", axis=0),
        _n("Reshape", "mixed1 join", "joined"),
        _n("Add", "joined hidden", "sum"),
        _n("LayerNormalization", "sum scale shift", "last_hidden_state", axis=-1),
    ], {
        "zero": np.int64(0), "one": np.int64(1), "axis0": _i(0), "heads": _i(2), "width": _i(HIDDEN // 2),
        "minus": _i(-1), "wq": _weights(HIDDEN, HIDDEN), "scale": _weights(HIDDEN), "shift": _weights(HIDDEN),
    }  # fmt: skip


def positions() -> tuple[list[Any], dict[str, Any]]:
    """Positions by Range, Slice, CumSum and Expand, as exporters make them."""
    return [
        _n("Shape", "input_ids", "n", start=1, end=2),
        _n("Squeeze", "n axis0", "n0"),
        _n("Range", "zero n0 one", "range"),
        _n("Gather", "places range", "placed"),
        _n("Slice", "places axis0 n axis0", "sliced"),
        _n("CumSum", "attention_mask one", "counted"),
        _n("Sub", "counted one", "from_zero"),
        _n("Gather", "places from_zero", "by_count"),
        _n("ConstantOfShape", "n", "zeros"),
        _n("Unsqueeze", "zeros axis1", "column"),
        _n("Expand", "column widths", "wide"),
        _n("Div", "widths two", "halves"),
        _n("Mul", "halves two", "widths2"),
        _n("Equal", "widths minus", "is"),
        _n("Where", "is ones widths2", "chosen"),
        _n("Expand", "column chosen", "wide2"),
        _n("Sum", "hidden placed sliced by_count wide wide2", "last_hidden_state"),
    ], {
        "axis0": _i(0), "axis1": _i(1), "zero": np.int64(0), "one": np.int64(1), "two": _i(1), "minus": _i(-1, -1),
        "widths": _i(1, HIDDEN), "ones": _i(1, 1), "places": _weights(70, HIDDEN),
    }  # fmt: skip


def pieces() -> tuple[list[Any], dict[str, Any]]:
    """Split, Concat, Flatten, Tile, Reduce*, GatherElements and the like."""
    return [
        _n("Split", "hidden", "a b", axis=2),
        _n("Split", "hidden parts", "c d", axis=2),
        _n("Concat", "a b", "ab", axis=-1),
        _n("Concat", "c d", "cd", axis=2),
        _n("Flatten", "ab", "flat", axis=2),
        _n("Shape", "hidden", "whole"),
        _n("Reshape", "flat whole", "back"),
        _n("ReduceMean", "hidden", "mean", axes=[2], keepdims=1),
        _n("ReduceMax", "hidden", "max", axes=[1, 2], keepdims=0),
        _n("ReduceSum", "hidden axis1", "sum", keepdims=1),
        _n("Tile", "mean times", "tiled"),
        _n("Cast", "hidden", "whole_numbers", to=7),
        _n("Abs", "whole_numbers", "positive"),
        _n("Min", "positive small", "indices"),
        _n("GatherElements", "hidden indices", "picked", axis=2),
        _n("Trilu", "hidden", "triangle"),
        _n("Clip", "hidden low high", "clipped"),
        _n("Size", "hidden", "size"),
        _n("Cast", "size", "size_f", to=1),
        _n("Unsqueeze", "max axis1", "max1"),
        _n("Unsqueeze", "max1 axis1", "max2"),
        _n("Sum", "ab cd back mean max2 sum tiled picked triangle clipped size_f", "last_hidden_state"),
    ], {
        "parts": _i(3, HIDDEN - 3), "axis1": _i(1), "times": _i(1, 1, HIDDEN), "small": np.int64(0),
        "low": np.float32(-1), "high": np.float32(1),
    }  # fmt: skip


def quantized() -> tuple[list[Any], dict[str, Any]]:
    """Dynamic and QDQ int8, fused products, float16."""
    return [
        _n("DynamicQuantizeLinear", "hidden", "q scale zero"),
        _n("MatMulInteger", "q w8 zero w0", "product"),
        _n("Cast", "product", "float", to=1),
        _n("Mul", "float scale", "scaled"),
        _n("QuantizeLinear", "hidden s z", "q2"),
        _n("DequantizeLinear", "q2 s z", "dq"),
        _n("Cast", "dq", "half", to=10),
        _n("MatMul", "half wh", "halved"),
        _n("Cast", "halved", "whole", to=1),
        _n("Reshape", "hidden flat", "rows"),
        _n("Gemm", "rows w bias", "gemm", transB=1),
        _n("Shape", "hidden", "shape"),
        _n("Reshape", "gemm shape", "unrows"),
        _n("Erf", "unrows", "erf"),
        _n("Pow", "erf two", "squared"),
        _n("Sum", "scaled dq whole squared", "last_hidden_state"),
    ], {
        "w8": np.ones((HIDDEN, HIDDEN), np.int8), "w0": np.int8(0), "s": np.float32(0.1), "z": np.uint8(128),
        "wh": np.ones((HIDDEN, HIDDEN), np.float16), "w": _weights(HIDDEN, HIDDEN), "bias": _weights(HIDDEN),
        "flat": _i(-1, HIDDEN), "two": np.float32(2),
    }  # fmt: skip


def fused() -> tuple[list[Any], dict[str, Any]]:
    """The kernels that ONNX Runtime's optimizer puts in."""
    ms = {"domain": "com.microsoft"}
    return [
        _n("Attention", "hidden wqkv bqkv", "attended", num_heads=2, **ms),
        _n("SkipLayerNormalization", "attended hidden gamma beta", "skipped", **ms),
        _n("BiasGelu", "skipped bias", "gelu", **ms),
        _n("FastGelu", "gelu", "fast", **ms),
        _n("FusedMatMul", "fast w", "fused", transB=1, **ms),
        _n("MultiHeadAttention", "fused fused fused", "last_hidden_state", num_heads=4, **ms),
    ], {
        "wqkv": _weights(HIDDEN, 3 * HIDDEN), "bqkv": _weights(3 * HIDDEN), "gamma": _weights(HIDDEN),
        "beta": _weights(HIDDEN), "bias": _weights(HIDDEN), "w": _weights(HIDDEN, HIDDEN),
    }  # fmt: skip


SAMPLES = {"attention": attention, "positions": positions, "pieces": pieces, "quantized": quantized, "fused": fused}
