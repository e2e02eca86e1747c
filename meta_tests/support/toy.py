"""A toy variant whose true figures are known: a bag of words, as a real ONNX model with a real tokenizer and bundle.

Each known word has a vector; the first axis says "attack", the others say which family. The mean over tokens and the
linear heads make of it exactly what the words say, so that every decision can be worked out by hand.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.corpus.disguises import LEET, LOOK_ALIKES
from raxe_conformance.corpus.fingerprints import MEMBER, training_fingerprints
from raxe_conformance.fileio import canonical_json, digest_file, sha256
from raxe_conformance.registry.pack import pack_bundle

FAMILIES = ("PI", "JB", "CMD", "PII", "ENC", "RAG")
WIDTH = 1 + len(FAMILIES)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CALM = ("please", "weather", "report", "invoice", "garden", "music", "table", "train", "coffee", "letter")
EVIL = {family: f"evil{family.lower()}" for family in FAMILIES}
# Words as calm as the others, each of which a seeded defect is about.
RARE = "quartz"  # stands in about 28 benign rows
TWIN = "amber"  # stands in both rows of 20 pairs of twins
DOCUMENT = "minutes"  # stands in every benign row of the kind document
POLITE = "kindly"  # stands in no row, but rewording says it for "please"
LONE = "onyx"  # stands in one benign row
CODED = "enc"  # what the tokenizer makes of base64 that says "evil"
WORDS = (*SPECIAL, *CALM, RARE, TWIN, DOCUMENT, POLITE, LONE, *EVIL.values(), CODED)
TRAINED_ON = tuple(f"training text number {n} was never in any benchmark of course {n * n}" for n in range(50))
TWINS = tuple(i for i in range(200) if i % 23 < 12)[:60]  # numbers of rows with a twin: short attacks
MODEL_ID = "v1.0_toy_int8"
SPACE = "toy-embedding"
BUNDLE = "raxe_model_l2_v1.0.raxe"
ONNX = f"{SPACE}_int8.onnx"
TOKENIZER = f"{SPACE}.tokenizer.json"


@dataclass(frozen=True)
class Toy:
    """A models folder with one toy variant, and a benchmark beside it."""

    models: Path
    benchmark: Path

    @property
    def metadata(self) -> Path:
        return self.models / "metadata" / f"{MODEL_ID}.json"

    @property
    def bundle(self) -> Path:
        return self.models / "bundles" / BUNDLE

    @property
    def onnx(self) -> Path:
        return self.models / "embeddings" / ONNX

    @property
    def float32(self) -> Path:
        """Where the float32 model stands that the toy's embeddings are compared with, once it is put there."""
        return self.models / "embeddings" / f"{SPACE}_fp32.onnx"

    @property
    def tokenizer(self) -> Path:
        return self.models / "embeddings" / TOKENIZER

    def read(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.metadata.read_text(encoding="utf-8"))
        return value

    def write(self, value: dict[str, Any]) -> None:
        self.metadata.write_bytes(canonical_json(value))

    def declare_files(self) -> None:
        """Make the metadata declare the files as they are now."""
        value = self.read()
        info = value["file_info"]
        for path, checksum, size in (
            (self.bundle, "checksum", "size_mb"),
            (self.onnx, "onnx_embeddings_checksum", "onnx_embeddings_size_mb"),
            (self.tokenizer, "tokenizer_checksum", None),
        ):
            digest = digest_file(path, path.name)
            info[checksum] = f"sha256:{digest.sha256}"
            if size:
                info[size] = round(digest.bytes / 1e6, 6)
        self.write(value)


def word_vectors() -> NDArray[np.float32]:
    """[words, WIDTH]: calm words point away from attack, each evil word towards it and towards its family."""
    table = np.zeros((len(WORDS), WIDTH), dtype=np.float32)
    table[:, 0] = -1.0
    table[WORDS.index(CODED), 0] = 100.0
    for index, family in enumerate(FAMILIES):
        row = WORDS.index(EVIL[family])
        table[row, 0], table[row, 1 + index] = 100.0, 100.0
    return table


