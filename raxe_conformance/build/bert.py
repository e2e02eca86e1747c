"""An encoder of BERT's kind as plain arrays: its configuration and its parameters, read and checked.

Knows nothing of ONNX: export.py turns this into a graph, and meta_tests runs the same arrays through numpy. mpnet.py
reads another kind of file into the same arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.checkpoint import Config, Tensors

Array = NDArray[np.float32]


@dataclass(frozen=True)
class BertConfig:
    """What config.json says about the shape of the encoder."""

    layers: int
    width: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    epsilon: float


@dataclass(frozen=True)
class Dense:
    """y = x @ weight + bias, with weight [in, out] and bias [out], float32."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Norm:
    """Layer normalisation over the last axis: scale [width] and shift [width], float32."""

    scale: Array
    shift: Array


@dataclass(frozen=True)
class Layer:
    """One encoder layer. `qkv` is query, key and value side by side: weight [width, 3 width]."""

    qkv: Dense
    out: Dense
    attention_norm: Norm
    up: Dense
    down: Dense
    norm: Norm


@dataclass(frozen=True)
class Bert:
    """A whole encoder. `words` [vocabulary, width]; `places` [positions, width] with token type 0 added in.

    `distances` [heads, 2 positions - 1]: what is added to attention scores before the softmax, by how far the key
    stands behind the query, from -(positions - 1) on. None for plain BERT, which adds nothing.
    """

    config: BertConfig
    words: Array
    places: Array
    norm: Norm
    layers: tuple[Layer, ...] = field(repr=False)
    distances: Array | None = field(default=None, repr=False)


def read_config(data: bytes, *, file: Path | str) -> BertConfig:
    """The encoder's shape from the bytes of config.json. Raises BuildError for another architecture, JsonError."""
    config = Config(data, file=file)
    config.expect("model_type", "bert")
    # "gelu" is the exact form by the error function; gelu_new and the like are approximations.
    config.expect("hidden_act", "gelu", "gelu")
    config.expect("position_embedding_type", "absolute", "absolute")
    config.expect("is_decoder", False, False)
    width, heads = config.width_and_heads()
    return BertConfig(
        layers=config.count("num_hidden_layers"),
        width=width,
        heads=heads,
        inner=config.count("intermediate_size"),
        vocabulary=config.count("vocab_size"),
        positions=config.count("max_position_embeddings"),
        epsilon=config.epsilon(),
    )


def read_bert(config: BertConfig, data: bytes, *, file: Path | str) -> Bert:
    """The encoder from the bytes of model.safetensors.

    Tensor names with and without the prefix "bert." are understood; the pooler and heads are left out. float16 and
    float32 are read, as float32. Raises BuildError where a tensor is missing or has another shape.
    """
    tensors = Tensors(data, prefix="bert.", file=file)
    width = config.width
    places = tensors.take("embeddings.position_embeddings.weight", config.positions, width)
    types = "embeddings.token_type_embeddings.weight"
    if (kinds := tensors.rows(types)) is not None:
        # A single text has token type 0 everywhere, so its vector is a constant that positions can carry.
        places = places + tensors.take(types, kinds, width)[0]
    return Bert(
        config=config,
        words=tensors.take("embeddings.word_embeddings.weight", config.vocabulary, width),
        places=places,
        norm=norm(tensors, "embeddings.LayerNorm", width),
        layers=tuple(
            layer(
                tensors,
                f"encoder.layer.{index}",
                config,
                qkv=[f"attention.self.{part}" for part in ("query", "key", "value")],
                out="attention.output.dense",
                attention_norm="attention.output.LayerNorm",
            )
            for index in range(config.layers)
        ),
    )


def layer(tensors: Tensors, at: str, config: BertConfig, *, qkv: list[str], out: str, attention_norm: str) -> Layer:
    """An encoder layer out of the tensors below `at`; what attention's parts are called differs. Raises BuildError."""
    width = config.width
    parts = [_dense(tensors, f"{at}.{part}", width, width) for part in qkv]
    return Layer(
        qkv=Dense(
            np.concatenate([part.weight for part in parts], axis=1), np.concatenate([part.bias for part in parts])
        ),
        out=_dense(tensors, f"{at}.{out}", width, width),
        attention_norm=norm(tensors, f"{at}.{attention_norm}", width),
        up=_dense(tensors, f"{at}.intermediate.dense", width, config.inner),
        down=_dense(tensors, f"{at}.output.dense", config.inner, width),
        norm=norm(tensors, f"{at}.output.LayerNorm", width),
    )


def norm(tensors: Tensors, name: str, width: int) -> Norm:
    """A layer normalisation. Raises BuildError."""
    return Norm(tensors.take(f"{name}.weight", width), tensors.take(f"{name}.bias", width))


def _dense(tensors: Tensors, name: str, width_in: int, width_out: int) -> Dense:
    # Stored as [out, in], multiplied as x @ W.
    weight = np.ascontiguousarray(tensors.take(f"{name}.weight", width_out, width_in).T)
    return Dense(weight, tensors.take(f"{name}.bias", width_out))
