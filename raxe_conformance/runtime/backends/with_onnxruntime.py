"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import EmbeddingError, one_line


class OnnxRuntimeSession:
    """A model in ONNX Runtime, whose sessions are thread-safe."""

    def __init__(self, native: Any) -> None:
        """native: an onnxruntime.InferenceSession."""
        self.native = native
        self._inputs = [node.name for node in native.get_inputs()]
        # Only the token vectors: what else a file offers is not worth computing.
        self._outputs = [native.get_outputs()[0].name]

    def run(self, feeds: Mapping[str, NDArray[np.int64]]) -> Any:
        """The first output."""
        return self.native.run(self._outputs, {name: feeds[name] for name in self._inputs})[0]


def load(data: bytes, *, name: str, threads: int | None) -> OnnxRuntimeSession:
    """Load a model. Raises ImportError where ONNX Runtime is not installed, EmbeddingError."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    # Nothing but ONNX, whatever the bytes look like: it is as ONNX that they were checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4
    options.inter_op_num_threads = 1
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        native = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # noqa: BLE001  ONNX Runtime raises its own unrelated classes
        raise EmbeddingError(
            f"ONNX Runtime cannot load it: {one_line(error, 200)}", file=name, remedy="build or fetch it again"
        ) from None
    return OnnxRuntimeSession(native)
