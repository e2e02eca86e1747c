"""Exporting by name or from a folder, outside any recipe's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from raxe_conformance.build.embedding import NEEDED, export_files
from raxe_conformance.build.export import to_bytes
from raxe_conformance.build.progress import Progress, Silent
from raxe_conformance.build.recipe import Recipe, read_recipe, recipe_ids, recipe_path
from raxe_conformance.build.results import write_result
from raxe_conformance.build.weights import model_files
from raxe_conformance.errors import BuildError, UnknownModelError
from raxe_conformance.fileio import read_bounded
from raxe_conformance.strict_json import parse_json_object

MAX_FILE_BYTES: Final = 4_000_000_000
POOLING: Final = "1_Pooling/config.json"
MODULES: Final = "modules.json"


def export_model(
    model: str, output: Path, *, quantization: str, opset: int, models: Path, progress: Progress | None = None
) -> list[tuple[Path, int]]:
    """Write the ONNX file and the tokenizer; their paths and sizes in bytes, the ONNX file first.

    `model` is a folder, a variant with a recipe, or the embedding model of one. Raises UnknownModelError, BuildError.
    """
    tell = progress or Silent()
    if output.suffix != ".onnx":
        raise BuildError(f"ends in {output.suffix!r}, but should end in '.onnx'", file=output, field="--output")
    files = _folder(Path(model)) if Path(model).is_dir() else model_files(_recipe(model, models), models, tell)
    with tell.step(f"exporting to ONNX opset {opset}"):
        exported = export_files(files, opset=opset, where=model)
    with tell.step(f"converting to {quantization}"):
        data = to_bytes(_convert(exported.graph, quantization))
    stem = output.stem.removesuffix(f"_{quantization}")
    tokenizer = output.with_name(f"{stem}.tokenizer.json")
    write_result(tokenizer, exported.tokenizer)
    write_result(output, data)
    return [(output, len(data)), (tokenizer, len(exported.tokenizer))]


def _convert(graph: Any, quantization: str) -> Any:
    from raxe_conformance.build.quantize import quantize_int8, store_float16

    if quantization == "int8":
        # As measured in docs/building.md: without per_channel a few outliers round most weights to nothing.
        return quantize_int8(graph, per_channel=True, reduce_range=True)
    return store_float16(graph) if quantization == "fp16" else graph


def _recipe(name: str, models: Path) -> Recipe:
    if recipe_path(models, name).is_file():
        return read_recipe(recipe_path(models, name))
    known: dict[str, Recipe] = {}
    for model_id in recipe_ids(models):
        recipe = read_recipe(recipe_path(models, model_id))
        known.setdefault(recipe.embedding.name, recipe)
    if name in known:
        return known[name]
    there = ", ".join(sorted({*recipe_ids(models), *known})) or "none"
    raise UnknownModelError(
        f"{name!r} is no folder, and no recipe makes it", field="--model", remedy=f"name a folder, or one of: {there}"
    )


def _folder(folder: Path) -> dict[str, bytes]:
    """The files of a sentence-transformers folder, if it holds an encoder, mean pooling, and nothing that we lack."""
    if (folder / MODULES).is_file():
        _check_modules(folder / MODULES)
    if (folder / POOLING).is_file():
        pooling = parse_json_object(read_bounded(folder / POOLING, 1_000_000, what="the file"), file=folder / POOLING)
        others = [key for key, on in pooling.items() if key.startswith("pooling_mode_") and on is True]
        if others not in ([], ["pooling_mode_mean_tokens"]):
            raise BuildError(
                f"pools by {', '.join(others)}", file=folder / POOLING, remedy="the detector pools by the mean"
            )
    return {name: read_bounded(folder / name, MAX_FILE_BYTES, what="the model file") for name in NEEDED}


def _check_modules(path: Path) -> None:
    import json

    try:
        modules = json.loads(read_bounded(path, 1_000_000, what="the file"))
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    except (ValueError, TypeError, KeyError) as error:
        raise BuildError(f"is no list of modules: {error}", file=path) from None
    if unknown := [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]:
        raise BuildError(
            f"has a module {unknown[0]}", file=path, remedy="only an encoder, pooling and normalisation are exported"
        )
