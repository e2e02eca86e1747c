"""A registry with twelve seeded breaches of the specification, each marked where it stands. BREACHES says who finds it.

In everything else it does as the specification says, so that no other check has anything to find.
"""

import hashlib
import json
import math
import threading
from pathlib import Path
from time import perf_counter_ns
from types import SimpleNamespace
from zipfile import ZipFile

import numpy
from onnxruntime import InferenceSession
from safetensors.numpy import load
from tokenizers import Tokenizer

BREACHES = {
    "takes a bundle without metadata for an active variant": "REG-004",
    "drops a variant whose metadata are torn": "REG-006",
    "does not say which file is missing": "REG-008",
    "tells the first fault only": "REG-009",
    "reads all weights when it starts": "REG-010",
    "filters by the beginning of the runtime": "REG-012",
    "counts experimental variants as active": "REG-013",
    "selects the largest memory": "REG-014",
    "selects whatever the status": "REG-015",
    "keeps a detector for each thread": "REG-022",
    "remembers a failed load": "REG-023",
    "names a threat type of its own": "REG-025",
}
# Where detectors are not shared by threads, a call from another thread gives another object.
ALSO = {"REG-002"}

BEST = {
    "latency": lambda m: m["performance"]["p95_latency_ms"],
    "accuracy": lambda m: 1 - m["accuracy"]["binary_f1"],
    "memory": lambda m: -m["performance"]["memory_mb"],  # breach: the largest
}
LEVELS = ["basic", "integrity", "functional"]


