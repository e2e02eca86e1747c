"""OpenVINO on the CPU, from the same ONNX file, converted in memory.

Files that were quantized dynamically for ONNX Runtime hold, before each product, operators that find the scale of its
input and round it to 8 bits (DynamicQuantizeLinear, MatMulInteger). OpenVINO would take them word for word and compute
in float32 with the rounding on top, at a fifth of ONNX Runtime's speed. What it is good at is a product with 8-bit
weights and a float input, which it rounds itself, 32 values at a time. So the two operators are translated into that:
the weights stay as they are in the file, and the rounding of what flows through becomes finer than one scale a text.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import EmbeddingError, one_line

# In bfloat16, which is the default where a CPU has it, decisions would depend on the CPU. Threads that are pinned to
# cores would be in the way of the host's own.
_SETTINGS: Final[Mapping[str, Any]] = {
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 32,
    "ENABLE_CPU_PINNING": False,
}


class OpenVinoSession:
    """A model in OpenVINO. A request serves one thread at a time, so there are as many as were ever needed at once."""

    def __init__(self, compiled: Any, rows: int | None) -> None:
        """compiled: an openvino.CompiledModel. rows: of the table that token ids are looked up in, if that is known."""
        self._compiled, self._rows = compiled, rows
        self._inputs = [node.any_name for node in compiled.inputs]
        self._idle: list[Any] = []  # its append and pop are atomic

    def run(self, feeds: Mapping[str, NDArray[np.int64]]) -> Any:
        """The first output. Raises ValueError for a token id that the model has no vector for."""
        # OpenVINO itself answers all the same.
        if self._rows is not None and feeds["input_ids"].max() >= self._rows:
            raise ValueError(f"the table of embeddings has {self._rows} rows")
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            return request.infer({name: feeds[name] for name in self._inputs})[0]
        finally:
            self._idle.append(request)


def load(data: bytes, *, name: str, threads: int | None) -> OpenVinoSession:
    """Load a model. Raises ImportError where OpenVINO is not installed, EmbeddingError."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.onnx import ConversionExtension

    settings = dict(_SETTINGS) if threads is None else {**_SETTINGS, "INFERENCE_NUM_THREADS": threads}
    try:
        # The front end for ONNX, and no guess at the format: it is as ONNX that the bytes were checked.
        front = FrontEndManager().load_by_framework("onnx")
        front.add_extension(ConversionExtension("DynamicQuantizeLinear", _unquantized))
        front.add_extension(ConversionExtension("MatMulInteger", _product))
        model = front.convert(front.load(io.BytesIO(data)))
        compiled = openvino.Core().compile_model(model, "CPU", settings)
    except Exception as error:  # noqa: BLE001  OpenVINO raises RuntimeError and whatever its bindings do
        raise EmbeddingError(
            f"OpenVINO cannot load it: {one_line(error, 200)}", file=name,
            remedy="use the backend onnxruntime, or build or fetch it again",
        ) from None  # fmt: skip
    return OpenVinoSession(compiled, _rows(model))


def _unquantized(node: Any) -> list[Any]:
    """DynamicQuantizeLinear(x) → x itself, as if the scale were 1 and the zero point 0."""
    from openvino import opset13 as ops

    return [node.get_input(0), ops.constant(np.float32(1.0)).output(0), ops.constant(np.float32(0.0)).output(0)]


def _product(node: Any) -> list[Any]:
    """MatMulInteger(a, b, zero point of a, zero point of b) → a float product. What follows it multiplies by scales."""
    from openvino import opset13 as ops

    def shifted(value: int, zero_point: int) -> Any:
        found = ops.convert(node.get_input(value), "f32")
        if node.get_input_size() <= zero_point:
            return found
        return ops.subtract(found, ops.convert(node.get_input(zero_point), "f32"))

    # A factor of one: weights are kept as 8 bits only where they are scaled.
    weights = ops.multiply(shifted(1, 3), ops.constant(np.ones((1, 1), np.float32)))
    return list(ops.matmul(shifted(0, 2), weights, transpose_a=False, transpose_b=False).outputs())


def _rows(model: Any) -> int | None:
    """How many rows the smallest table has that token ids are looked up in; None where that cannot be told."""
    found = []
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Gather":
            continue
        source = node.input_value(1).get_node()
        if source.get_type_name() == "Convert":
            source = source.input_value(0).get_node()
        table = node.input(0).get_partial_shape()
        if source.get_friendly_name() == "input_ids" and table.rank.is_static and table[0].is_static:
            found.append(table[0].get_length())
    return min(found, default=None)
