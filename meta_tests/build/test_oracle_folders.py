"""`export --model DIR` against transformers on random weights: MPNet, and BERT of twelve layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("transformers", reason="the extra `oracle` (transformers, torch) is not installed")
pytest.importorskip("torch", reason="the extra `oracle` (transformers, torch) is not installed")
pytest.importorskip("onnx", reason="the extra `build` is not installed")

import torch
import transformers

from meta_tests.build.world import tokenizer_json
from raxe_conformance.build.mpnet import bucket
from raxe_conformance.cli.export import command as export_command
from raxe_conformance.runtime.embed import Embedder, mean_pool

LENGTHS = (3, 4, 5, 8, 13, 31, 64, 127, 128, 129, 256, 384)
SHAPE = {"vocab_size": 50, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}


def bert() -> Any:
    config = transformers.BertConfig(num_hidden_layers=12, max_position_embeddings=512, **SHAPE)
    return transformers.BertModel(config, add_pooling_layer=False)


def mpnet() -> Any:
    config = transformers.MPNetConfig(
        num_hidden_layers=3, max_position_embeddings=514, pad_token_id=1, layer_norm_eps=1e-5, **SHAPE
    )
    return transformers.MPNetModel(config, add_pooling_layer=False)


@pytest.mark.parametrize("opset", [20, 23])
@pytest.mark.parametrize(("make", "layers"), [(bert, 12), (mpnet, 3)])
def test_a_folder_is_exported_and_agrees(make: Any, layers: int, opset: int, tmp_path: Path) -> None:
    torch.manual_seed(layers)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Fresh weights are so small that layers hardly matter.
            parameter.add_(torch.randn_like(parameter) * 0.1)
    folder, output = tmp_path / "model", tmp_path / "out" / "other_fp32.onnx"
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tokenizer_json())
    arguments = ["--model", str(folder), "--quantization", "fp32", "--output", str(output), "--opset", str(opset)]
    done = CliRunner().invoke(export_command, arguments)
    assert done.exit_code == 0, done.output
    embedder = Embedder.load(output, output.with_name("other.tokenizer.json"), max_sequence_length=384)
    generator = np.random.default_rng(0)
    for length in LENGTHS:
        ids = generator.integers(2, 50, length)
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor(ids[None, :])).last_hidden_state[0].double().mean(dim=0).numpy()
        found = mean_pool(embedder.infer(ids), np.ones((1, length), np.int64))[0]
        assert found @ (hidden / np.linalg.norm(hidden)) >= 0.99999


def test_buckets_are_those_of_the_reference() -> None:
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    distances = torch.arange(-600, 601)
    found = MPNetEncoder.relative_position_bucket(distances).tolist()
    assert found == [bucket(int(distance)) for distance in distances]
