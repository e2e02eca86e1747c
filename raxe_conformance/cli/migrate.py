"""`raxe-conformance migrate`: the legacy layout to the new one."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("migrate")
@click.argument("models_dir", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--apply", "apply", is_flag=True, help="do it; without this, every step is only printed")
@click.option("--embedding-model", metavar="NAME", help="which model the deploy folders hold, where nothing tells")
def command(models_dir: Path, apply: bool, embedding_model: str | None) -> None:
    """Take DIR from the old layout (*.raxe in DIR, model_quantized_*_deploy/) to bundles/, embeddings/ and metadata/.

    A dry run unless --apply is given. Files are copied, the copies verified, and only then the originals removed; a run
    that was interrupted is finished by the next one.
    """
    from raxe_conformance.registry.migrate import plan_migration
    from raxe_conformance.registry.migrate_apply import apply_migration, unfinished

    plan = unfinished(models_dir)
    if plan is not None:
        click.echo("going on with a migration that was interrupted")
    else:
        plan = plan_migration(models_dir, embedding_model)
    if not apply or plan.empty:
        for line in plan.lines():
            click.echo(line)
        click.echo("nothing to do" if plan.empty else "dry run: nothing was changed; add --apply to do it")
        return
    for note in plan.notes:
        click.echo(f"note   {note}")
    apply_migration(models_dir, plan, click.echo)
    click.echo(f"done: {len(plan.moves)} files moved, {len(plan.writes)} metadata files written")
