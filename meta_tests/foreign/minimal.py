"""A small registry that holds to the specification in all that it claims."""

import json
import math
import threading
import zipfile
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load as load_arrays
from tokenizers import Tokenizer


class L2ThreatType(Enum):
    SEMANTIC_JAILBREAK = "semantic_jailbreak"
    CONTEXT_MANIPULATION = "context_manipulation"
    UNKNOWN = "unknown"


THREATS = {"PI": L2ThreatType.CONTEXT_MANIPULATION, "JB": L2ThreatType.SEMANTIC_JAILBREAK}


@dataclass
class L2Prediction:
    threat_type: L2ThreatType
    confidence: float
    explanation: str = ""
    features_used: tuple = ()
    metadata: dict = field(default_factory=dict)


@dataclass
class L2Result:
    predictions: list
    confidence: float
    processing_time_ms: float
    model_version: str
    features_extracted: dict = field(default_factory=dict)
    metadata: dict = field(default_factory=dict)

    has_predictions = property(lambda self: bool(self.predictions))
    prediction_count = property(lambda self: len(self.predictions))
    highest_confidence = property(lambda self: max((p.confidence for p in self.predictions), default=0.0))

    def get_predictions_by_type(self, threat_type):
        return [p for p in self.predictions if p.threat_type is threat_type]

    def to_summary(self):
        return f"{self.prediction_count} threats"


class Detector:
    def __init__(self, models_dir, model_id, metadata):
        files, space = metadata["file_info"], metadata["ml_config"]["embedding_model"]
        with zipfile.ZipFile(models_dir / "bundles" / files["filename"]) as bundle:
            manifest = json.loads(bundle.read("manifest.json"))
            self.head = manifest["head_sets"][space]
            self.arrays = load_arrays(bundle.read(self.head["file"]))
        self.families = manifest["capabilities"]["families"]
        self.tokenizer = Tokenizer.from_file(str(models_dir / "embeddings" / files["tokenizer"]))
        self.tokenizer.enable_truncation(self.head["max_sequence_length"])
        onnx = models_dir / "embeddings" / files["onnx_embeddings"]
        if not onnx.is_file():
            raise FileNotFoundError(f"{onnx} is missing: export the embedding model again")
        self.session = onnxruntime.InferenceSession(onnx.read_bytes())
        self.version = metadata["version"]
        self.model_info = {"model_id": model_id, "families": self.families}

    def logits(self, head, vector):
        layers = sum(name.startswith(f"{head}.") for name in self.arrays) // 2
        for i in range(layers):
            vector = self.arrays[f"{head}.{i}.weight"] @ vector + self.arrays[f"{head}.{i}.bias"]
            vector = np.maximum(vector, 0) if i + 1 < layers else vector
        return vector

    def analyze(self, text, l1_results=None, context=None):
        ids = np.array([self.tokenizer.encode(text.encode(errors="replace").decode()).ids], dtype=np.int64)
        [hidden] = self.session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        vector = hidden[0].mean(axis=0)
        vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
        logit = min(max(float(self.logits("binary", vector)[0]), -500.0), 500.0)
        score = 1.0 / (1.0 + math.exp(-logit))
        attack = score >= self.head["threshold"]
        family = self.families[int(np.argmax(self.logits("family", vector)))] if attack else None
        found = [L2Prediction(THREATS.get(family, L2ThreatType.UNKNOWN), score)] if attack else []
        said = {"score": score, "is_attack": attack, "family": family}
        return L2Result(found, score if attack else 1 - score, 0.0, self.version, metadata=said)


class Registry:
    capabilities = frozenset(
        {"lookup", "counts", "laziness", "loading", "caching", "threads", "recovery", "results", "info", "families"}
    )

    def __init__(self, models_dir):
        self.models_dir, self.lock, self.detectors = Path(models_dir), threading.Lock(), {}
        self.metadata = {}
        for path in sorted((self.models_dir / "metadata").glob("*.json")):
            try:
                self.metadata[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                continue

    def get_model(self, model_id):
        metadata = self.metadata[model_id]
        return {
            "model_id": model_id,
            "status": metadata.get("status", "experimental"),
            "runtime": metadata["requirements"]["runtime"],
        }

    def list_models(self):
        return [self.get_model(model_id) for model_id in self.metadata]

    def has_model(self, model_id):
        return model_id in self.metadata

    def get_model_count(self):
        return len(self.metadata)

    def get_active_model_count(self):
        return sum(model["status"] == "active" for model in self.list_models())

    def create_detector(self, model_id):
        with self.lock:
            if model_id not in self.detectors:
                self.detectors[model_id] = Detector(self.models_dir, model_id, self.metadata[model_id])
            return self.detectors[model_id]