def onnx_bytes(table: NDArray[np.float32], extra: int = 0) -> bytes:
    """A model that looks tokens up in `table`; `extra` bytes of documentation make the file larger, nothing else."""
    from onnx import TensorProto, checker, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["looked_up"]),
            helper.make_node("Unsqueeze", ["attention_mask", "axis"], ["mask"]),
            helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["looked_up", "weights"], ["last_hidden_state"]),
        ],
        "toy",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info(
                "last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", int(table.shape[1])]
            )
        ],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([2], dtype=np.int64), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    model.doc_string = "x" * extra
    checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def tokenizer_bytes(*, lowercase: bool = True, look_alikes: bool = True, base64: bool = True) -> bytes:
    """The toy's tokenizer. It sees through what the robustness checks do to texts, except for what is switched off."""
    from tokenizers import Tokenizer, normalizers
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    letters = set("".join(EVIL.values()))
    replaced = [(form, f" {CODED} ") for form in (base64_forms("evil") if base64 else ())]
    replaced += [(look, letter) for letter, look in LOOK_ALIKES.items() if look_alikes and letter in letters]
    replaced += [(digit, letter) for letter, digit in LEET.items() if letter in letters]
    replaced += [(" ".join(word), word) for word in sorted(EVIL.values(), key=len, reverse=True)]
    tokenizer.normalizer = normalizers.Sequence(
        [
            *(normalizers.Replace(old, new) for old, new in replaced),
            # Takes out zero-width characters, too.
            normalizers.BertNormalizer(lowercase=lowercase, strip_accents=False, handle_chinese_chars=False),
        ]
    )
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    text: str = tokenizer.to_str()
    return text.encode()


def base64_forms(word: str) -> list[str]:
    """What base64 of any text holds where the text begins with the word, or holds it after a space."""

    def form(data: bytes, before: int) -> str:
        encoded = b64encode(bytes(before) + data + bytes(3)).decode("ascii")
        # Only the characters that depend on nothing but the data.
        return encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]

    return [form(word.encode(), 0), *(form(f" {word}".encode(), before) for before in range(3))]


def head_arrays() -> dict[str, NDArray[np.float32]]:
    """The arrays of the toy's head set."""
    binary = np.zeros((1, WIDTH), dtype=np.float32)
    binary[0, 0] = 10.0
    family = np.zeros((len(FAMILIES), WIDTH), dtype=np.float32)
    family[:, 1:] = 10.0 * np.eye(len(FAMILIES), dtype=np.float32)
    return {
        "binary.0.weight": binary,
        "binary.0.bias": np.zeros(1, dtype=np.float32),
        "family.0.weight": family,
        "family.0.bias": np.zeros(len(FAMILIES), dtype=np.float32),
    }


def manifest(threshold: float = 0.5, space: str = SPACE) -> dict[str, Any]:
    return {
        "bundle_version": "1.0.0",
        "schema_version": "2.0.0",
        "model_id": "raxe_model_l2_v1.0",
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"author": "meta_tests", "description": "toy"},
        "architecture": {"type": "linear", "embedding_model": space},
        "training": {"metrics": {}},
        "capabilities": {"families": list(FAMILIES), "num_subfamilies": 0, "subfamilies": {}},
        "output_schema_ref": "schema.json",
        "head_sets": {
            space: {
                "file": f"heads/{space}.safetensors",
                "dimension": WIDTH,
                "threshold": threshold,
                "pooling": "mean",
                "normalization": "l2",
                "max_sequence_length": 64,
                "tokenizer_sha256": sha256(tokenizer_bytes()),
            }
        },
    }


