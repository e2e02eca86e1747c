"""Recipes are read strictly: each fault is named with file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta_tests.build.world import World
from raxe_conformance.build.recipe import RecipeError, read_recipe, recipe_ids
from raxe_conformance.errors import MissingFileError
from raxe_conformance.registry.bundle import Bundle

SHIPPED = Path(__file__).parents[2] / "models"


def test_a_recipe_as_values(world: World) -> None:
    recipe = read_recipe(world.recipe)
    assert recipe.model_id == world.model_id
    assert [wheel.package for wheel in recipe.weights.wheels] == ["tiny-model"]
    assert set(recipe.weights.files) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert (recipe.opset, recipe.quantization.per_channel, recipe.embedding.dimension) == (23, True, 16)
    assert recipe.outputs.onnx.sha256 is None
    assert [source.name for source in recipe.corpora.sources] == ["one", "two", "three"]
    assert recipe.corpora.left_out[0].reason == "wrong labels"
    assert recipe_ids(world.models) == [world.model_id]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("opset = 23", "opset = 23\nfast = true", "export.fast: is no key of a recipe; remove it"),
        ("[weights]", "speed = 1\n[weights]", "speed: is no key of a recipe"),
        ("opset = 23", "opset = 17", "export.opset: is 17, but should be one of 20, 21, 22, 23"),
        ("opset = 23", 'opset = "23"', "export.opset: is '23', but should be a whole number"),
        ("per_channel = true", "per_channel = 1", "quantization.per_channel: is 1, but should be true or false"),
        ('format = "int8"', 'format = "int4"', "quantization.format: is 'int4', but should be int8 or fp16"),
        ("seed = 0\n", "", "heads.seed: is missing; it should be a whole number"),
        ("seed = 0", "seed = true", "heads.seed: is True, but should be a whole number"),
        ("folds = 2", "folds = 1", "heads.folds: is 1, but should be at least 2"),
        ("threshold_fpr = 0.05", "threshold_fpr = 5", "heads.threshold_fpr: is 5, but should be in 0 to 0.5"),
        ("c = 1.0\nfamily", "c = -1.0\nfamily", "heads.c: is -1.0, but should be in 1e-06 to 1e+06"),
        ('pooling = "mean"', 'pooling = "cls"', "embedding.pooling: is 'cls', but should be mean"),
        ('package = "tiny-model"', 'package = "tiny model --x"', "weights.package: is 'tiny model --x', but should be"),
        ('license = "MIT"\norigin', 'license = " "\norigin', "weights.license: is empty"),
        ('directory = "tiny_model/model"', 'directory = "../etc"', "weights.directory: is '../etc', but should be"),
        ('bundle = "bundles/', 'bundle = "/bundles/', "outputs.heads.bundle: is '/bundles/tiny_v1.0.raxe', but"),
        ('families = ["PI", "JB"]', 'families = ["PI", "XX"]', "bundle.families: is ['PI', 'XX'], but should be"),
        ('families = ["PI", "JB"]', "families = []", "bundle.families: is [], but should be a list of strings"),
        ("2026-01-31T00:00:00Z", "yesterday", "created_at: is 'yesterday', but should be a time like"),
        ('index_sha256 = "', 'index_sha256 = "z', "corpora.index_sha256: is 'z"),
        ("rows = 18", 'rows = "18"', "corpora.sources[0].files[0].rows: is '18', but should be a whole number"),
        ('reason = "wrong labels"', "", "corpora.left_out[0].reason: is missing"),
        ("v1.0_tiny_int8", "v2.0_tiny_int8", "model_id: is 'v2.0_tiny_int8', but the file is named 'v1.0_tiny_int8'"),
        ("[export]", "[export", "is no TOML:"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_file_and_field(world: World, old: str, new: str, problem: str) -> None:
    world.edit(old, new)
    with pytest.raises(RecipeError) as caught:
        read_recipe(world.recipe)
    assert str(caught.value).startswith(f"{world.recipe}: {problem}")
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="the recipe does not exist"):
        read_recipe(tmp_path / "v1.0_x.toml")


@pytest.mark.parametrize("model_id", recipe_ids(SHIPPED))
def test_shipped_recipes_are_complete(model_id: str) -> None:
    recipe = read_recipe(SHIPPED / "recipes" / f"{model_id}.toml")
    outputs = recipe.outputs
    assert outputs.onnx.sha256
    assert outputs.onnx.content_sha256
    assert outputs.tokenizer.sha256
    # Heads that were never fitted are in no bundle; those that were have their digest here.
    bundle = Bundle(SHIPPED / outputs.heads.file)
    assert outputs.heads.sha256 or recipe.embedding.name not in bundle.manifest.head_sets
    trained = {f"{source.name}/{file.file}" for source in recipe.corpora.sources for file in source.files}
    for item in recipe.corpora.left_out:
        assert not any(name == item.file or name.startswith(f"{item.file}/") for name in trained)
