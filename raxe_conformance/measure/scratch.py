"""Models folders that the suites make themselves, to see what a registry does with them. No weights are needed.

Every variant's embedding model is a table of vectors for a handful of words, small enough to say beforehand what a
detector of it answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from raxe_conformance.fileio import canonical_json, sha256
from raxe_conformance.measure.scratch_onnx import lookup_model
from raxe_conformance.registry.pack import packed

SPACE: Final = "scratch"
WORDS: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "calm", "evil")
ATTACK, HARMLESS = "evil", "calm"
FAMILIES: Final = ("PI", "JB")
_STEEPNESS: Final = 10.0  # of the binary head
_CALM: Final = 0.01  # how far all other words point away from attack


@dataclass(frozen=True)
class ScratchVariant:
    """A variant of a scratch folder and what its metadata declares. `angle`: of its vector for ATTACK, in radians.

    p95_ms and memory_mb are no truths about it: selection goes by what is declared.
    """

    model_id: str
    angle: float
    status: str = "active"
    p95_ms: float = 2.0
    binary_f1: float = 0.96
    memory_mb: float = 100.0

    @property
    def stem(self) -> str:
        """What its embedding file is called by: the id without the version."""
        return self.model_id.partition("_")[2]

    @property
    def version(self) -> str:
        """v1.0, as its bundle's name has it."""
        return self.model_id.partition("_")[0]

    @property
    def embeddings(self) -> str:
        """The name of its embedding file."""
        return f"{self.stem}.onnx"

    @property
    def bundle(self) -> str:
        """The name of its bundle."""
        return bundle_name(self.version)

    @property
    def runtime(self) -> str:
        """onnx_int8 or onnx_fp16, as its id ends."""
        return f"onnx_{self.model_id.rpartition('_')[2]}"

    @property
    def score(self) -> float:
        """The score that its detector gives ATTACK: the logistic function of the head's product with a unit vector.

        The mean is over [CLS], the word and [SEP].
        """
        x, y = math.cos(self.angle) - 2.0 * _CALM, math.sin(self.angle)
        return 1.0 / (1.0 + math.exp(-_STEEPNESS * x / math.hypot(x, y)))


# SWIFT, EXACT and SMALL are each the best active one by one figure; WORSE is by none; the others are not active.
SWIFT: Final = ScratchVariant("v1.0_swift_int8", 1.50, p95_ms=1.0, binary_f1=0.955, memory_mb=140.0)
EXACT: Final = ScratchVariant("v1.0_exact_int8", 1.45, p95_ms=2.5, binary_f1=0.985, memory_mb=120.0)
SMALL: Final = ScratchVariant("v1.0_small_fp16", 1.40, p95_ms=2.0, binary_f1=0.960, memory_mb=40.0)
WORSE: Final = ScratchVariant("v1.0_worse_int8", 1.35, p95_ms=2.9, binary_f1=0.951, memory_mb=149.0)
RIVAL: Final = ScratchVariant(
    "v1.0_rival_int8", 1.30, status="experimental", p95_ms=0.5, binary_f1=0.995, memory_mb=20.0
)
OLDER: Final = ScratchVariant("v1.0_older_fp16", 1.25, status="deprecated", p95_ms=0.4, binary_f1=0.997, memory_mb=10.0)
ALL: Final = (SWIFT, EXACT, SMALL, WORSE, RIVAL, OLDER)
NOWHERE: Final = "v9.9_nowhere_int8"  # an id that no folder has

# In folders in which something is wrong, SWIFT is in order and these are not.
TORN: Final = ScratchVariant("v2.0_torn_int8", 1.20)  # its metadata is cut off
LOST: Final = ScratchVariant("v3.0_lost_int8", 1.20)  # its bundle does not exist
BLIND: Final = ScratchVariant("v1.0_blind_int8", 1.20)  # its embedding model does not exist
RAGGED: Final = ScratchVariant("v4.0_ragged_int8", 1.20)  # its bundle is no ZIP
ALTERED: Final = ScratchVariant("v1.0_altered_int8", 1.20)  # its embedding model is not the declared one
HOLLOW: Final = ScratchVariant("v1.0_hollow_int8", 1.20)  # its embedding model is the declared one, but no ONNX


def bundle_name(version: str) -> str:
    """The file name of a version's bundle."""
    return f"raxe_model_l2_{version}.raxe"


@cache
def bundle_bytes(version: str) -> bytes:
    """A bundle with heads for SPACE, as docs/bundle.md has it. Its model_id is its file's stem."""
    from safetensors.numpy import save

    binary = np.array([[_STEEPNESS, 0.0]], dtype=np.float32)
    family = np.array([[0.0, _STEEPNESS], [0.0, -_STEEPNESS]], dtype=np.float32)
    heads = {
        "binary.0.weight": binary,
        "binary.0.bias": np.zeros(1, dtype=np.float32),
        "family.0.weight": family,
        "family.0.bias": np.zeros(2, dtype=np.float32),
    }
    manifest = {
        "bundle_version": f"{version.removeprefix('v')}.0",
        "schema_version": "2.0.0",
        "model_id": bundle_name(version).removesuffix(".raxe"),
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"author": "raxe-conformance", "description": "scratch"},
        "architecture": {"type": "linear", "embedding_model": SPACE},
        "training": {"metrics": {}},
        "capabilities": {"families": list(FAMILIES), "num_subfamilies": 0, "subfamilies": {}},
        "output_schema_ref": "schema.json",
        "head_sets": {
            SPACE: {
                "file": f"heads/{SPACE}.safetensors",
                "dimension": 2,
                "threshold": 0.5,
                "pooling": "mean",
                "normalization": "l2",
                "max_sequence_length": 64,
            }
        },
    }
    return packed(
        manifest,
        {
            f"heads/{SPACE}.safetensors": save(heads),
            "keyword_triggers.json": canonical_json({"triggers": []}),
            "schema.json": canonical_json({"type": "object"}),
        },
    )


