"""Text → unit vectors: tokenizer, embedding model (backends/), masked mean pooling, L2 norm.

A text longer than the model's window is read in overlapping windows, each by itself, so that no part goes unseen and
no vector depends on what else is in a batch: dynamic int8 takes one activation scale from the whole tensor, so padding
and batch mates would change it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import EmbeddingError, one_line
from raxe_conformance.fileio import read_bounded
from raxe_conformance.headset import WindowSelector
from raxe_conformance.runtime.backends.session import ONNXRUNTIME, open_session
from raxe_conformance.runtime.onnx_guard import check_onnx
from raxe_conformance.runtime.selector import choose_window
from raxe_conformance.runtime.text import piece_characters, pieces
from raxe_conformance.runtime.tokenizer_guard import check_tokenizer

MAX_ONNX_BYTES = 512_000_000  # MPNet in float32 takes 436 MB; ONNX Runtime needs a multiple of it to load one
MAX_TOKENIZER_BYTES = 16_000_000
OVERLAP = 0.25
_REBUILD = "export the model again: it writes model and tokenizer together"

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
    return [*_before_last(tokens, window), max(0, tokens - window)]


def _before_last(tokens: int, window: int) -> range:
    """Where all windows but the last one begin."""
    return range(0, tokens - window, max(1, window - int(window * OVERLAP)))


class _Windows(Sequence[NDArray[np.int64]]):
    """The framed windows of a text's token ids [tokens]."""

    def __init__(
        self, ids: NDArray[np.int32], inner: int, frame: Callable[[NDArray[np.int32]], NDArray[np.int64]]
    ) -> None:
        self._ids, self._inner, self._frame = ids, inner, frame
        self._starts = _before_last(len(ids), inner)

    def __len__(self) -> int:
        return len(self._starts) + 1 if len(self._ids) else 0

    @overload
    def __getitem__(self, index: int) -> NDArray[np.int64]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.int64]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.int64] | list[NDArray[np.int64]]:
        at = range(len(self))[index]
        if isinstance(at, range):
            return [self[one] for one in at]
        start = self._starts[at] if at < len(self._starts) else max(0, len(self._ids) - self._inner)
        return self._frame(self._ids[start : start + self._inner])


