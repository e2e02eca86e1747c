"""What quantization costs: embeddings of a quantized model beside those of the same model in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.comparing import ask, compare
from raxe_conformance.measure.evidence_invariance import Drift
from raxe_conformance.measure.sampling import SEED, Sample
from raxe_conformance.registry.variant import Variant

DRIFTED: Final = 120


def reference_path(variant: Variant) -> Path:
    """Where the float32 file of the variant's embedding model is, its own file where that is float32.

    Raises MeasurementError where there is none, with the command that makes it.
    """
    config = variant.metadata.ml_config
    if config.quantization == "fp32" and variant.embeddings_path is not None:
        return variant.embeddings_path
    if not config.embedding_model:
        raise MeasurementError("the metadata names no ml_config.embedding_model", remedy="name it: see SCH-001")
    path = variant.models_dir / "embeddings" / f"{config.embedding_model}_fp32.onnx"
    if not path.is_file():
        raise MeasurementError(
            f"there is no float32 model to compare with: {variant.relative(path)}",
            remedy=f"make it: raxe-conformance export --model {config.embedding_model} --quantization fp32 "
            f"--output {_near(path)}",
        )
    return path


def _near(path: Path) -> Path:
    """The path as it is typed from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def measure_drift(detector: Any, reference: Any, sample: Sample, name: str) -> Drift:
    """Embed the sample's texts with both, and let `reference`, which has the same heads, decide on them.

    name: of the reference's file. Raises MeasurementError where a detector does not show its embeddings.
    """
    cosines = least_cosines(detector, reference, sample.texts)
    answers = [ask(reference.analyze, text) for text in sample.texts]
    decisions = compare("float32", "decided by float32", sample, range(len(sample.texts)), answers)
    return Drift(seed=SEED, reference=name, cosines=cosines, decisions=decisions)


def least_cosines(detector: Any, reference: Any, texts: Sequence[str]) -> list[float]:
    """The least cosine over the windows of each text between the embeddings of both; none for a text without tokens.

    Raises MeasurementError where a detector does not show its embeddings.
    """
    embed, embed_reference = (_embed(each) for each in (detector, reference))
    cosines = []
    for text in texts:
        ours, theirs = embed(text), embed_reference(text)
        if len(ours):
            # Unit vectors: the sum of products is the cosine.
            cosines.append(float(np.min(np.sum(ours * theirs, axis=1))))
    return cosines


def _embed(detector: Any) -> Callable[[str], Any]:
    embed = getattr(getattr(detector, "embedder", None), "embed", None)
    if not callable(embed):
        raise MeasurementError(
            "the detector does not show its embeddings", remedy="give it embedder.embed(text) → unit vectors [n, width]"
        )
    return embed  # type: ignore[no-any-return]
