"""A BERT encoder as plain arrays: its configuration and its parameters, read and checked.

Knows nothing of ONNX: export.py turns this into a graph, and meta_tests runs the same arrays through numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import BuildError
from raxe_conformance.strict_json import parse_json_object

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
    """A whole encoder. `words` [vocabulary, width]; `places` [positions, width] with token type 0 added in."""

    config: BertConfig
    words: Array
    places: Array
    norm: Norm
    layers: tuple[Layer, ...] = field(repr=False)


def read_config(data: bytes, *, file: Path | str) -> BertConfig:
    """The encoder's shape from the bytes of config.json. Raises BuildError for another architecture, JsonError."""
    raw = parse_json_object(data, file=file)

    def fixed(key: str, expected: Any, default: Any) -> None:
        if raw.get(key, default) != expected:
            raise BuildError(
                f"is {raw.get(key)!r}, but should be {expected!r}", file=file, field=key,
                remedy="only plain BERT encoders are exported",
            )  # fmt: skip

    def count(key: str) -> int:
        value = raw.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BuildError(f"is {value!r}, but should be a positive number", file=file, field=key)
        return value

    fixed("model_type", "bert", None)
    # "gelu" is the exact form by the error function; gelu_new and the like are approximations.
    fixed("hidden_act", "gelu", "gelu")
    fixed("position_embedding_type", "absolute", "absolute")
    fixed("is_decoder", False, False)
    width, heads = count("hidden_size"), count("num_attention_heads")
    if width % heads:
        raise BuildError(f"is {heads}, which does not divide the width {width}", file=file, field="num_attention_heads")
    epsilon = raw.get("layer_norm_eps", 1e-12)
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise BuildError(f"is {epsilon!r}, but should be a small positive number", file=file, field="layer_norm_eps")
    return BertConfig(
        layers=count("num_hidden_layers"),
        width=width,
        heads=heads,
        inner=count("intermediate_size"),
        vocabulary=count("vocab_size"),
        positions=count("max_position_embeddings"),
        epsilon=epsilon,
    )


def read_bert(config: BertConfig, data: bytes, *, file: Path | str) -> Bert:
    """The encoder from the bytes of model.safetensors.

    Tensor names with and without the prefix "bert." are understood; the pooler and heads are left out. float16 and
    float32 are read, as float32. Raises BuildError where a tensor is missing or has another shape.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BuildError(f"is no readable safetensors file: {error}", file=file) from None
    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in tensors else ""

    def take(name: str, *shape: int) -> Array:
        tensor = tensors.get(prefix + name)
        if tensor is None:
            raise BuildError("the tensor is missing", file=file, field=prefix + name)
        if tensor.shape != shape or tensor.dtype not in (np.float32, np.float16):
            raise BuildError(
                f"is {tensor.dtype} {list(tensor.shape)}, but should be float32 {list(shape)}",
                file=file, field=prefix + name, remedy="config.json and weights do not belong together",
            )  # fmt: skip
        return np.ascontiguousarray(tensor, np.float32)

    def dense(name: str, width_in: int, width_out: int) -> Dense:
        # Stored as [out, in], multiplied as x @ W.
        weight = np.ascontiguousarray(take(f"{name}.weight", width_out, width_in).T)
        return Dense(weight, take(f"{name}.bias", width_out))

    def norm(name: str) -> Norm:
        return Norm(take(f"{name}.weight", width), take(f"{name}.bias", width))

    width = config.width
    places = take("embeddings.position_embeddings.weight", config.positions, width)
    layers = []
    for index in range(config.layers):
        at = f"encoder.layer.{index}"
        parts = [dense(f"{at}.attention.self.{part}", width, width) for part in ("query", "key", "value")]
        layers.append(
            Layer(
                qkv=Dense(
                    np.concatenate([part.weight for part in parts], axis=1),
                    np.concatenate([part.bias for part in parts]),
                ),
                out=dense(f"{at}.attention.output.dense", width, width),
                attention_norm=norm(f"{at}.attention.output.LayerNorm"),
                up=dense(f"{at}.intermediate.dense", width, config.inner),
                down=dense(f"{at}.output.dense", config.inner, width),
                norm=norm(f"{at}.output.LayerNorm"),
            )
        )
    types = "embeddings.token_type_embeddings.weight"
    if prefix + types in tensors:
        # A single text has token type 0 everywhere, so its vector is a constant that positions can carry.
        places = places + take(types, max(1, tensors[prefix + types].shape[0]), width)[0]
    return Bert(
        config=config,
        words=take("embeddings.word_embeddings.weight", config.vocabulary, width),
        places=places,
        norm=norm("embeddings.LayerNorm"),
        layers=tuple(layers),
    )
