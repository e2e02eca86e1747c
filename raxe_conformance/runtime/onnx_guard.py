"""What an embedding model may be, checked before ONNX Runtime sees a byte of it.

A model file is a program. This one is held to what an encoder needs: operators out of a list (onnx_ops.py), no control
flow, no files beside it, shapes that can be worked out for every text length (onnx_shapes.py), and with them a bound on
memory and work. ONNX Runtime is a large C++ program; the less reaches it, the less can go wrong in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from raxe_conformance.errors import EmbeddingError
from raxe_conformance.runtime.onnx_ops import MICROSOFT, RULES, Call, Rule, tensor_value
from raxe_conformance.runtime.onnx_shapes import Lengths, Value, bytes_of
from raxe_conformance.runtime.onnx_wire import (
    BFLOAT16,
    BITS,
    FLOAT,
    FLOAT16,
    INT64,
    REMEDY,
    Model,
    Node,
    Reader,
    RefusedError,
)

HALVES: Final = (FLOAT16, BFLOAT16)
INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
OPSETS: Final = range(11, 27)
MAX_LENGTH: Final = 8_192
MAX_PEAK_BYTES: Final = 1_000_000_000  # held at once by one inference, in the order of the file
MAX_MADE_BYTES: Final = 4_000_000_000  # made by one inference: bounds what is held in any other order
MAX_WORK: Final = 200e9  # multiplications of one inference; an encoder of MPNet's size takes 50e9 for 512 tokens
UNFORESEEN: Final = "has inputs that its shape cannot be worked out from"
_ORT_FORMAT: Final = b"ORTM"


@dataclass(frozen=True)
class Outline:
    """What the check found: the width of the token vectors, the version of the operators, and what inference costs.

    peak_bytes and work are upper bounds over all text lengths, for one text at a time.
    """

    width: int
    opset: int
    nodes: int
    peak_bytes: int
    work: float


def check_onnx(data: bytes, *, max_length: int, file: Path | str) -> Outline:
    """Check a model for texts of up to `max_length` tokens. Raises EmbeddingError that names file, field and remedy."""
    try:
        if data[4:8] == _ORT_FORMAT:
            # ONNX Runtime would read it as a FlatBuffer, whatever else it is.
            raise RefusedError("is in ONNX Runtime's own format, not in ONNX")
        if not 3 <= max_length <= MAX_LENGTH:
            raise RefusedError(
                f"is to read {max_length} tokens at once, but should 3 to {MAX_LENGTH}", "max_sequence_length",
                "split texts into shorter windows",
            )  # fmt: skip
        model = Reader(data).model()
        return _Walk(model, max_length).outline()
    except RefusedError as error:
        raise EmbeddingError(error.problem, file=file, field=error.field, remedy=error.remedy) from None


class _Walk:
    """Goes through the nodes in their order, which ONNX demands to be one in which they can run."""

    def __init__(self, model: Model, max_length: int) -> None:
        self._model = model
        self._lengths = Lengths(np.arange(3, max_length + 1, dtype=np.int64))
        self._looked_up: set[bytes | None] = set()
        self._values: dict[bytes, Value] = {name: tensor_value(t) for name, t in model.tensors.items()}

    def outline(self) -> Outline:
        """Raises RefusedError."""
        model = self._model
        if model.opset not in OPSETS:
            raise RefusedError(
                f"uses version {model.opset} of the operators, {OPSETS[0]} to {OPSETS[-1]} are known",
                "opset_import", f"export the model again with an opset in {OPSETS[0]}–{OPSETS[-1]}",
            )  # fmt: skip
        self._add_inputs()
        peak, work = self._run()
        return Outline(self._width(), model.opset, len(model.nodes), peak, work)

    def _add_inputs(self) -> None:
        found = []
        for name in self._model.inputs:
            if name in self._model.tensors:
                continue  # an initialiser that older files also list as an input
            text = name.decode("utf-8", "backslashreplace")
            if text not in INPUTS or text in found:
                raise RefusedError(
                    f"has the input {text[:60]!r}, but should have input_ids and attention_mask", "input"
                )
            found.append(text)
            self._values[name] = Value((1, self._lengths.n), INT64, source=name)
        for text in INPUTS[:2]:
            if text not in found:
                raise RefusedError(f"has no input {text}", "input", "export it with input_ids and attention_mask")

    def _run(self) -> tuple[int, float]:
        """Peak bytes and work. A tensor is held from the node that makes it to the last one that reads it.

        One that depends on no text is held for ever, and twice: ONNX Runtime works it out when it loads the model, and
        keeps it as a part of the graph and as a tensor.
        """
        nodes, values = self._model.nodes, self._values
        last = {name: index for index, node in enumerate(nodes) for name in node.inputs}
        constant = set(self._model.tensors)
        held = peak = made = work = 0.0
        sizes: dict[bytes, float] = {}
        for index, node in enumerate(nodes):
            call = self._call(node)
            try:
                outputs = _rule(node)(call)
                if len(node.outputs) > len(outputs):
                    raise RefusedError(f"has {len(node.outputs)} outputs, at most {len(outputs)} are known")
                for name, value in zip(node.outputs, outputs, strict=False):
                    if not name:
                        continue
                    if name in values:
                        raise RefusedError("makes what is there already")
                    if value.type not in BITS:
                        raise RefusedError(f"makes elements of the type {value.type}, which no encoder needs")
                    values[name] = value
                    sizes[name] = self._lengths.elements(value.shape) * bytes_of(value.type)
                    held += sizes[name]
                    made += sizes[name]
            except RefusedError as error:
                raise RefusedError(error.problem, f"node {_shown(node)}", error.remedy) from None
            except (ValueError, IndexError, TypeError, OverflowError) as error:
                # A rule met what it does not foresee: nothing that an encoder's export holds.
                raise RefusedError(f"{UNFORESEEN}: {error}", f"node {_shown(node)}") from None
            work += call.work + sum(sizes[name] for name in node.outputs if name)
            # Most kernels know no 16-bit floats: what they read and make is held as 32-bit ones as well.
            ends = {*node.inputs, *node.outputs} & sizes.keys()
            halves = sum(sizes[name] for name in ends if values[name].type in HALVES)
            kept = constant.issuperset(filter(None, node.inputs))
            for name in filter(None, node.outputs):
                if kept or values[name].same_for_all():
                    constant.add(name)
                    held += sizes[name]
            peak = max(peak, held + 4 * call.scratch + 2 * halves)
            if peak > MAX_PEAK_BYTES or made > MAX_MADE_BYTES or work > MAX_WORK:
                raise RefusedError(
                    f"would hold {peak / 1e6:.0f} MB, make {made / 1e6:.0f} MB and multiply {work / 1e9:.0f}e9 times "
                    f"for one text; the limits are {MAX_PEAK_BYTES / 1e6:.0f}, {MAX_MADE_BYTES / 1e6:.0f} and "
                    f"{MAX_WORK / 1e9:.0f}e9", f"node {_shown(node)}",
                )  # fmt: skip
            for name in ends - constant:
                if last.get(name, -1) <= index:
                    held -= sizes.pop(name, 0.0)
        return int(peak), work

    def _call(self, node: Node) -> Call:
        inputs: list[Value | None] = []
        for name in node.inputs:
            value = self._values.get(name) if name else None
            if name and value is None:
                raise RefusedError(f"reads {name[:60]!r}, which nothing before it makes", f"node {_shown(node)}")
            inputs.append(value)
        return Call(node, inputs, self._lengths, self._model.opset, self._looked_up)

    def _width(self) -> int:
        """The width of the token vectors, which the first output holds."""
        outputs = self._model.outputs
        first = self._values.get(outputs[0]) if outputs else None
        if first is None or any(name not in self._values for name in outputs):
            raise RefusedError("has no output, or one that nothing makes", "output")
        shape, n = first.shape, self._lengths.n
        if len(shape) != 3 or not isinstance(shape[2], int) or not all(map(self._lengths.same, shape[:2], (1, n))):
            raise RefusedError(
                f"gives an output of shape {self._lengths.show(shape)}, but should [batch, tokens, width]",
                "output", "export the token vectors (last_hidden_state) as the first output",
            )  # fmt: skip
        if first.type != FLOAT:
            raise RefusedError("gives an output that is not float32", "output", "export it with a float32 output")
        if b"attention_mask" in self._looked_up:
            raise RefusedError(
                "looks attention_mask up as if it were tokens: inputs are swapped", "attention_mask", REMEDY
            )
        if b"input_ids" not in self._looked_up:
            raise RefusedError("never looks input_ids up in a table of embeddings", "input_ids", REMEDY)
        return shape[2]


def _rule(node: Node) -> Rule:
    rule = RULES.get((node.domain, node.op))
    if rule is None:
        where = f" of the domain {node.domain[:60]!r}" if node.domain not in ("", MICROSOFT) else ""
        raise RefusedError(f"is the operator {node.op[:60]!r}{where}, which an encoder does not need")
    return rule


def _shown(node: Node) -> str:
    return f"{node.name[:80] or node.op[:60]!r}"