class Embedder:
    """An embedding model with its tokenizer. Thread-safe, as sessions and tokenizers are."""

    def __init__(
        self,
        onnx: bytes,
        tokenizer: bytes,
        *,
        max_sequence_length: int,
        threads: int | None = None,
        name: str = "embedding model",
        tokenizer_name: str | None = None,
        backend: str = ONNXRUNTIME,
    ) -> None:
        """Check both from their bytes, load them, and try them on the longest input and the largest token id.

        max_sequence_length counts tokens, special ones included. threads: of one inference, None for the backend's
        default (one a core). name, tokenizer_name: what error messages call the files. backend: what computes, see
        backends/session.py. Raises EmbeddingError, RuntimeMissingError where the backend is not installed, UsageError
        where there is no such backend.
        """
        self.name, self.max_sequence_length = name, max_sequence_length
        self._tokenizer_name = tokenizer_name or name
        outline = check_onnx(onnx, max_length=max_sequence_length, file=name)
        bounds = check_tokenizer(tokenizer, file=self._tokenizer_name)
        self._largest_id, self._piece = bounds.largest_id, piece_characters(bounds.growth)
        self._tokenizer = _load_tokenizer(tokenizer, self._tokenizer_name, bounds.added)
        special = self._encode("", add_special_tokens=True)
        if len(special) != 2:
            raise EmbeddingError(
                f"frames a text in {len(special)} special tokens, but should in two",
                file=self._tokenizer_name,
                field="tokenizer",
                remedy="set a post_processor that adds one token before and one behind",
            )
        self._first, self._last = special
        self.token_ids("word")
        self.backend = backend
        self._session = open_session(backend, onnx, name=name, threads=threads)
        self.width = outline.width
        self._try()

    @classmethod
    def load(cls, onnx: Path, tokenizer: Path, *, max_sequence_length: int, threads: int | None = None) -> Self:
        """Load from files. Raises MissingFileError or EmbeddingError."""
        return cls(
            read_bounded(onnx, MAX_ONNX_BYTES, what="the embedding model"),
            read_bounded(tokenizer, MAX_TOKENIZER_BYTES, what="the tokenizer"),
            max_sequence_length=max_sequence_length,
            threads=threads,
            name=str(onnx),
            tokenizer_name=str(tokenizer),
        )

    def tokenize(self, text: str) -> Sequence[NDArray[np.int64]]:
        """Token ids [tokens] int64 of each window, special tokens included. A text without tokens has no windows.

        Each window is made when it is asked for: in windows of three tokens, all of a long text would fill gigabytes.
        """
        ids = self.token_ids(text)
        inner = self.max_sequence_length - 2
        return _Windows(ids, inner, self.frame)

    def reading(self, text: str, selector: WindowSelector | None) -> tuple[Sequence[NDArray[np.int64]], float]:
        """What is read of a text, and the first stage's part of the logit: all windows, or the one that it chooses."""
        if selector is None:
            return self.tokenize(text), 0.0
        ids = self.token_ids(text)
        if not len(ids):
            return [], 0.0
        choice = choose_window(selector, ids)
        return [self.frame(ids[choice.start : choice.start + selector.window])], selector.mix * choice.logit

    def token_ids(self, text: str) -> NDArray[np.int32]:
        """Ids of all tokens of the text, without special ones: [tokens] int32.

        Raises EmbeddingError where letters and digits give no tokens: a text without tokens counts as harmless.
        """
        # Four bytes each, where a list takes 36: a tokenizer that makes many of few may give 66 million.
        ids = array("i")
        for piece in pieces(text, self._piece):
            found = self._encode(piece, add_special_tokens=False)
            if not found and any(map(str.isalnum, piece)):
                raise EmbeddingError(
                    "the tokenizer loses all words of a text",
                    file=self._tokenizer_name, field="tokenizer", remedy=_REBUILD,
                )  # fmt: skip
            ids.extend(found)
        return np.frombuffer(ids, dtype=np.int32) if ids else np.zeros(0, dtype=np.int32)

    def frame(self, ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """A window's ids [tokens] between the special tokens: [tokens + 2] int64."""
        framed = np.empty(len(ids) + 2, dtype=np.int64)
        framed[0], framed[1:-1], framed[-1] = self._first, ids, self._last
        return framed

    def infer(self, ids: NDArray[np.int64]) -> FloatArray:
        """Token vectors [1, tokens, width] float32 of one window.

        Raises EmbeddingError where the model fails, or gives what no decision can rest on: a NaN compares as "no
        attack", so it must not get as far as the heads.
        """
        batch = ids[None, :]
        feeds = {"input_ids": batch, "attention_mask": np.ones_like(batch), "token_type_ids": np.zeros_like(batch)}
        try:
            hidden: FloatArray = self._session.run(feeds)
        except Exception as error:  # noqa: BLE001  backends raise their own unrelated classes
            raise EmbeddingError(
                f"does not take {len(ids)} tokens with ids up to {int(ids.max())}: {one_line(error, 200)}",
                file=self.name,
                remedy="model and tokenizer must be of one export, and max_sequence_length within its positions",
            ) from None
        if hidden.shape != (1, len(ids), self.width) or hidden.dtype != np.float32:
            raise EmbeddingError(
                f"gives {hidden.dtype} {list(hidden.shape)} for {len(ids)} tokens, "
                f"but should float32 {[1, len(ids), self.width]}",
                file=self.name, field="output", remedy=_REBUILD,
            )  # fmt: skip
        flat = hidden.ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            size = float(np.dot(flat, flat))
        if not 0.0 < size < float("inf"):
            fault = "nothing but zeros" if size == 0.0 else "values that are not finite"
            raise EmbeddingError(f"gives {fault}", file=self.name, field="output", remedy=_REBUILD)
        return hidden

    def embed(self, text: str) -> FloatArray:
        """Unit vectors [windows, width] float32; [0, width] for a text without tokens."""
        vectors = [mean_pool(self.infer(ids), np.ones((1, len(ids)), dtype=np.int64))[0] for ids in self.tokenize(text)]
        return np.stack(vectors) if vectors else np.zeros((0, self.width), dtype=np.float32)

    def _encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        except BaseException as error:
            # A panic of the tokenizer's Rust code is no Exception.
            if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
                raise
            raise EmbeddingError(
                f"the tokenizer fails on a text: {one_line(error, 200)}",
                file=self._tokenizer_name, field="tokenizer", remedy=_REBUILD,
            ) from None  # fmt: skip
        return ids

    def _try(self) -> None:
        """Run the longest window of the largest token id, and see that tokens make a difference."""
        largest = max(self._largest_id, self._first, self._last)
        self.infer(np.full(self.max_sequence_length, largest, dtype=np.int64))
        vectors = [
            mean_pool(self.infer(np.full(3, token, dtype=np.int64)), np.ones((1, 3), dtype=np.int64))
            for token in sorted({0, largest // 3, 2 * largest // 3, largest})
        ]
        if all(np.abs(vector - vectors[0]).max() < 1e-6 for vector in vectors):
            raise EmbeddingError(
                "gives the same vector whatever the tokens: its inputs may be swapped",
                file=self.name, field="input_ids", remedy=_REBUILD,
            )  # fmt: skip


def _load_tokenizer(data: bytes, name: str, added: Mapping[str, int]) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(data)
    except BaseException as error:
        # tokenizers raises bare Exception; a panic of its Rust code is not even that.
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise EmbeddingError(
            f"the tokenizer cannot be read: {one_line(error, 200)}", file=name, field="tokenizer", remedy=_REBUILD
        ) from None
    # Settings that travel in the file would cut or pad silently; the window is this module's business.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for token, number in added.items():
        # Where the file is wrong about an id, the library takes another one in silence.
        if tokenizer.token_to_id(token) != number:
            raise EmbeddingError(
                f"gives the added token {one_line(repr(token), 60)} the id {number}, but it has "
                f"{tokenizer.token_to_id(token)}", file=name, field="added_tokens", remedy=_REBUILD,
            )  # fmt: skip
    return tokenizer