@cache
def embedding_bytes(angle: float) -> bytes:
    """The embedding model: ATTACK at an angle to the binary head, all else away from it, though not far."""
    table = np.zeros((len(WORDS), 2), dtype=np.float32)
    table[:, 0] = -_CALM
    table[WORDS.index(ATTACK)] = math.cos(angle), math.sin(angle)
    return lookup_model(table)


@cache
def tokenizer_bytes() -> bytes:
    """A tokenizer of whole words."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[1]))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    text: str = tokenizer.to_str()
    return text.encode()


def metadata_of(variant: ScratchVariant) -> dict[str, Any]:
    """Its metadata, which declares the files as `write_variant` writes them."""
    embeddings = embedding_bytes(variant.angle)
    return {
        "schema_version": "2.0.0",
        "model_id": variant.model_id,
        "name": f"Scratch {variant.stem}",
        "version": f"{variant.version.removeprefix('v')}.0",
        "variant": variant.stem,
        "status": variant.status,
        "file_info": {
            "filename": variant.bundle,
            "checksum": f"sha256:{sha256(bundle_bytes(variant.version))}",
            "onnx_embeddings": variant.embeddings,
            "onnx_embeddings_checksum": f"sha256:{sha256(embeddings)}",
            "tokenizer": f"{SPACE}.tokenizer.json",
            "tokenizer_checksum": f"sha256:{sha256(tokenizer_bytes())}",
        },
        # What is declared as the target leaves a busy machine room: no registry is to be judged by its speed here.
        "performance": {"target_latency_ms": 4.9, "p95_latency_ms": variant.p95_ms, "memory_mb": variant.memory_mb},
        "accuracy": {"binary_f1": variant.binary_f1},
        "requirements": {"runtime": variant.runtime},
        "ml_config": {
            "embedding_model": SPACE,
            "embedding_dimension": 2,
            "max_sequence_length": 64,
            "quantization": variant.runtime.removeprefix("onnx_"),
            "threat_categories": list(FAMILIES),
            "num_families": len(FAMILIES),
        },
    }


def make_folder(models: Path, *variants: ScratchVariant) -> Path:
    """A new models folder with these variants, all in order."""
    for name in ("metadata", "bundles", "embeddings", "benchmarks"):
        (models / name).mkdir(parents=True)
    (models / "embeddings" / f"{SPACE}.tokenizer.json").write_bytes(tokenizer_bytes())
    for variant in variants:
        (models / "metadata" / f"{variant.model_id}.json").write_bytes(canonical_json(metadata_of(variant)))
        (models / "bundles" / variant.bundle).write_bytes(bundle_bytes(variant.version))
        (models / "embeddings" / variant.embeddings).write_bytes(embedding_bytes(variant.angle))
    return models


def make_whole(models: Path) -> Path:
    """A folder with all variants that are in order."""
    return make_folder(models, *ALL)


def make_broken(models: Path) -> Path:
    """A folder in which SWIFT is in order, and TORN, LOST and BLIND are broken."""
    make_folder(models, SWIFT, TORN, LOST, BLIND)
    (models / "metadata" / f"{TORN.model_id}.json").write_bytes(b'{"model_id": "' + TORN.model_id.encode())
    (models / "bundles" / LOST.bundle).unlink()
    for variant in (TORN, BLIND):
        (models / "embeddings" / variant.embeddings).unlink()
    # What a registry takes for TORN, of which only the bundle says anything.
    (models / "embeddings" / f"{SPACE}_int8.onnx").write_bytes(embedding_bytes(TORN.angle))
    return models


def make_unsound(models: Path) -> Path:
    """A folder in which SWIFT is in order, and RAGGED, ALTERED and HOLLOW are not what they say."""
    make_folder(models, SWIFT, RAGGED, ALTERED, HOLLOW)
    ragged = b"no archive"
    (models / "bundles" / RAGGED.bundle).write_bytes(ragged)
    (models / "embeddings" / ALTERED.embeddings).write_bytes(embedding_bytes(SWIFT.angle))
    hollow = b"no model"
    (models / "embeddings" / HOLLOW.embeddings).write_bytes(hollow)
    for variant, field, data in (
        (RAGGED, "checksum", ragged),
        (HOLLOW, "onnx_embeddings_checksum", hollow),
    ):
        value = metadata_of(variant)
        value["file_info"][field] = f"sha256:{sha256(data)}"
        (models / "metadata" / f"{variant.model_id}.json").write_bytes(canonical_json(value))
    return models


def make_bare(models: Path) -> Path:
    """A folder with SWIFT, and bundles that no metadata names: v2.0 in bundles/, v3.0 in the legacy place."""
    make_folder(models, SWIFT)
    (models / "bundles" / bundle_name("v2.0")).write_bytes(bundle_bytes("v2.0"))
    (models / bundle_name("v3.0")).write_bytes(bundle_bytes("v3.0"))
    (models / "embeddings" / f"{SPACE}_int8.onnx").write_bytes(embedding_bytes(1.20))
    return models
