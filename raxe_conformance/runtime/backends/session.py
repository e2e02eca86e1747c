"""What a backend must do, and the table of those that there are.

A backend takes the bytes of a model that onnx_guard has let pass, and no file: the bytes that were verified and checked
are the bytes that are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import RuntimeMissingError, UsageError, nearest

ONNXRUNTIME: Final = "onnxruntime"
OPENVINO: Final = "openvino"
BACKENDS: Final = (ONNXRUNTIME, OPENVINO)
# backend → (module beside this one, what installs it)
_MADE_BY: Final = {
    ONNXRUNTIME: ("with_onnxruntime", "pip install onnxruntime"),
    OPENVINO: ("with_openvino", "pip install 'raxe-conformance[openvino]'"),
}


class InferenceSession(Protocol):
    """A loaded model. May be run from several threads at once."""

    def run(self, feeds: Mapping[str, NDArray[np.int64]]) -> Any:
        """The first output, an array of its own. feeds: [batch, tokens] int64 for every input that a model may have.

        Raises whatever the library raises where the model does not take them.
        """


def require_backend(name: str) -> None:
    """Raise UsageError, which lists the near names, for what is no backend."""
    if name not in BACKENDS:
        raise UsageError(
            f"is {name!r}", field="backend", remedy=f"did you mean {', '.join(nearest(name, list(BACKENDS)))}?"
        )


def open_session(backend: str, data: bytes, *, name: str, threads: int | None) -> InferenceSession:
    """Load a checked model. threads: of one inference, None for the backend's default. name: the file, in errors.

    Raises UsageError, RuntimeMissingError where the backend is not installed, EmbeddingError.
    """
    require_backend(backend)
    module, remedy = _MADE_BY[backend]
    made = import_module(f"{__package__}.{module}")
    try:
        session: InferenceSession = made.load(data, name=name, threads=threads)
        return session
    except ImportError as error:
        raise RuntimeMissingError(
            f"needs {backend}, which cannot be imported ({error})", file=name, field="backend", remedy=remedy
        ) from None
