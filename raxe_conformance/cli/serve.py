"""`raxe-conformance serve`: the variants of an environment, or one of a models folder, behind HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from raxe_conformance.errors import RuntimeMissingError, UsageError


@click.command("serve")
@click.argument("models_dir", required=False, type=click.Path(path_type=Path))
@click.option("--model", metavar="ID", help="the variant of MODELS_DIR to serve")
@click.option("--target", type=click.Path(path_type=Path), metavar="DIR", help="the target folder of deploy")
@click.option("--environment", type=click.Choice(["staging", "production"]), default="production", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="the address to listen at")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 for a free one")
@click.option("--max-bytes", type=click.IntRange(1), default=100_000, show_default=True, help="of a request's body")
@click.option(
    "--rate", type=click.IntRange(1), default=1000, show_default=True, help="requests a second of one address"
)
@click.option("--shadow", is_flag=True, help="the canary reads everything and answers nothing")
def command(
    models_dir: Path | None, model: str | None, target: Path | None, environment: str, host: str, port: int,
    max_bytes: int, rate: int, shadow: bool,
) -> None:  # fmt: skip
    """Answer POST /analyze by a variant; tell Prometheus at /metrics; describe itself at /openapi.json.

    With --target it serves what is deployed there, canaries included, and follows every deploy and rollback without
    dropping a request. With MODELS_DIR and --model it serves that one variant. Needs the extra `serve`.
    """
    if (target is None) == (models_dir is None) or (model is None) != (models_dir is None):
        raise UsageError("serve needs --target DIR, or MODELS_DIR with --model ID, and not both")
    try:
        from raxe_conformance.serving.server import serve
    except ImportError as error:
        raise RuntimeMissingError(
            f"serve needs {error.name}, which is not installed", remedy="run: pip install 'raxe-conformance[serve]'"
        ) from None
    from raxe_conformance.serving.app import Settings
    from raxe_conformance.serving.reload import plan_of_folder, plan_of_target

    if target is not None:
        source = partial(plan_of_target, target, environment)
    else:
        assert models_dir is not None
        assert model is not None
        source, environment = partial(plan_of_folder, models_dir, model), "local"
    settings = Settings(most_bytes=max_bytes, rate=rate)
    serve(source, environment, settings, host=host, port=port, shadow=shadow, say=click.echo)
