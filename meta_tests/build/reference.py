"""BERT and MPNet encoders in numpy, written from their definition: what exported graphs are compared with."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from raxe_conformance.build.bert import Bert, Dense, Norm

Floats = NDArray[np.float64]


def forward(bert: Bert, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
    """Token vectors [batch, tokens, width] float64 of ids and mask [batch, tokens]."""
    config = bert.config
    hidden = _norm(bert.norm, bert.words[ids].astype(np.float64) + bert.places[: ids.shape[1]], config.epsilon)
    for layer in bert.layers:
        query, key, value = (_heads(part, config.heads) for part in np.split(_dense(layer.qkv, hidden), 3, axis=2))
        scores = query @ key.swapaxes(2, 3) / np.sqrt(config.width / config.heads)
        if bert.distances is not None:
            tokens = np.arange(ids.shape[1])
            scores = scores + bert.distances[:, tokens[None, :] - tokens[:, None] + config.positions - 1]
        scores = np.where(mask[:, None, None, :] == 1, scores, -1e9)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (shares / shares.sum(axis=-1, keepdims=True)) @ value
        mixed = mixed.swapaxes(1, 2).reshape(hidden.shape)
        hidden = _norm(layer.attention_norm, hidden + _dense(layer.out, mixed), config.epsilon)
        inner = _dense(layer.up, hidden)
        inner = inner * 0.5 * (1.0 + erf(inner / np.sqrt(2.0)))
        hidden = _norm(layer.norm, hidden + _dense(layer.down, inner), config.epsilon)
    return hidden


def tiny_config(**changes: Any) -> bytes:
    """config.json of an encoder with 2 layers of width 16."""
    config = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 32, "vocab_size": 50, "max_position_embeddings": 12, "layer_norm_eps": 1e-12,
        "type_vocab_size": 2,
    }  # fmt: skip
    return json.dumps({**config, **changes}).encode()


def tiny_weights(seed: int = 0, prefix: str = "") -> bytes:
    """model.safetensors for tiny_config, random."""
    from safetensors.numpy import save

    return save({prefix + name: array for name, array in tiny_tensors(seed).items()})


def tiny_tensors(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """The tensors of tiny_weights by name."""
    generator = np.random.default_rng(seed)

    def random(*shape: int) -> NDArray[np.float32]:
        return (generator.standard_normal(shape) * 0.3).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": random(50, 16),
        "embeddings.position_embeddings.weight": random(12, 16),
        "embeddings.token_type_embeddings.weight": random(2, 16),
        "embeddings.LayerNorm.weight": 1 + random(16),
        "embeddings.LayerNorm.bias": random(16),
    }
    for index in range(2):
        at = f"encoder.layer.{index}."
        for name, out, inside in (
            ("attention.self.query", 16, 16), ("attention.self.key", 16, 16), ("attention.self.value", 16, 16),
            ("attention.output.dense", 16, 16), ("intermediate.dense", 32, 16), ("output.dense", 16, 32),
        ):  # fmt: skip
            tensors[f"{at}{name}.weight"], tensors[f"{at}{name}.bias"] = random(out, inside), random(out)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"{at}{name}.weight"], tensors[f"{at}{name}.bias"] = 1 + random(16), random(16)
    return tensors


def tiny_mpnet() -> tuple[bytes, bytes]:
    """config.json and model.safetensors of an MPNet encoder with the layers of tiny_weights, and 14 positions."""
    from safetensors.numpy import save

    generator = np.random.default_rng(5)
    names = {"self.query": "attn.q", "self.key": "attn.k", "self.value": "attn.v", "output.dense": "attn.o",
             "output.LayerNorm": "LayerNorm"}  # fmt: skip
    tensors = {}
    for name, array in tiny_tensors().items():
        for bert, mpnet in names.items():
            name = name.replace(f"attention.{bert}", f"attention.{mpnet}")
        tensors[name] = array
    del tensors["embeddings.token_type_embeddings.weight"]
    tensors["embeddings.position_embeddings.weight"] = generator.standard_normal((14, 16)).astype(np.float32)
    tensors["encoder.relative_attention_bias.weight"] = generator.standard_normal((32, 4)).astype(np.float32)
    config = tiny_config(model_type="mpnet", max_position_embeddings=14, layer_norm_eps=1e-5, pad_token_id=1)
    return config, save(tensors)


def _dense(dense: Dense, values: Floats) -> Floats:
    return values @ dense.weight.astype(np.float64) + dense.bias


def _norm(norm: Norm, values: Floats, epsilon: float) -> Floats:
    centred = values - values.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon) * norm.scale + norm.shift


def _heads(values: Floats, heads: int) -> Floats:
    batch, tokens, width = values.shape
    return values.reshape(batch, tokens, heads, width // heads).swapaxes(1, 2)
