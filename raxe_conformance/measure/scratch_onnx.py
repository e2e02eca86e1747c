"""Tiny models as ONNX bytes, written by hand: the onnx package is no dependency of the suites."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_INT = 2  # AttributeProto.AttributeType


def lookup_model(table: NDArray[np.float32]) -> bytes:
    """A model that looks the tokens input_ids [batch, sequence] up in `table` [words, width], times attention_mask.

    Its output is last_hidden_state [batch, sequence, width], float32.
    """
    width = table.shape[1]
    return _model(
        _node("Gather", ["table", "input_ids"], "looked_up"),
        _node("Unsqueeze", ["attention_mask", "axis"], "mask"),
        _node("Cast", ["mask"], "weights", to=_FLOAT),
        _node("Mul", ["looked_up", "weights"], "last_hidden_state"),
        _text(2, "scratch"),
        _bytes(5, _tensor("table", _FLOAT, table.astype("<f4"))),
        _bytes(5, _tensor("axis", _INT64, np.array([2], dtype="<i8"))),
        _bytes(11, _value("input_ids", _INT64, "batch", "sequence")),
        _bytes(11, _value("attention_mask", _INT64, "batch", "sequence")),
        _bytes(12, _value("last_hidden_state", _FLOAT, "batch", "sequence", width)),
    )


def chain_model(width: int, layers: int, rows: int) -> bytes:
    """A model that multiplies x [rows, width] by the same weights again and again, `layers` times, ReLU after each."""
    weights = np.random.default_rng(0).standard_normal((width, width)) / np.sqrt(width)
    names = ["x", *(f"y{layer}" for layer in range(1, layers)), "y"]
    nodes = [
        _node("MatMul", [before, "weights"], f"product_{after}") + _node("Relu", [f"product_{after}"], after)
        for before, after in pairwise(names)
    ]
    return _model(
        *nodes,
        _text(2, "chain"),
        _bytes(5, _tensor("weights", _FLOAT, weights.astype("<f4"))),
        _bytes(11, _value("x", _FLOAT, rows, width)),
        _bytes(12, _value("y", _FLOAT, rows, width)),
    )


def _model(*graph: bytes) -> bytes:
    """ModelProto: ir_version, graph, opset_import of the standard domain."""
    return _number(1, 9) + _bytes(7, b"".join(graph)) + _bytes(8, _text(1, "") + _number(2, 17))


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _node(operator: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    """A field of GraphProto that holds a NodeProto."""
    node = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, operator)
    for name, value in attributes.items():
        node += _bytes(5, _text(1, name) + _number(3, value) + _number(20, _INT))
    return _bytes(1, node)


def _tensor(name: str, kind: int, values: NDArray[np.generic]) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, kind) + _text(8, name) + _bytes(9, values.tobytes())


def _value(name: str, kind: int, *shape: str | int) -> bytes:
    """A ValueInfoProto of a tensor; a dimension is a size or a name."""
    dims = (_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape)
    tensor = _number(1, kind) + _bytes(2, b"".join(_bytes(1, dim) for dim in dims))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))
