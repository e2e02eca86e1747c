"""The encoder of bert.py as a torch module with two heads, and back to plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from raxe_conformance.build.bert import Bert, BertConfig, Dense, Layer, Norm


def take_layers(bert: Bert, layers: Sequence[int]) -> Bert:
    """The encoder made of the given layers of `bert`, in order; one that is named again starts out as the identity.

    A repeated layer keeps its weights but adds nothing at first (its output projections are zero), so that the deeper
    encoder starts where the shallower one stands instead of with a scrambled residual stream.
    """
    taken, seen = [], set()
    for number in layers:
        layer = bert.layers[number]
        taken.append(_silent(layer) if number in seen else layer)
        seen.add(number)
    return replace(bert, config=replace(bert.config, layers=len(taken)), layers=tuple(taken))


def _silent(layer: Layer) -> Layer:
    """The layer with nothing added to the residual stream; both norms are the last one's, which it then repeats."""
    nothing_out = Dense(np.zeros_like(layer.out.weight), np.zeros_like(layer.out.bias))
    nothing_down = Dense(np.zeros_like(layer.down.weight), np.zeros_like(layer.down.bias))
    # The incoming vector is scale · z + shift with z of mean 0 and deviation 1; a norm undoes and redoes that, up to a
    # factor that is nearly the same for all tokens.
    factor = float(np.sqrt(np.mean((layer.norm.scale**2 + layer.norm.shift**2).astype(np.float64))))
    repeat = Norm(np.full_like(layer.norm.scale, factor), np.zeros_like(layer.norm.shift))
    return replace(layer, out=nothing_out, down=nothing_down, attention_norm=repeat, norm=repeat)


class Network(nn.Module):
    """Encoder, mean over tokens, length 1, and two linear heads: attack (one logit) and family (one a family)."""

    def __init__(self, bert: Bert, families: int) -> None:
        super().__init__()
        config = bert.config
        self.config = config
        self.words = nn.Embedding(len(bert.words), config.width)
        with torch.no_grad():
            self.words.weight.copy_(torch.from_numpy(bert.words.copy()))
        self.places = nn.Parameter(torch.from_numpy(bert.places.copy()))
        self.norm = _norm(bert.norm, config.epsilon)
        self.layers = nn.ModuleList(_Block(layer, config) for layer in bert.layers)
        self.attack = nn.Linear(config.width, 1)
        self.family = nn.Linear(config.width, families)

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors [batch, width] float32 of ids [batch, tokens] int64 where mask [batch, tokens] is True."""
        hidden = self.norm(self.words(ids) + self.places[: ids.shape[1]])
        allowed = mask[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, allowed)
        weights = mask[..., None].float()
        pooled = (hidden.float() * weights).sum(1) / weights.sum(1)
        return functional.normalize(pooled, dim=1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits: attack [batch] and family [batch, families], float32. Heads stay in float32: bfloat16 ties scores."""
        vectors = self.embed(ids, mask)
        with torch.autocast("cpu", enabled=False):
            return self.attack(vectors)[:, 0], self.family(vectors)

    def to_bert(self) -> Bert:
        """The encoder as plain arrays."""
        return Bert(
            config=self.config,
            words=_array(self.words.weight),
            places=_array(self.places),
            norm=_from_norm(self.norm),
            layers=tuple(cast(_Block, layer).to_layer() for layer in self.layers),
        )


class _Block(nn.Module):
    def __init__(self, layer: Layer, config: BertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv, self.out = _linear(layer.qkv), _linear(layer.out)
        self.attention_norm = _norm(layer.attention_norm, config.epsilon)
        self.up, self.down = _linear(layer.up), _linear(layer.down)
        self.norm = _norm(layer.norm, config.epsilon)

    def forward(self, hidden: Tensor, allowed: Tensor) -> Tensor:
        batch, tokens, width = hidden.shape
        query, key, value = (
            self.qkv(hidden).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        )
        # Spelled out: for windows this short, the backward pass of the fused kernel takes longer than all of this.
        scores = query @ key.transpose(2, 3) / (width // self.heads) ** 0.5
        mixed = scores.masked_fill(~allowed, -1e4).softmax(3) @ value
        mixed = self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        hidden = self.attention_norm(hidden + mixed)
        found: Tensor = self.norm(hidden + self.down(functional.gelu(self.up(hidden))))
        return found

    def to_layer(self) -> Layer:
        return Layer(
            qkv=_from_linear(self.qkv),
            out=_from_linear(self.out),
            attention_norm=_from_norm(self.attention_norm),
            up=_from_linear(self.up),
            down=_from_linear(self.down),
            norm=_from_norm(self.norm),
        )


def _linear(dense: Dense) -> nn.Linear:
    linear = nn.Linear(dense.weight.shape[0], dense.weight.shape[1])
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(dense.weight.T.copy()))
        linear.bias.copy_(torch.from_numpy(dense.bias.copy()))
    return linear


def _norm(norm: Norm, epsilon: float) -> nn.LayerNorm:
    module = nn.LayerNorm(len(norm.scale), eps=epsilon)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(norm.scale.copy()))
        module.bias.copy_(torch.from_numpy(norm.shift.copy()))
    return module


def _array(parameter: Tensor) -> Any:
    return np.ascontiguousarray(parameter.detach().float().numpy().copy())


def _from_linear(linear: nn.Linear) -> Dense:
    return Dense(np.ascontiguousarray(_array(linear.weight).T), _array(linear.bias))


def _from_norm(norm: nn.LayerNorm) -> Norm:
    return Norm(_array(norm.weight), _array(norm.bias))
