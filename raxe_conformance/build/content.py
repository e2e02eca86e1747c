"""Whether two models are the same where their bytes are not: by nodes, by weights, by what they compute."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PROBES: Final = 48
_PROBE_LENGTHS: Final = (3, 8, 16, 31, 64, 128)


@dataclass(frozen=True)
class Difference:
    """How one ONNX model differs from another. Cosines are between mean vectors over PROBES token sequences."""

    nodes: int
    weights: int
    largest: float
    cosine_median: float
    cosine_least: float

    def __str__(self) -> str:
        return (
            f"{self.nodes} nodes and {self.weights} weights differ (by at most {self.largest:.3g}), "
            f"cosine {self.cosine_median:.5f} median, {self.cosine_least:.5f} least"
        )


def content_digest(model: Any) -> str:
    """SHA-256 over what a model computes with: operators, wiring, attributes, weights; not over how it is written."""
    from onnx import numpy_helper

    state = hashlib.sha256()
    for node in _nodes(model):
        state.update(repr(node).encode())
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        array = numpy_helper.to_array(tensor)
        state.update(f"{tensor.name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return state.hexdigest()


def compare_models(one: Any, other: Any, *, vocabulary: int, longest: int) -> Difference:
    """Compare two onnx.ModelProto with the inputs and output of export.py, by content and by what they compute."""
    from onnx import numpy_helper

    nodes_one, nodes_other = _nodes(one), _nodes(other)
    nodes = sum(a != b for a, b in zip(nodes_one, nodes_other, strict=False)) + abs(len(nodes_one) - len(nodes_other))
    weights_one = {tensor.name: numpy_helper.to_array(tensor) for tensor in one.graph.initializer}
    weights_other = {tensor.name: numpy_helper.to_array(tensor) for tensor in other.graph.initializer}
    differing, largest = 0, 0.0
    for name in weights_one.keys() | weights_other.keys():
        a, b = weights_one.get(name), weights_other.get(name)
        if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
            differing += 1
        elif not np.array_equal(a, b):
            differing += 1
            largest = max(largest, float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()))
    cosines = probe_cosines(one, other, vocabulary=vocabulary, longest=longest)
    return Difference(nodes, differing, largest, float(np.median(cosines)), float(cosines.min()))


def probe_cosines(one: Any, other: Any, *, vocabulary: int, longest: int) -> NDArray[np.float64]:
    """Cosines between the two models' mean vectors over seeded token sequences: [PROBES] float64.

    Token ids are below `vocabulary`, lengths vary up to 128 or `longest` tokens.
    """
    cosines: NDArray[np.float64] = (_probe(one, vocabulary, longest) * _probe(other, vocabulary, longest)).sum(axis=1)
    return cosines


def _probe(model: Any, vocabulary: int, longest: int) -> NDArray[np.float64]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    found = []
    for index in range(PROBES):
        length = min(longest, _PROBE_LENGTHS[index % len(_PROBE_LENGTHS)])
        ids = generator.integers(0, vocabulary, (1, length), dtype=np.int64)
        mean = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0].mean(axis=0)
        found.append(mean / np.linalg.norm(mean))
    return np.array(found, np.float64)


def _nodes(model: Any) -> list[tuple[Any, ...]]:
    return [
        (node.op_type, tuple(node.input), tuple(node.output),
         tuple(sorted((a.name, a.SerializeToString(deterministic=True)) for a in node.attribute)))
        for node in model.graph.node
    ]  # fmt: skip
