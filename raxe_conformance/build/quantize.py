"""Smaller number formats: int8 by dynamic quantization, and float16 as a way to store."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from raxe_conformance.build.export import PRODUCER, PRODUCT, WORDS
from raxe_conformance.errors import BuildError

QUANTIZED_OPS: Final = ("MatMul", "Gather")
_LARGEST_FLOAT16: Final = 65504.0


def quantize_int8(model: Any, *, per_channel: bool, reduce_range: bool, float_activations: Sequence[str] = ()) -> Any:
    """The onnx.ModelProto with int8 weights: multiplications by a constant, and the word embeddings.

    Activations get their scale while running, from the whole tensor. reduce_range keeps weights to 7 bits, so that
    processors without VNNI instructions cannot saturate their 16-bit sums; per_channel gives each output its own scale.
    Everything else stays float32, biases by distance among it: they are few, and one scale for all of them is coarse.

    float_activations: layers of the graph such as "layer.6.down" that multiply in float32; their weights are int8 with
    one scale an output. Meant for layers whose input has outliers: one scale for the whole tensor would round the rest
    to nothing. Raises BuildError for a name that is not there.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    products = {node.name.removesuffix(PRODUCT): node.name for node in model.graph.node if node.op_type == "MatMul"}
    if unknown := [name for name in float_activations if name not in products]:
        raise BuildError("is no layer of the graph", field=unknown[0], remedy="name one as in layer.0.down")
    others = [node.name for node in model.graph.node if node.op_type == "Gather" and node.input[0] != WORDS]
    others += [products[name] for name in float_activations]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "int8.onnx"
        # It advises a pre-processing step on the root logger, which does nothing for a graph without symbolic junk.
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            quantize_dynamic(
                model,
                target,
                op_types_to_quantize=list(QUANTIZED_OPS),
                per_channel=per_channel,
                reduce_range=reduce_range,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=others,
            )
        finally:
            logging.disable(before)
        quantized = onnx.load(target)
    # The tool's name and version would make the bytes depend on it.
    quantized.producer_name, quantized.producer_version = PRODUCER, ""
    for name in float_activations:
        _store_int8(quantized.graph, products[name])
    return quantized


def _store_int8(graph: Any, product: str) -> None:
    """Turn x @ W into (x @ float(int8 W)) * scale, which ONNX Runtime casts once, on loading."""
    from onnx import TensorProto, helper, numpy_helper

    at = next(index for index, node in enumerate(graph.node) if node.name == product)
    node = graph.node[at]
    tensor = next(tensor for tensor in graph.initializer if tensor.name == node.input[1])
    weight, name, output = numpy_helper.to_array(tensor), tensor.name, node.output[0]
    scale = np.maximum(np.abs(weight).max(axis=0) / np.float32(127.0), np.finfo(np.float32).tiny)
    tensor.CopyFrom(numpy_helper.from_array(np.rint(weight / scale).astype(np.int8), f"{name}.int8"))
    graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
    node.output[0] = f"{output}.unscaled"
    cast = helper.make_node("Cast", [f"{name}.int8"], [name], name=f"{name}.cast", to=TensorProto.FLOAT)
    scaled = helper.make_node("Mul", [node.output[0], f"{name}.scale"], [output], name=f"{output}.scaled")
    graph.node.insert(at + 1, scaled)
    graph.node.insert(at, cast)


def store_float16(model: Any) -> Any:
    """A copy of the onnx.ModelProto whose large weights are stored as float16 and cast to float32 where they are used.

    Half the size; computed in float32, so neither faster nor smaller in memory. Raises BuildError where a weight is
    beyond what float16 can hold.
    """
    from onnx import ModelProto, TensorProto, helper, numpy_helper

    smaller = ModelProto()
    smaller.CopyFrom(model)
    casts = []
    for tensor in smaller.graph.initializer:
        array = numpy_helper.to_array(tensor)
        # Scales and biases are a few bytes, and norms are the most sensitive to rounding.
        if tensor.data_type != TensorProto.FLOAT or array.ndim < 2:
            continue
        if float(np.abs(array).max()) > _LARGEST_FLOAT16:
            raise BuildError(
                "holds a value that float16 cannot hold", field=tensor.name, remedy="export as fp32 or int8"
            )
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}.float16"))
        casts.append(helper.make_node("Cast", [f"{name}.float16"], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *smaller.graph.node]
    del smaller.graph.node[:]
    smaller.graph.node.extend(nodes)
    return smaller
