"""Smaller number formats: int8 by dynamic quantization, and float16 as a way to store."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from raxe_conformance.build.export import PRODUCER
from raxe_conformance.errors import BuildError

QUANTIZED_OPS: Final = ("MatMul", "Gather")
_LARGEST_FLOAT16: Final = 65504.0


def quantize_int8(model: Any, *, per_channel: bool, reduce_range: bool) -> Any:
    """The onnx.ModelProto with int8 weights: multiplications by a constant, and the word embeddings.

    Activations get their scale while running, from the whole tensor. reduce_range keeps weights to 7 bits, so that
    processors without VNNI instructions cannot saturate their 16-bit sums; per_channel gives each output its own scale.
    Everything else stays float32.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

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
            )
        finally:
            logging.disable(before)
        quantized = onnx.load(target)
    # The tool's name and version would make the bytes depend on it.
    quantized.producer_name, quantized.producer_version = PRODUCER, ""
    return quantized


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
