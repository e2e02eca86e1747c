"""A registry that loads as sentence-transformers does: a pipeline of modules, each a step from features to features.

Its variants are frozen records, its detectors a pipeline and a classifier; a broken file costs one variant.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class ModelCard(NamedTuple):
    """What is listed."""

    model_id: str
    status: str
    runtime: str
    bundle: Path
    declared: dict[str, Any]


class Module:
    """A step of the pipeline."""

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


class Transformer(Module):
    """Sentences → token embeddings."""

    def __init__(self, onnx: Path, tokenizer: Path, max_seq_length: int) -> None:
        import onnxruntime
        import tokenizers

        for file in (onnx, tokenizer):
            if not file.exists():
                raise OSError(f"Could not find {file.name} in {file.parent}. Please export the model first.")
        self.tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_length=max_seq_length)
        self.backend = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        # One at a time: padding would change what an int8 model computes.
        tokens = []
        for sentence in features["sentences"]:
            clean = sentence.encode("utf-8", "ignore").decode("utf-8")
            ids = np.asarray([self.tokenizer.encode(clean).ids], np.int64)
            inputs = {"input_ids": ids, "attention_mask": np.ones(ids.shape, np.int64)}
            tokens.append(self.backend.run(["last_hidden_state"], inputs)[0][0])
        return {**features, "token_embeddings": tokens}


class Pooling(Module):
    """Token embeddings → sentence embeddings, by the mean."""

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        pooled = np.stack([tokens.mean(axis=0) for tokens in features["token_embeddings"]])
        return {**features, "sentence_embedding": pooled}


class Normalize(Module):
    """Sentence embeddings of length 1."""

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        embedding = features["sentence_embedding"]
        length = np.linalg.norm(embedding, axis=1, keepdims=True)
        return {**features, "sentence_embedding": embedding / np.where(length == 0, 1, length)}


class Dense(Module):
    """A head: sentence embeddings → logits, under its own name."""

    def __init__(self, name: str, tensors: dict[str, Any]) -> None:
        self.name = name
        numbers = sorted({int(key.split(".")[1]) for key in tensors if key.startswith(f"{name}.")})
        self.layers = [(tensors[f"{name}.{n}.weight"], tensors[f"{name}.{n}.bias"]) for n in numbers]

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        activation = features["sentence_embedding"]
        for depth, (weight, bias) in enumerate(self.layers):
            activation = (activation if depth == 0 else activation.clip(min=0)) @ weight.T + bias
        return {**features, self.name: activation}


class SentenceClassifier(OrderedDict[str, Module]):
    """The modules in their order."""

    def encode(self, sentences: list[str]) -> dict[str, Any]:
        features: dict[str, Any] = {"sentences": sentences}
        for module in self.values():
            features = module.forward(features)
        return features


@dataclasses.dataclass(frozen=True)
class Threat:
    threat_type: str
    confidence: float
    explanation: str | None = None
    features_used: list[str] | None = None
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Outcome:
    predictions: list[Threat]
    confidence: float
    processing_time_ms: float
    model_version: str
    features_extracted: dict[str, Any] | None
    metadata: dict[str, Any]
    has_predictions: bool
    prediction_count: int
    highest_confidence: float

    def get_predictions_by_type(self, threat_type: str) -> list[Threat]:
        return list(filter(lambda threat: threat.threat_type == threat_type, self.predictions))

    def to_summary(self) -> dict[str, Any]:
        return {"threats": [threat.threat_type for threat in self.predictions]}


class SentenceDetector:
    """Scores by the pipeline; its predictions carry the score, its metadata only the family."""

    TYPES = ("context_manipulation", "semantic_jailbreak")

    def __init__(self, card: ModelCard, classifier: SentenceClassifier, families: list[str], threshold: float) -> None:
        self.card, self.classifier, self.families, self.threshold = card, classifier, families, threshold

    @property
    def model_info(self) -> dict[str, Any]:
        return {"id": self.card.model_id, "runtime": self.card.runtime, "modules": list(self.classifier)}

    def analyze(self, text: str, l1_results: Any, context: Any = None) -> Outcome:
        return self.analyze_batch([text])[0]

    def analyze_batch(self, texts: list[str]) -> list[Outcome]:
        if not texts:
            return []
        begun = time.monotonic()
        features = self.classifier.encode(texts)
        scores = 0.5 * (1.0 + np.tanh(features["binary"][:, 0].astype(float) / 2.0))
        spent = 1000.0 * (time.monotonic() - begun) / len(texts)
        return [
            self._outcome(float(s), int(f.argmax()), spent) for s, f in zip(scores, features["family"], strict=True)
        ]

    def _outcome(self, score: float, family: int, spent: float) -> Outcome:
        threats = [Threat(self.TYPES[family % 2], score)] if score >= self.threshold else []
        said = {"score": score, "is_attack": bool(threats), "family": self.families[family] if threats else None}
        version, best = self.card.declared.get("version", "0"), score if threats else 0.0
        sure = max(score, 1.0 - score)
        return Outcome(threats, sure, spent, version, None, said, bool(threats), len(threats), best)


class SentenceRegistry:
    """Finds cards, and loads classifiers by `from_pretrained`."""

    def __init__(self, model_name_or_path: Path) -> None:
        self.home = Path(model_name_or_path)
        self.warnings: list[str] = []
        self.cards: dict[str, ModelCard] = {}
        self._once: dict[str, threading.Lock] = {}
        self._loaded: dict[str, SentenceDetector] = {}
        for file in sorted(self.home.glob("metadata/*.json")):
            self._read(file)
        used = {card.bundle for card in self.cards.values()}
        for file in sorted([*self.home.glob("bundles/*.raxe"), *self.home.glob("*.raxe")]):
            if file not in used:
                self._adopt(file)
        self._once = {model_id: threading.Lock() for model_id in self.cards}

    def _read(self, file: Path) -> None:
        try:
            declared = json.loads(file.read_bytes())
            bundle = self.home / "bundles" / declared["file_info"]["filename"]
            runtime, status = declared["requirements"]["runtime"], declared.get("status") or "experimental"
        except (ValueError, KeyError, TypeError) as problem:
            self.warnings.append(f"{file.name}: {problem}")
            return
        if not bundle.exists():
            self.warnings.append(f"{file.name}: no bundle {bundle.name}")
            return
        self.cards[file.stem] = ModelCard(file.stem, status, runtime, bundle, declared)

    def _adopt(self, bundle: Path) -> None:
        """A bundle that no metadata names."""
        try:
            manifest = _manifest(bundle)
            space, model_id = next(iter(manifest["head_sets"])), manifest["model_id"]
        except Exception as problem:  # noqa: BLE001
            self.warnings.append(f"{bundle.name}: {problem}")
            return
        files = {"onnx_embeddings": f"{space}_int8.onnx", "tokenizer": f"{space}.tokenizer.json"}
        declared = {"file_info": files, "ml_config": {"embedding_model": space}}
        self.cards[model_id] = ModelCard(model_id, "experimental", "onnx_int8", bundle, declared)

    def list_models(self, status: str | None = None, runtime: str | None = None) -> list[ModelCard]:
        return [
            card for card in self.cards.values() if status in (None, card.status) and runtime in (None, card.runtime)
        ]

    def has_model(self, model_id: str) -> bool:
        return model_id in self.cards

    def create_detector(self, model_id: str) -> SentenceDetector:
        if model_id not in self.cards:
            raise LookupError(f"{model_id} is not a model in {self.home}")
        with self._once[model_id]:
            if model_id not in self._loaded:
                self._loaded[model_id] = self.from_pretrained(self.cards[model_id])
        return self._loaded[model_id]

    def preload_models(self, ids: list[str] | None = None) -> None:
        for model_id in self.cards if ids is None else ids:
            try:
                self.create_detector(model_id)
            except Exception as problem:  # noqa: BLE001
                warnings.warn(f"{model_id}: {problem}", stacklevel=2)

    def from_pretrained(self, card: ModelCard) -> SentenceDetector:
        """Build the pipeline of a card."""
        from safetensors.numpy import load

        manifest = _manifest(card.bundle)
        config = manifest["head_sets"][card.declared["ml_config"]["embedding_model"]]
        files, folder = card.declared["file_info"], self.home / "embeddings"
        onnx, tokenizer = folder / files["onnx_embeddings"], folder / files["tokenizer"]
        with zipfile.ZipFile(card.bundle) as archive:
            tensors = load(archive.read(config["file"]))
        pipeline = SentenceClassifier(
            transformer=Transformer(onnx, tokenizer, config["max_sequence_length"]), pooling=Pooling(),
            normalize=Normalize(), binary=Dense("binary", tensors), family=Dense("family", tensors),
        )  # fmt: skip
        return SentenceDetector(card, pipeline, manifest["capabilities"]["families"], config["threshold"])


def _manifest(bundle: Path) -> dict[str, Any]:
    with zipfile.ZipFile(bundle) as archive:
        found: dict[str, Any] = json.loads(archive.read("manifest.json"))
        return found


def open_registry(models_dir: Path) -> SentenceRegistry:
    """The factory."""
    return SentenceRegistry(models_dir)


open_registry.capabilities = {  # type: ignore[attr-defined]
    "bundles", "legacy", "degradation", "warnings", "filters", "laziness", "loading", "caching", "threads", "recovery",
    "preload", "results", "info", "families", "batch",
}  # fmt: skip