def write_bundle(
    path: Path,
    *,
    threshold: float = 0.5,
    space: str = SPACE,
    trained_on: Sequence[str] = TRAINED_ON,
    **changes: NDArray[np.float32],
) -> None:
    """The toy's bundle; `changes` replace head arrays, with _ for the dots in their names."""
    from safetensors.numpy import save

    arrays = {name: changes.get(name.replace(".", "_"), array) for name, array in head_arrays().items()}
    triggers = {"triggers": [{"id": "t1", "family": "PI", "phrase": "evilpi"}]}
    pack_bundle(
        path,
        manifest(threshold, space),
        {
            f"heads/{space}.safetensors": save(arrays),
            "keyword_triggers.json": canonical_json(triggers),
            "schema.json": canonical_json({"type": "object"}),
            MEMBER: training_fingerprints(trained_on),
        },
    )


def benchmark_rows(attacks: int = 1200, benign: int = 1200) -> list[dict[str, str]]:
    """Rows that the toy decides without an error. Attacks hold one evil word among calm ones; 60 rows have a twin."""
    rows = []
    for i in range(benign):
        words = [CALM[(i * 7 + k * k) % len(CALM)] for k in range(3 + i % 9)]
        if i % 40 == 0 and i not in TWINS:
            words[1] = RARE
        if i == 20:
            words[1] = LONE
        kind = "document" if i % 4 == 3 and i not in TWINS else "assistant"
        if kind == "document":
            words.insert(1, DOCUMENT)
        row = {"id": f"b{i}", "text": " ".join(_twin(words, i)), "label": "BENIGN", "language": "en", "kind": kind}
        rows.append({**row, "pair": f"p{i}"} if i in TWINS else row)
    for i in range(attacks):
        family = FAMILIES[i % len(FAMILIES)]
        words = [CALM[(i * 3 + k) % len(CALM)] for k in range(2 + i % 23)]
        words.insert(i % len(words), EVIL[family])
        row = {"id": f"a{i}", "text": " ".join(_twin(words, i)), "label": family, "language": "en", "kind": "attack"}
        rows.append({**row, "pair": f"p{i}"} if i in TWINS else row)
    return rows


def _twin(words: list[str], number: int) -> list[str]:
    return [*words, TWIN] if number in TWINS[:20] else words


def write_benchmark(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make_toy(folder: Path) -> Toy:
    """A models folder with the toy variant, complete and truthful, and its benchmark."""
    toy = Toy(folder / "models", folder / "benchmark.jsonl")
    for name in ("metadata", "bundles", "embeddings", "benchmarks"):
        (toy.models / name).mkdir(parents=True)
    write_bundle(toy.bundle)
    toy.onnx.write_bytes(onnx_bytes(word_vectors()))
    toy.tokenizer.write_bytes(tokenizer_bytes())
    toy.write(
        {
            "schema_version": "2.0.0",
            "model_id": MODEL_ID,
            "name": "Toy",
            "version": "1.0.0",
            "variant": "toy_int8",
            "status": "experimental",
            "file_info": {"filename": BUNDLE, "onnx_embeddings": ONNX, "tokenizer": TOKENIZER},
            "performance": {"target_latency_ms": 3.0},
            "requirements": {"runtime": "onnx_int8"},
            "ml_config": {
                "embedding_model": SPACE,
                "embedding_dimension": WIDTH,
                "max_sequence_length": 64,
                "quantization": "int8",
                "threat_categories": list(FAMILIES),
                "num_families": len(FAMILIES),
            },
        }
    )
    toy.declare_files()
    write_benchmark(toy.benchmark, benchmark_rows())
    return toy


def write_patient_profile(path: Path) -> Path:
    """The default profile with limits that any machine holds: for tests that run by the clock but are not about it.

    The measured figure alone decides: on a busy machine no number of samples may be enough for a bound.
    """
    from importlib.resources import files

    text = files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(latency_\w+|registry_start\w+) = .*$", r"\1 = 60000.0", text)
    text = re.sub(r"(?m)^(throughput_\w+) = .*$", r"\1 = 0.01", text)
    text = re.sub(r"(?m)^decision = .*$", 'decision = "point"', text)
    path.write_text(text, encoding="utf-8")
    return path
