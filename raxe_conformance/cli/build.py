"""`raxe-conformance build`: what a variant lacks, made from its recipe."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("build")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--models-dir", default="models", type=click.Path(path_type=Path), help="where recipes and results stand")
@click.option("--data-dir", type=click.Path(path_type=Path), help="the corpora (else RAXE_CORPUS_MIRROR)")
@click.option("--refit", is_flag=True, help="fit the heads again, even where the bundle is there")
@click.option("--accept", is_flag=True, help="keep a file although its SHA-256 is not the recipe's")
def command(ids: tuple[str, ...], models_dir: Path, data_dir: Path | None, refit: bool, accept: bool) -> None:
    """Make what the variants lack, each from models/recipes/ID.toml.

    Weights are downloaded by pip and held to their SHA-256, exported to ONNX and quantized; heads are fitted on the
    corpora and packed. What is there with the recipe's SHA-256 stays as it is, so a second run does nothing.
    """
    from raxe_conformance.build.make import build_variant, load_recipe
    from raxe_conformance.cli.progress import progress

    tell = progress()
    for model_id in ids:
        # All of them before the first is made: a typing error should not show after ten minutes.
        load_recipe(models_dir, model_id)
    for model_id in ids:
        build_variant(models_dir, model_id, data_dir=data_dir, refit=refit, accept=accept, progress=tell)
