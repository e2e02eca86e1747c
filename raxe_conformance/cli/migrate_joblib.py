"""`raxe-conformance migrate-joblib`: a joblib bundle to arrays. The one command that runs what a bundle holds."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("migrate-joblib")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE", help="the new bundle")
@click.option("--i-understand-this-runs-code", "understood", is_flag=True, help="without it, nothing is done")
@click.option("--embedding-model", metavar="NAME", help="where the old bundle does not say it")
@click.option(
    "--max-sequence-length", type=click.IntRange(3), metavar="TOKENS", help="where the old bundle does not say it"
)
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.5, show_default=True,
              help="attack probability from which a text is an attack")  # fmt: skip
def command(
    file: Path,
    output: Path,
    understood: bool,
    embedding_model: str | None,
    max_sequence_length: int | None,
    threshold: float,
) -> None:
    """Convert a joblib bundle with scikit-learn linear or MLP heads into one that holds arrays.

    Opening a joblib file runs whatever code is in it. It is opened in a child process with limits, which is no sandbox:
    see docs/bundle.md before you use this on a file that is not your own.
    """
    from raxe_conformance.errors import UsageError
    from raxe_conformance.registry.migrate_joblib import DANGER, convert_joblib_bundle

    if not understood:
        raise UsageError(f"is not opened: {DANGER}", file=file)
    made = convert_joblib_bundle(
        file,
        output,
        embedding_model=embedding_model,
        max_sequence_length=max_sequence_length,
        threshold=threshold,
    )
    for note in made.notes:
        click.echo(f"note   {note}", err=True)
    click.echo(f"wrote {output}: {made.bundle.size} bytes, sha256:{made.bundle.sha256}")
