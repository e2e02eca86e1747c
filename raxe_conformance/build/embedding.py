"""The first half of a recipe: from an encoder's files to an ONNX file and its tokenizer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raxe_conformance.build.bert import BertConfig, read_bert, read_config
from raxe_conformance.build.export import export_bert
from raxe_conformance.build.mpnet import read_mpnet, read_mpnet_config
from raxe_conformance.build.recipe import Recipe
from raxe_conformance.errors import BuildError
from raxe_conformance.strict_json import parse_json_object

NEEDED = ("config.json", "model.safetensors", "tokenizer.json")


@dataclass(frozen=True)
class Model:
    """A float32 encoder as an onnx.ModelProto, its shape, and its tokenizer's bytes."""

    config: BertConfig
    graph: Any
    tokenizer: bytes


def export_files(files: dict[str, bytes], *, opset: int, where: str) -> Model:
    """The encoder in config.json, which says of what kind it is, model.safetensors and tokenizer.json.

    `where` names them in errors. Raises BuildError, JsonError.
    """
    for name in NEEDED:
        if name not in files:
            raise BuildError("is missing", file=where, field=name, remedy="the export reads " + ", ".join(NEEDED))
    config_file, weights_file = f"{where}/config.json", f"{where}/model.safetensors"
    if parse_json_object(files["config.json"], file=config_file).get("model_type") == "mpnet":
        config = read_mpnet_config(files["config.json"], file=config_file)
        bert = read_mpnet(config, files["model.safetensors"], file=weights_file)
    else:
        config = read_config(files["config.json"], file=config_file)
        bert = read_bert(config, files["model.safetensors"], file=weights_file)
    tokenizer = plain_tokenizer(files["tokenizer.json"], file=f"{where}/tokenizer.json")
    return Model(config, export_bert(bert, opset=opset), tokenizer)


def plain_tokenizer(data: bytes, *, file: Path | str) -> bytes:
    """tokenizer.json without settings that would cut or pad texts: the published one cuts at 128 tokens."""
    value = parse_json_object(data, file=file)
    if not isinstance(value.get("model"), dict):
        raise BuildError("is no tokenizer of the `tokenizers` library", file=file, field="model")
    value["truncation"] = value["padding"] = None
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n").encode("utf-8")


def quantize(model: Model, recipe: Recipe) -> Any:
    """The encoder in the recipe's number format, as an onnx.ModelProto. Raises BuildError where it does not fit."""
    from raxe_conformance.build.quantize import quantize_int8, store_float16

    embedding = recipe.embedding
    for field, found, wanted in (
        ("embedding.dimension", model.config.width, embedding.dimension),
        ("embedding.max_sequence_length", model.config.positions, embedding.max_sequence_length),
    ):
        if found < wanted or (field == "embedding.dimension" and found != wanted):
            raise BuildError(f"is {wanted}, but the weights have {found}", file=recipe.path, field=field)
    settings = recipe.quantization
    if settings.format == "fp16":
        return store_float16(model.graph)
    return quantize_int8(
        model.graph,
        per_channel=settings.per_channel,
        reduce_range=settings.reduce_range,
        float_activations=settings.float_activations,
    )


def explain_difference(model: Model, quantized: Any) -> str:
    """How far a built file is from float32, in numbers, whatever its SHA-256 is."""
    from raxe_conformance.build.content import probe_cosines

    cosines = probe_cosines(model.graph, quantized, vocabulary=model.config.vocabulary, longest=model.config.positions)
    return f"cosine to float32 {float(np.median(cosines)):.5f} median, {float(cosines.min()):.5f} least"
