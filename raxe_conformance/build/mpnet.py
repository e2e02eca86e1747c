"""An MPNet encoder as the arrays of bert.py: BERT without token types, with a bias on attention scores by distance.

The bias is learnt by buckets of distances that widen logarithmically, alike in all layers (Song et al. 2020, MPNet;
Raffel et al. 2020, T5, section 2.1). Here it is a table by distance, so that the graph holds no logarithm.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from raxe_conformance.build.bert import Array, Bert, BertConfig, layer, norm
from raxe_conformance.build.checkpoint import Config, Tensors

# Fixed in the reference implementation, and in no configuration.
FARTHEST = 128
BUCKETS = 32
# Position 0 is never used and 1 is that of padding, which the detector does not make.
FIRST_PLACE = 2


def read_mpnet_config(data: bytes, *, file: Path | str) -> BertConfig:
    """The encoder's shape from the bytes of config.json; `positions` are those that tokens can have.

    Raises BuildError for another architecture, JsonError.
    """
    config = Config(data, file=file)
    config.expect("model_type", "mpnet")
    config.expect("hidden_act", "gelu", "gelu")
    config.expect("relative_attention_num_buckets", BUCKETS, BUCKETS)
    config.expect("pad_token_id", FIRST_PLACE - 1, FIRST_PLACE - 1)
    width, heads = config.width_and_heads()
    return BertConfig(
        layers=config.count("num_hidden_layers"),
        width=width,
        heads=heads,
        inner=config.count("intermediate_size"),
        vocabulary=config.count("vocab_size"),
        positions=config.count("max_position_embeddings", FIRST_PLACE + 1) - FIRST_PLACE,
        epsilon=config.epsilon(),
    )


def read_mpnet(config: BertConfig, data: bytes, *, file: Path | str) -> Bert:
    """The encoder from the bytes of model.safetensors, names with or without the prefix "mpnet.".

    Raises BuildError where a tensor is missing or has another shape.
    """
    tensors = Tensors(data, prefix="mpnet.", file=file)
    width, positions = config.width, config.positions
    places = tensors.take("embeddings.position_embeddings.weight", positions + FIRST_PLACE, width)
    bias = tensors.take("encoder.relative_attention_bias.weight", BUCKETS, config.heads)
    distances = range(-(positions - 1), positions)
    return Bert(
        config=config,
        words=tensors.take("embeddings.word_embeddings.weight", config.vocabulary, width),
        places=places[FIRST_PLACE:],
        norm=norm(tensors, "embeddings.LayerNorm", width),
        layers=tuple(
            layer(
                tensors,
                f"encoder.layer.{index}",
                config,
                qkv=[f"attention.attn.{part}" for part in "qkv"],
                out="attention.attn.o",
                attention_norm="attention.LayerNorm",
            )
            for index in range(config.layers)
        ),
        distances=_by_distance(bias, distances),
    )


def bucket(distance: int) -> int:
    """The bucket of a distance (key's place - query's place): the lower half for keys before the query or at it.

    In each half, one bucket for each of the nearest distances, then logarithmically wider ones up to FARTHEST. Worked
    out in whole numbers: a logarithm that falls a hair short of a border would give the next bucket.
    """
    half = BUCKETS // 2
    near = half // 2
    away = abs(distance)
    found = away
    if away >= near:
        steps = half - near
        # log(away / near) / log(FARTHEST / near) * steps >= k, without logarithms
        above = [k for k in range(1, steps) if away**steps >= near ** (steps - k) * FARTHEST**k]
        found = near + len(above)
    return found + (half if distance > 0 else 0)


def _by_distance(bias: Array, distances: range) -> Array:
    """[buckets, heads] → [heads, distances], float32."""
    return np.ascontiguousarray(bias[[bucket(distance) for distance in distances]].T)