def digest(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def manifest_of(bundle):
    with ZipFile(bundle) as archive:
        return json.loads(archive.read("manifest.json"))


def classify(layers, vector):
    for number, (weight, bias) in enumerate(layers):
        vector = weight @ (numpy.maximum(vector, 0) if number else vector) + bias
    return vector


def load_model(model_id, metadata, files):
    """Two functions as an object: analyze, and what it says of itself."""
    for path in files.values():
        if not path.is_file():
            raise RuntimeError("the model is not available")  # breach: which file?
    head = manifest_of(files["bundle"])["head_sets"][metadata["ml_config"]["embedding_model"]]
    with ZipFile(files["bundle"]) as archive:
        arrays = load(archive.read(head["file"]))
    layers = [
        (arrays[name], arrays[name.replace("weight", "bias")])
        for name in sorted(arrays)
        if name.startswith("binary") and name.endswith("weight")
    ]
    session = InferenceSession(files["embeddings"].read_bytes())
    tokenizer = Tokenizer.from_file(str(files["tokenizer"]))

    def analyze(text, l1_results=None, context=None):
        start = perf_counter_ns()
        ids = numpy.array([tokenizer.encode(text).ids], dtype="int64")
        mean = session.run(None, {"input_ids": ids, "attention_mask": ids * 0 + 1})[0][0].mean(0)
        score = 1 / (1 + math.exp(-float(classify(layers, mean / numpy.linalg.norm(mean))[0])))
        predictions = []
        if score >= head["threshold"]:
            predictions.append(
                SimpleNamespace(
                    threat_type="prompt_injection",  # breach: no L2ThreatType
                    confidence=score,
                    explanation=None,
                    features_used=None,
                    metadata={},
                )
            )
        return SimpleNamespace(
            predictions=predictions,
            confidence=score if predictions else 1 - score,
            processing_time_ms=(perf_counter_ns() - start) / 1e6,
            model_version=metadata["version"],
            features_extracted=None,
            metadata={"score": score, "is_attack": bool(predictions), "family": None},
            has_predictions=bool(predictions),
            prediction_count=len(predictions),
            highest_confidence=max([p.confidence for p in predictions], default=0.0),
            get_predictions_by_type=lambda kind: [p for p in predictions if p.threat_type == kind],
            to_summary=lambda: f"{len(predictions)} found",
        )

    def analyze_batch(texts):
        return [analyze(text) for text in texts]

    return SimpleNamespace(analyze=analyze, analyze_batch=analyze_batch, model_info={"model_id": model_id})


class Registry:
    def __init__(self, models_dir):
        self.root = Path(models_dir)
        self.models, self.warnings, self.failed = {}, [], {}
        self.own = threading.local()  # breach: of each thread
        for path in sorted((self.root / "metadata").iterdir()):
            self._find(path)
        named = {metadata["file_info"]["filename"] for metadata in self.models.values()}
        for folder in (self.root / "bundles", self.root):
            for bundle in sorted(folder.glob("*.raxe")):
                if bundle.name not in named:
                    self._find_bundle(bundle, "active" if folder.name == "bundles" else "experimental")  # breach
        for path in (self.root / "embeddings").glob("*.onnx"):
            digest(path)  # breach: reads weights

    def _find(self, path):
        try:
            metadata = json.loads(path.read_text())
            bundle = self.root / "bundles" / metadata["file_info"]["filename"]
            if not bundle.exists():
                raise FileNotFoundError(f"no {bundle.name}")
            self.models[path.stem] = metadata
        except (ValueError, OSError) as error:
            if not self.warnings:  # breach: the first only
                self.warnings.append(f"{path.name}: {error}")

    def _find_bundle(self, bundle, status):
        manifest = manifest_of(bundle)
        version = bundle.stem.rpartition("_")[2]
        if any(warning.startswith(version) for warning in self.warnings):
            return  # breach: that of a variant whose metadata are torn
        space = next(iter(manifest["head_sets"]))
        self.models[manifest["model_id"]] = {
            "status": status,
            "version": manifest["bundle_version"],
            "file_info": {
                "filename": bundle.name,
                "onnx_embeddings": f"{space}_int8.onnx",
                "tokenizer": f"{space}.tokenizer.json",
            },
            "requirements": {"runtime": "onnx_int8"},
            "ml_config": {"embedding_model": space},
        }

    def _files(self, model_id):
        info = self.models[model_id]["file_info"]
        return {
            "bundle": self.root / "bundles" / info["filename"],
            "embeddings": self.root / "embeddings" / info["onnx_embeddings"],
            "tokenizer": self.root / "embeddings" / info["tokenizer"],
        }

    def get_model(self, model_id):
        metadata = self.models[model_id]
        return {
            "model_id": model_id,
            "status": metadata["status"],
            "runtime": metadata["requirements"]["runtime"],
            **metadata,
        }

    def list_models(self, status=None, runtime=None):
        return [
            model
            for model in map(self.get_model, self.models)
            if (status is None or model["status"] == status)
            and (runtime is None or model["runtime"][:4] == runtime[:4])  # breach: onnx_int8, onnx_fp16
        ]

    def has_model(self, model_id):
        return model_id in self.models

    def get_model_count(self):
        return len(self.models)

    def get_active_model_count(self):
        return len([m for m in self.models.values() if m["status"] != "deprecated"])  # breach

    def get_best_model(self, criteria="balanced"):
        if criteria == "balanced":
            return min(self.list_models(), key=lambda m: BEST["accuracy"](m) + BEST["latency"](m))
        return min(self.list_models(), key=BEST[criteria])  # breach: of any status

    def create_detector(self, model_id=None, criteria=None):
        if model_id is None:
            model_id = self.get_best_model(criteria or "balanced")["model_id"]
        if model_id in self.failed:  # breach: for ever
            raise self.failed[model_id]
        if model_id not in vars(self.own):
            try:
                vars(self.own)[model_id] = load_model(model_id, self.models[model_id], self._files(model_id))
            except Exception as error:
                self.failed[model_id] = error
                raise
        return vars(self.own)[model_id]

    def preload_models(self, ids=None):
        for model_id in ids or self.models:
            self.create_detector(model_id)

    def compare_models(self, ids=None):
        keep = self.models if ids is None else ids
        return [{"model_id": i, **self.models[i]["performance"], **self.models[i]["accuracy"]} for i in keep]

    def validate_model(self, model_id, level="basic"):
        files, metadata, errors = self._files(model_id), self.models[model_id], []
        depth = LEVELS.index(level)
        try:
            manifest_of(files["bundle"])
            info = metadata["file_info"]
            for part, declared in (("bundle", "checksum"), ("embeddings", "onnx_embeddings_checksum")):
                if depth >= 1 and digest(files[part]) != info[declared]:
                    errors.append(f"{files[part].name} is not the declared file")
            if depth == 2 and not errors:
                load_model(model_id, metadata, files).analyze("Is it in order?")
        except Exception as error:  # noqa: BLE001  ONNX Runtime raises kinds of its own
            errors.append(str(error))
        if errors:
            metadata["status"] = "experimental"
        return not errors, errors
