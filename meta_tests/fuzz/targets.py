"""What is fuzzed. A target takes bytes; whatever it raises is a finding."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meta_tests.hostile.bundles import HEADS, MANIFEST
from meta_tests.support.toy import SPACE, WIDTH, Toy
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json, sha256

Target = Callable[[bytes], None]
TEXTS = ("please weather", "evilpi \ud83d\ude00 x" * 20, "\u0130\u1e9e\ufb01 \u200b", "a" * 300)


def _told(error: RaxeError) -> None:
    """An expected failure: its message is one line."""
    if not str(error).isprintable():
        raise AssertionError(f"not one printable line: {error!r}")


def _scratch(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))  # noqa: PTH112
    return folder / name


def bundle(toy: Toy) -> tuple[Target, list[bytes]]:
    """The bytes of a bundle; those that begin with "M" change one member, and everything around it stays true."""
    import numpy as np
    from safetensors.numpy import save

    from raxe_conformance.registry.bundle import Bundle
    from raxe_conformance.registry.clusters import read_clusters
    from raxe_conformance.registry.migrate_legacy import peek

    path = _scratch("fuzz.raxe")
    with zipfile.ZipFile(toy.bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    space = {"file": "c.safetensors", "least_similarity": 0.5, "entries": [{"id": "c", "family": "PI", "size": 1}]}
    members["attack_clusters.json"] = canonical_json({"clusters": {SPACE: space}})
    members["c.safetensors"] = save({"centroids": np.eye(1, WIDTH, dtype=np.float32)})
    names = [MANIFEST, HEADS, "keyword_triggers.json", "attack_clusters.json", "c.safetensors"]
    good = toy.bundle.read_bytes()

    def read(data: bytes) -> None:
        path.write_bytes(
            _repacked(members, names[data[1] % len(names)], data[2:]) if data[:1] == b"M" and data[1:] else data
        )
        try:
            peek(path)
        except RaxeError as error:
            _told(error)
        try:
            found = Bundle(path)
            problems = found.problems()
            for problem in problems:
                _told(problem)
            if "keyword_triggers.json" in found.names:
                from raxe_conformance.runtime.explain import parse_triggers

                parse_triggers(found.json("keyword_triggers.json"), file="triggers")
            read_clusters(found, SPACE, WIDTH)
        except RaxeError as error:
            _told(error)

    return read, [good, *(b"M" + bytes([i]) + members[name] for i, name in enumerate(names))]


def _repacked(members: dict[str, bytes], name: str, data: bytes) -> bytes:
    import io

    changed = {**members, name: data}
    if name != MANIFEST:
        manifest = json.loads(members[MANIFEST])
        manifest["checksums"] = {key: sha256(value) for key, value in changed.items() if key != MANIFEST}
        changed[MANIFEST] = canonical_json(manifest)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, value in changed.items():
            archive.writestr(zipfile.ZipInfo(key), value)
    return out.getvalue()


def metadata(toy: Toy) -> tuple[Target, list[bytes]]:
    """A metadata file, read for itself and by discovery."""
    from raxe_conformance.registry.discover import discover
    from raxe_conformance.registry.metadata import read_metadata

    def read(data: bytes) -> None:
        toy.metadata.write_bytes(data)
        try:
            found = read_metadata(toy.metadata)
            json.dumps(found.to_dict())
        except RaxeError as error:
            _told(error)
        discovery = discover(toy.models)
        for warning in discovery.warnings:
            _told(warning)
        for variant in discovery.variants:
            for path in variant.files().values():
                if not path.resolve().is_relative_to(toy.models.resolve()):
                    raise AssertionError(f"{path} is outside of the folder")
            str(variant.status)
            str(variant.metadata.name)

    return read, [toy.metadata.read_bytes(), b"{}", b'{"file_info": {"filename": "../x.raxe"}}']


def rows(toy: Toy) -> tuple[Target, list[bytes]]:
    """A benchmark file."""
    from raxe_conformance.corpus.rows import read_benchmark

    path = _scratch("fuzz.jsonl")

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            for row in read_benchmark(path).rows:
                if not row.text.strip() or not row.id:
                    raise AssertionError(f"an empty row: {row}")
        except RaxeError as error:
            _told(error)

    lines = toy.benchmark.read_bytes().splitlines(keepends=True)
    return read, [
        b"".join(lines[:3]),
        b"".join(lines[1300:1302]),
        b'{"text": "a\\ud800", "label": "PI", "pair": "x"}\n',
    ]


def tokenizer(toy: Toy) -> tuple[Target, list[bytes]]:
    """A tokenizer.json, loaded beside a good model, and used."""
    from raxe_conformance.runtime.embed import Embedder

    onnx = toy.onnx.read_bytes()

    def read(data: bytes) -> None:
        try:
            found = Embedder(onnx, data, max_sequence_length=16, threads=1)
            for text in TEXTS:
                found.embed(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        except RaxeError as error:
            _told(error)

    return read, [toy.tokenizer.read_bytes(), *_tokenizers()]


def _tokenizers() -> list[bytes]:
    """WordPiece and BPE, as BERT and RoBERTa have them, over the toy's ids."""
    frame = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "##a": 5}
    bert: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": frame,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": words,
        },
    }
    bpe = {
        **bert,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "StripAccents"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True},
                                                               {"type": "Punctuation", "behavior": "Isolated"}]},
        "model": {"type": "BPE", "unk_token": "[UNK]", "vocab": {**words, "aa": 6}, "merges": [["a", "a"]]},
    }  # fmt: skip
    return [json.dumps(value).encode() for value in (bert, bpe)]


def onnx(toy: Toy) -> tuple[Target, list[bytes]]:
    """An embedding model: what the guard lets through runs, and gives what the guard worked out."""
    import numpy as np

    from meta_tests.hostile.graphs import sample_models
    from raxe_conformance.runtime.embed import Embedder
    from raxe_conformance.runtime.onnx_guard import UNFORESEEN, check_onnx

    seeds = [toy.onnx.read_bytes(), *sample_models()]
    tokens = toy.tokenizer.read_bytes()

    def read(data: bytes) -> None:
        try:
            outline = check_onnx(data, max_length=16, file="fuzz.onnx")
        except RaxeError as error:
            _told(error)
            if UNFORESEEN in str(error):
                raise AssertionError(f"a rule foresees too little: {error}") from error
            return
        if outline.peak_bytes > 50_000_000 or outline.work > 1e9:
            return  # allowed, and too slow to be run here
        try:
            found = Embedder(data, tokens, max_sequence_length=16, threads=1)
            for length in (3, 7, 16):
                shape = found.infer(np.arange(length, dtype=np.int64) % 4).shape
                if shape != (1, length, outline.width):
                    raise AssertionError(f"{shape} for {length} tokens, but the guard says {outline}")
        except RaxeError as error:
            _told(error)

    return read, seeds


TARGETS: dict[str, Callable[[Toy], tuple[Target, list[bytes]]]] = {
    "bundle": bundle, "metadata": metadata, "rows": rows, "tokenizer": tokenizer, "onnx": onnx,
}  # fmt: skip
