"""An encoder of BERT's kind as an ONNX graph of the standard domain, node by node.

Built by hand rather than traced, so that it needs no torch, holds no paths, names or dates of the machine that made
it, and has the shape that ONNX Runtime's int8 kernels run fastest (docs/building.md has the measurements):

- query, key and value are one multiplication, so their common input is quantized once instead of three times;
- from opset 23 on, attention is the standard `Attention` operator, which reads the heads in place; below, it is
  spelled out;
- residuals are `Sum`, not `Add`: ONNX Runtime would fuse `Add` + `LayerNormalization` into a kernel that takes longer
  than the two;
- a bias by distance (MPNet) is looked up once for all layers, and added to the mask.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.bert import Bert, Dense, Layer, Norm
from raxe_conformance.errors import BuildError

PRODUCER: Final = "raxe-conformance"
INPUTS: Final = ("input_ids", "attention_mask")
OUTPUT: Final = "last_hidden_state"
WORDS: Final = "words"
PRODUCT: Final = ".product"  # how the names of multiplications by weights end
ATTENTION_OPSET: Final = 23
OPSETS: Final = (20, 21, 22, ATTENTION_OPSET)
# The oldest IR that carries the opset, so that the oldest runtime that could read the graph does.
_IR: Final = {20: 9, 21: 10, 22: 10, 23: 11}


def export_bert(bert: Bert, *, opset: int) -> Any:
    """The encoder as an onnx.ModelProto (float32).

    Inputs input_ids and attention_mask, int64 [batch, sequence]; output last_hidden_state, float32 [batch, sequence,
    width]. Token types are taken to be 0. Raises BuildError for an opset that lacks Gelu or that is not known.
    """
    if opset not in OPSETS:
        raise BuildError(
            f"is {opset}, but should be one of {', '.join(map(str, OPSETS))}", field="opset",
            remedy="20 runs on every ONNX Runtime from 1.17 on, 23 is faster and needs 1.23",
        )  # fmt: skip
    return _Graph(bert, opset).model()


def to_bytes(model: Any) -> bytes:
    """The same model gives the same bytes: protobuf does not promise an order unless asked for one."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


