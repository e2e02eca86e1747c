"""`raxe-conformance monitoring`: what Prometheus and Grafana need to watch variants."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("monitoring")
@click.argument("models_dir", default="models", type=click.Path(path_type=Path))
@click.option("--model", "models", multiple=True, metavar="ID", help="repeatable; all variants where it is not given")
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="where to write")
def command(models_dir: Path, models: tuple[str, ...], output: Path) -> None:
    """Write raxe-rules.yml (alerts by the specification and each variant's metadata) and raxe-dashboard.json."""
    from raxe_conformance.fileio import canonical_json
    from raxe_conformance.model_registry import ModelRegistry
    from raxe_conformance.report.whole import write_whole
    from raxe_conformance.serving.alerts import rule_file
    from raxe_conformance.serving.dashboard import dashboard
    from raxe_conformance.serving.limits import alert_limits

    registry = ModelRegistry(models_dir)
    variants = [registry.get_model(model_id) for model_id in models] or registry.list_models()
    limits = {v.model_id: alert_limits(v.metadata, v.metadata_path or models_dir) for v in variants}
    for name, data in (("raxe-rules.yml", rule_file(limits)), ("raxe-dashboard.json", canonical_json(dashboard()))):
        click.echo(write_whole(output / name, data))
