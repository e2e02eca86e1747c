"""Texts as token ids, and the linear window selector fitted on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.heads import text_weights
from raxe_conformance.build.recipe import SelectorSettings
from raxe_conformance.errors import BuildError
from raxe_conformance.headset import WindowSelector
from raxe_conformance.runtime.selector import choose_window, ngram_buckets
from raxe_conformance.runtime.text import normalise

Ids = NDArray[np.int64]
_ROUNDS = 2


def token_ids(texts: Sequence[str], tokenizer: bytes) -> list[Ids]:
    """Token ids of each text without special tokens, as the detector takes them."""
    encoded = _coder(tokenizer).encode_batch_fast([normalise(text) for text in texts], add_special_tokens=False)
    return [np.array(item.ids, np.int64) for item in encoded]


def special_ids(tokenizer: bytes) -> tuple[int, int]:
    """The ids that stand before and behind a text. Raises BuildError where there are not two."""
    ids: list[int] = _coder(tokenizer).encode("").ids
    if len(ids) != 2:
        raise BuildError(f"frames a text in {len(ids)} special tokens, but should in two", field="post_processor")
    return ids[0], ids[1]


def _coder(tokenizer: bytes) -> Any:
    from tokenizers import Tokenizer

    coder = Tokenizer.from_buffer(tokenizer)
    coder.no_truncation()
    coder.no_padding()
    return coder


def fit_selector(
    ids: Sequence[Ids],
    attack: NDArray[np.bool_],
    source: Sequence[str],
    *,
    settings: SelectorSettings,
    seed: int,
) -> WindowSelector:
    """A linear model of windows: attacks by their most suspicious window, benign texts by theirs as well.

    The first round takes the first window of every text, later ones the window that the model before chose. Repeatable.
    """
    from sklearn.linear_model import LogisticRegression

    window = settings.window
    weights = text_weights(source, attack, 0.5)
    chosen = [item[:window] for item in ids]
    extra: list[Ids] = []
    selector = None
    for _ in range(_ROUNDS + 1):
        texts = [*chosen, *extra]
        matrix = _matrix(texts, settings.bits)
        # What a benign text's other windows look like must not be forgotten between the rounds.
        label = np.concatenate([attack, np.zeros(len(extra), np.bool_)])
        weight = np.concatenate([weights, np.full(len(extra), float(weights[~attack].mean()))])
        model = LogisticRegression(C=settings.c, solver="liblinear", random_state=seed, max_iter=300, tol=1e-3)
        model.fit(matrix, label, sample_weight=weight)
        coefficients = model.coef_[0]
        scale = float(np.abs(coefficients).max() / 127)
        selector = WindowSelector(
            weights=np.rint(coefficients / scale).astype(np.int8),
            scale=scale,
            bias=float(model.intercept_[0]),
            window=window,
            mix=settings.mix,
        )
        best = [item[(start := choose_window(selector, item).start) : start + window] for item in ids]
        extra = [
            item[:window] for item, is_attack in zip(ids, attack, strict=True) if len(item) > window and not is_attack
        ]
        chosen = best
    assert selector is not None
    return selector


def _matrix(windows: Sequence[Ids], bits: int) -> object:
    """Counts of hashed n-grams over √tokens: sparse [windows, 2**bits] float64."""
    from scipy.sparse import csr_matrix

    columns, values, starts = [], [], [0]
    for item in windows:
        buckets, counts = np.unique(np.concatenate(ngram_buckets(item, bits)), return_counts=True)
        columns.append(buckets)
        values.append(counts / max(1, len(item)) ** 0.5)
        starts.append(starts[-1] + len(buckets))
    return csr_matrix((np.concatenate(values), np.concatenate(columns), starts), shape=(len(windows), 2**bits))