class _Graph:
    """Collects the nodes and initialisers of one encoder."""

    def __init__(self, bert: Bert, opset: int) -> None:
        from onnx import helper

        self._helper, self._bert, self._opset = helper, bert, opset
        self._nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}

    def model(self) -> Any:
        from onnx import TensorProto, checker

        config = self._bert.config
        hidden = self._embed()
        mask = self._mask()
        for index, layer in enumerate(self._bert.layers):
            last = index + 1 == len(self._bert.layers)
            hidden = self._layer(layer, f"layer.{index}", hidden, mask, OUTPUT if last else f"layer.{index}.output")
        value = self._helper.make_tensor_value_info
        graph = self._helper.make_graph(
            self._nodes,
            "bert",
            [value(name, TensorProto.INT64, ["batch", "sequence"]) for name in INPUTS],
            [value(OUTPUT, TensorProto.FLOAT, ["batch", "sequence", config.width])],
            list(self._tensors.values()),
        )
        model = self._helper.make_model(
            graph,
            producer_name=PRODUCER,
            opset_imports=[self._helper.make_opsetid("", self._opset)],
            ir_version=_IR[self._opset],
        )
        checker.check_model(model, full_check=True)
        return model

    def _embed(self) -> str:
        words = self._node("Gather", [self._constant(WORDS, self._bert.words), "input_ids"], "embeddings.words")
        length = self._node("Shape", ["input_ids"], "length", start=1, end=2)
        zero = self._constant("zero", np.array([0], np.int64))
        # Positions count from 0 without gaps, so they are a slice of the table, not a look-up.
        places = self._node("Slice", [self._constant("places", self._bert.places), zero, length, zero], "places.used")
        summed = self._node("Sum", [words, places], "embeddings.sum")
        return self._norm(self._bert.norm, summed, "embeddings.norm", "embeddings.output")

    def _mask(self) -> str:
        """0 where the mask is 1, −10,000 where it is 0: e to the power of it is 0 in float32, and nothing overflows."""
        from onnx import TensorProto

        mask = self._node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
        off = self._node("Sub", [mask, self._constant("one", np.float32(1.0))], "mask.off")
        scaled = self._node("Mul", [off, self._constant("far", np.float32(10_000.0))], "mask.scaled")
        axes = self._constant("mask.axes", np.array([1, 2], np.int64))
        mask = self._node("Unsqueeze", [scaled, axes], "mask.additive")  # [batch, 1, 1, sequence]
        if self._bert.distances is not None:
            return self._node("Add", [mask, self._bias(self._bert.distances)], "mask.biased")
        if self._opset < ATTENTION_OPSET:
            return mask
        # ONNX Runtime's Attention wants a row for every query: [batch, 1, sequence, sequence].
        one = self._constant("mask.one", np.array([1], np.int64))
        shape = self._node("Concat", [one, one, "length", one], "mask.shape", axis=0)
        return self._node("Expand", [mask, shape], "mask.full")

    def _bias(self, distances: NDArray[np.float32]) -> str:
        """The bias on attention scores, [heads, sequence, sequence]: entry (i, j) is that of the distance j - i."""
        positions = self._bert.config.positions
        zero, one = self._constant("zero", np.array([0], np.int64)), self._constant("bias.one", np.array([1], np.int64))
        order = np.arange(positions, dtype=np.int64)
        # The table begins with the distance -(positions - 1), so entry (i, j) stands at j - (i - (positions - 1)).
        keys = self._constant("bias.keys", order[None, :])
        queries = self._constant("bias.queries", order[:, None] - (positions - 1))
        keys = self._node("Slice", [keys, zero, "length", one], "bias.keys.used")
        queries = self._node("Slice", [queries, zero, "length", zero], "bias.queries.used")
        entries = self._node("Sub", [keys, queries], "bias.entries")
        return self._node("Gather", [self._constant("distances", distances), entries], "bias", axis=1)

    def _layer(self, layer: Layer, at: str, hidden: str, mask: str, output: str) -> str:
        mixed = self._attention(layer, at, hidden, mask)
        mixed = self._dense(layer.out, mixed, f"{at}.attention.dense")
        mixed = self._node("Sum", [mixed, hidden], f"{at}.attention.sum")
        hidden = self._norm(layer.attention_norm, mixed, f"{at}.attention.norm", f"{at}.attention.output")
        inner = self._node("Gelu", [self._dense(layer.up, hidden, f"{at}.up")], f"{at}.gelu")
        inner = self._node("Sum", [self._dense(layer.down, inner, f"{at}.down"), hidden], f"{at}.sum")
        return self._norm(layer.norm, inner, f"{at}.norm", output)

    def _attention(self, layer: Layer, at: str, hidden: str, mask: str) -> str:
        """softmax(q · kᵀ / √d + mask) · v by heads, [batch, sequence, width]."""
        config = self._bert.config
        parts = [f"{at}.{part}" for part in ("query", "key", "value")]
        if self._opset >= ATTENTION_OPSET:
            self._split(self._dense(layer.qkv, hidden, f"{at}.qkv"), parts)
            return self._node(
                "Attention", [*parts, mask], f"{at}.mixed", q_num_heads=config.heads, kv_num_heads=config.heads
            )
        self._split(self._dense(_scaled(layer.qkv, config.width // config.heads), hidden, f"{at}.qkv"), parts)
        width = config.width // config.heads
        shape = self._constant("heads.shape", np.array([0, 0, config.heads, width], np.int64))
        query, key, value = (
            self._node("Transpose", [self._node("Reshape", [part, shape], f"{part}.heads")], f"{part}.by_head",
                       perm=[0, 2, 1, 3])
            for part in parts
        )  # fmt: skip
        # Turned in a step of its own, which ONNX Runtime takes into the multiplication.
        turned = self._node("Transpose", [key], f"{at}.key.turned", perm=[0, 1, 3, 2])
        scores = self._node("MatMul", [query, turned], f"{at}.scores")
        scores = self._node("Add", [scores, mask], f"{at}.scores.masked")
        shares = self._node("Softmax", [scores], f"{at}.shares", axis=-1)
        mixed = self._node("MatMul", [shares, value], f"{at}.mixed.by_head")
        mixed = self._node("Transpose", [mixed], f"{at}.mixed.turned", perm=[0, 2, 1, 3])
        return self._node(
            "Reshape", [mixed, self._constant("width.shape", np.array([0, 0, config.width], np.int64))], f"{at}.mixed"
        )

    def _split(self, name: str, parts: list[str]) -> None:
        self._nodes.append(self._helper.make_node("Split", [name], parts, name=f"{name}.split", axis=2, num_outputs=3))

    def _dense(self, dense: Dense, name: str, at: str) -> str:
        product = self._node("MatMul", [name, self._constant(f"{at}.weight", dense.weight)], f"{at}{PRODUCT}")
        return self._node("Add", [product, self._constant(f"{at}.bias", dense.bias)], at)

    def _norm(self, norm: Norm, name: str, at: str, output: str) -> str:
        scale, shift = self._constant(f"{at}.scale", norm.scale), self._constant(f"{at}.shift", norm.shift)
        epsilon = self._bert.config.epsilon
        return self._node("LayerNormalization", [name, scale, shift], output, axis=-1, epsilon=epsilon)

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(self._helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def _constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        """An initialiser, once for each name."""
        from onnx import numpy_helper

        if name not in self._tensors:
            self._tensors[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name


def _scaled(qkv: Dense, head_width: int) -> Dense:
    """The query's part divided by √head_width, which saves a division of every score."""
    third = qkv.bias.shape[0] // 3
    factor = np.ones(qkv.bias.shape[0], np.float32)
    factor[:third] = np.float32(1.0) / np.sqrt(np.float32(head_width))
    return Dense(qkv.weight * factor, qkv.bias * factor)
