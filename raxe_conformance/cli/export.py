"""`raxe-conformance export`: a sentence-transformers model as one ONNX file and its tokenizer."""

from __future__ import annotations

from pathlib import Path

import click

MOST_MB = 50.0


@click.command("export")
@click.option(
    "--model", "model", required=True, metavar="NAME-OR-DIR", help="a recipe, its embedding model, or a folder"
)
@click.option("--quantization", type=click.Choice(["int8", "fp16", "fp32"]), default="int8", show_default=True)
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="the ONNX file to write")
@click.option("--opset", type=int, default=23, show_default=True, help="20 also runs on ONNX Runtime before 1.23")
@click.option("--models-dir", default="models", type=click.Path(path_type=Path), help="where recipes stand")
def command(model: str, quantization: str, output: Path, opset: int, models_dir: Path) -> None:
    """Write a model as ONNX to FILE, and its tokenizer beside it as {FILE without _int8}.tokenizer.json.

    A folder needs config.json, model.safetensors and tokenizer.json of a BERT encoder with mean pooling. fp16 halves
    the file and nothing else: weights are stored as float16 and computed with as float32.
    """
    from raxe_conformance.build.exporting import export_model
    from raxe_conformance.cli.progress import progress

    tell = progress()
    found = export_model(model, output, quantization=quantization, opset=opset, models=models_dir, progress=tell)
    for path, size in found:
        tell.say(f"{path}: {size / 1e6:.1f} MB")
    size_mb = found[0][1] / 1e6
    if size_mb > MOST_MB:
        click.echo(f"WARNING: {found[0][0]} is {size_mb:.1f} MB, over the limit of {MOST_MB:.0f} MB", err=True)
