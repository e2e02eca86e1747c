"""Detectors: the cached call, the load, and what `analyze` adds to tokenizer, model and heads."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from meta_tests.benchmarks.figures import held, in_turn, median, seconds, spread
from raxe_conformance import Detector, ModelRegistry
from raxe_conformance.packaged import shipped_benchmark
from raxe_conformance.runtime.embed import mean_pool

TEXTS, ROUNDS = 150, 20


@contextmanager
def registry(models: Path) -> Iterator[ModelRegistry]:
    """The shipped registry where its first variant is built, else one with the toy variant."""
    found = ModelRegistry(models) if models.is_dir() else None
    ready = [variant for variant in found.list_models() if not variant.missing] if found else []
    if found and ready:
        print(f"variant {found.get_best_model().model_id}")
        yield found
        return
    from meta_tests.support.toy import make_toy

    with tempfile.TemporaryDirectory() as name:
        print("NOTE: no variant is built here; the toy variant stands in, whose model does next to nothing")
        yield ModelRegistry(make_toy(Path(name)).models)


def cached(models: Path) -> None:
    """The second create_detector(id), and create_detector() without an id."""
    with registry(models) as found:
        model_id = found.get_best_model().model_id
        found.create_detector(model_id)
        many = range(1_000)

        def by_id() -> None:
            for _ in many:
                found.create_detector(model_id)

        def best() -> None:
            for _ in many:
                found.create_detector()

        for name, samples in in_turn({"by id": by_id, "best": best}, 200).items():
            calls = [sample / len(many) for sample in samples.wall]
            print(f"  {name:6} {spread(calls, 'us')}; {held(1e6 * median(calls), 10, 'us')}")


def load(models: Path) -> None:
    """The first create_detector: bundle, checksums, tokenizer, ONNX session, a trial on the longest input."""
    samples = []
    with registry(models) as found:
        best = found.get_best_model().model_id
        found.create_detector(best)  # imports
        for _ in range(7):
            fresh = ModelRegistry(found.models_dir)
            samples.append(seconds(partial(fresh.create_detector, best)))
    print(f"  load {spread(samples)}")


def analyze(models: Path) -> None:
    """`analyze` against the same tokenizer, session and heads called bare, text by text in turn."""
    with registry(models) as found:
        detector = found.create_detector()
        texts = _texts(detector)
        bare = _Bare(detector)
        for text in texts[:10]:
            assert abs(bare(text) - detector.analyze(text).metadata["score"]) < 1e-6
        extra, base = [], []
        for text in texts:
            samples = in_turn({"bare": partial(bare, text), "analyze": partial(detector.analyze, text)}, ROUNDS)
            base.append(median(samples["bare"].wall))
            extra.append(median([a - b for a, b in zip(samples["analyze"].wall, samples["bare"].wall, strict=True)]))
    share = median([more / less for more, less in zip(extra, base, strict=True)])
    print(f"  bare {spread(base)}")
    print(f"  analyze adds {spread(extra, 'us')} to each of {len(texts)} texts, {ROUNDS} rounds")
    print(f"  median {held(1e3 * median(extra), 0.15, 'ms')}; {held(100 * share, 5, '%')}")


def _texts(detector: Detector) -> list[str]:
    """Texts of the shipped benchmark that fit into one window, spread over it; the toy gets words it knows."""
    if detector.model_id.endswith("toy_int8"):
        return [" ".join(["please", "weather", "report"] * (1 + number % 15)) for number in range(TEXTS)]
    with shipped_benchmark().open(encoding="utf-8") as handle:
        rows = [json.loads(line)["text"] for line in handle]
    short = [text for text in rows if len(detector.embedder.tokenize(text)) == 1]
    return short[:: max(1, len(short) // TEXTS)][:TEXTS]


class _Bare:
    """What one would write without this project: encode, run, pool, multiply."""

    def __init__(self, detector: Detector) -> None:
        embedder, layers = detector.embedder, detector.heads.set.layers
        self.encode, self.session = embedder._tokenizer.encode, embedder._session.native
        self.names = {node.name for node in self.session.get_inputs()}
        self.first, self.last = embedder._first, embedder._last
        self.layers = [layers[name] for name in ("binary", "family", "subfamily") if name in layers]

    def __call__(self, text: str) -> float:
        ids = [self.first, *self.encode(text, add_special_tokens=False).ids, self.last]
        batch = np.array([ids], dtype=np.int64)
        feed: dict[str, Any] = {"input_ids": batch, "attention_mask": np.ones_like(batch)}
        if "token_type_ids" in self.names:
            feed["token_type_ids"] = np.zeros_like(batch)
        vector = mean_pool(self.session.run(None, feed)[0], feed["attention_mask"])
        logits = []
        for layers in self.layers:
            hidden = vector
            for index, (weight, bias) in enumerate(layers):
                hidden = hidden @ weight.T + bias
                if index + 1 < len(layers):
                    hidden = np.maximum(hidden, 0.0)
            logits.append(hidden)
        for hidden in logits[1:]:
            shifted = np.exp(hidden - hidden.max())
            shifted /= shifted.sum()
        return float(1.0 / (1.0 + np.exp(-np.float64(logits[0][0, 0]))))
