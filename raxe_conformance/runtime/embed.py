"""Text → unit vectors: tokenizer, ONNX Runtime, masked mean pooling, L2 norm.

A text longer than the model's window is read in overlapping windows, each by itself, so that no part goes unseen and
no vector depends on what else is in a batch: dynamic int8 takes one activation scale from the whole tensor, so padding
and batch mates would change it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import EmbeddingError, one_line
from raxe_conformance.fileio import read_bounded

MAX_ONNX_BYTES = 1_000_000_000
MAX_TOKENIZER_BYTES = 64_000_000
OVERLAP = 0.25

FloatArray = NDArray[np.float32]


def mean_pool(hidden: FloatArray, mask: NDArray[np.int64]) -> FloatArray:
    """Mean of the token vectors where the mask is 1, scaled to length 1.

    hidden [batch, tokens, width] float32, mask [batch, tokens] → [batch, width] float32. As sentence-transformers'
    Pooling (mean) and Normalize modules do it; a row without tokens gives the zero vector.
    """
    weights = mask[..., None].astype(np.float32)
    pooled = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    norm = np.linalg.norm(pooled, axis=1, keepdims=True)
    result: FloatArray = (pooled / np.maximum(norm, 1e-12)).astype(np.float32)
    return result


def window_starts(tokens: int, window: int) -> list[int]:
    """Where windows of `window` tokens begin so that all `tokens` are covered, neighbours overlapping by a quarter.

    The last window ends at the last token. No tokens, no windows.
    """
    if tokens <= 0:
        return []
    if tokens <= window:
        return [0]
    step = max(1, window - int(window * OVERLAP))
    starts = list(range(0, tokens - window, step))
    return [*starts, tokens - window]


class Embedder:
    """An embedding model with its tokenizer. Thread-safe: ONNX Runtime sessions and tokenizers are."""

    def __init__(
        self,
        onnx: bytes,
        tokenizer: bytes,
        *,
        max_sequence_length: int,
        threads: int | None = None,
        name: str = "embedding model",
    ) -> None:
        """Load both from bytes and try them on the longest input and the largest token id.

        max_sequence_length counts tokens, special ones included. threads: ONNX Runtime's intra-op threads, None for
        its default (one a core). Raises EmbeddingError that names the file.
        """
        self.name, self.max_sequence_length = name, max_sequence_length
        self._tokenizer = _load_tokenizer(tokenizer, name)
        special = self._tokenizer.encode("").ids
        if len(special) != 2:
            raise EmbeddingError(
                f"frames a text in {len(special)} special tokens, but should in two", file=name, field="tokenizer"
            )
        self._first, self._last = special
        self._session, self._inputs = _load_session(onnx, name, threads)
        self.width = self._try()

    @classmethod
    def load(cls, onnx: Path, tokenizer: Path, *, max_sequence_length: int, threads: int | None = None) -> Self:
        """Load from files. Raises MissingFileError or EmbeddingError."""
        return cls(
            read_bounded(onnx, MAX_ONNX_BYTES, what="the embedding model"),
            read_bounded(tokenizer, MAX_TOKENIZER_BYTES, what="the tokenizer"),
            max_sequence_length=max_sequence_length,
            threads=threads,
            name=str(onnx),
        )

    def tokenize(self, text: str) -> list[NDArray[np.int64]]:
        """Token ids [tokens] int64 of each window, special tokens included. A text without tokens has no windows."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        inner = self.max_sequence_length - 2
        if len(ids) <= inner:
            return [np.array([self._first, *ids, self._last], dtype=np.int64)] if ids else []
        return [
            np.array([self._first, *ids[start : start + inner], self._last], dtype=np.int64)
            for start in window_starts(len(ids), inner)
        ]

    def infer(self, ids: NDArray[np.int64]) -> FloatArray:
        """Token vectors [1, tokens, width] float32 of one window."""
        batch = ids[None, :]
        feed = {"input_ids": batch, "attention_mask": np.ones_like(batch)}
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(batch)
        hidden: FloatArray = self._session.run(None, feed)[0]
        return hidden

    def embed(self, text: str) -> FloatArray:
        """Unit vectors [windows, width] float32; [0, width] for a text without tokens."""
        vectors = [mean_pool(self.infer(ids), np.ones((1, len(ids)), dtype=np.int64))[0] for ids in self.tokenize(text)]
        return np.stack(vectors) if vectors else np.zeros((0, self.width), dtype=np.float32)

    def _try(self) -> int:
        """The output's width, after the longest window of the largest token id went through."""
        largest = self._tokenizer.get_vocab_size(with_added_tokens=True) - 1
        ids = np.full(self.max_sequence_length, largest, dtype=np.int64)
        try:
            hidden = self.infer(ids)
        except Exception as error:  # noqa: BLE001  ONNX Runtime raises its own unrelated classes
            raise EmbeddingError(
                f"does not take {len(ids)} tokens with ids up to {largest}: {one_line(error, 200)}",
                file=self.name,
                remedy="model and tokenizer must be of one export, and max_sequence_length within its positions",
            ) from None
        if not isinstance(hidden, np.ndarray) or hidden.ndim != 3 or hidden.shape[:2] != (1, len(ids)):
            raise EmbeddingError(
                f"gives an output of shape {getattr(hidden, 'shape', None)}, but should [batch, tokens, width]",
                file=self.name,
            )
        if hidden.dtype != np.float32 or not np.isfinite(hidden).all():
            raise EmbeddingError("gives values that are not finite float32", file=self.name)
        if not hidden.any():
            raise EmbeddingError("gives nothing but zeros", file=self.name)
        return int(hidden.shape[2])


def _load_tokenizer(data: bytes, name: str) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(data)
    except Exception as error:  # noqa: BLE001  tokenizers raises bare Exception
        raise EmbeddingError(
            f"the tokenizer cannot be read: {one_line(error, 200)}", file=name, field="tokenizer",
            remedy="export the model again: it writes the tokenizer alongside",
        ) from None  # fmt: skip
    # Settings that travel in the file would cut or pad silently; the window is this module's business.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load_session(data: bytes, name: str, threads: int | None) -> tuple[Any, set[str]]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.inter_op_num_threads = 1
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  ONNX Runtime raises its own unrelated classes
        raise EmbeddingError(
            f"ONNX Runtime cannot load it: {one_line(error, 200)}", file=name, remedy="build or fetch it again"
        ) from None
    inputs = {node.name for node in session.get_inputs()}
    if not {"input_ids", "attention_mask"} <= inputs <= {"input_ids", "attention_mask", "token_type_ids"}:
        raise EmbeddingError(
            f"has the inputs {', '.join(sorted(inputs))}, but should have input_ids and attention_mask", file=name
        )
    return session, inputs
