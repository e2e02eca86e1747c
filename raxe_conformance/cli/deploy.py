"""`raxe-conformance deploy`: a variant to staging, and from there to more and more of production."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from raxe_conformance.deploy.state import EnvironmentState

_PATH = click.Path(path_type=Path)
TARGET = click.option("--target", required=True, type=_PATH, metavar="DIR", help="the folder that is deployed to")


@click.command("deploy")
@click.argument("model_id", metavar="ID")
@click.argument("environment", type=click.Choice(["staging", "production"]))
@TARGET
@click.option("--models", default="models", type=_PATH, metavar="DIR", help="staging: the models folder")
@click.option("--report", type=_PATH, metavar="FILE", help="staging: the report; default: reports/ID.json")
@click.option("--profile", default="raxe-1.0", metavar="NAME-OR-FILE", help="staging: what the report was judged by")
@click.option("--sign-with", type=_PATH, metavar="KEY", help="staging: sign the package with this private key (PEM)")
@click.option("--copy-to", metavar="URL", help="staging: put a copy of the package there, too (any URL of fsspec)")
@click.option("--canary", type=click.Choice(["10", "50", "100"]), help="production: percent of requests")
@click.option("--force", is_flag=True, help="production: set stages and hold times aside; needs --why")
@click.option("--why", default="", metavar="TEXT", help="a reason for the audit log")
def command(
    model_id: str,
    environment: str,
    target: Path,
    models: Path,
    report: Path | None,
    profile: str,
    sign_with: Path | None,
    copy_to: str | None,
    canary: str | None,
    force: bool,
    why: str,
) -> None:
    """Deploy the variant ID to staging or production below --target.

    staging: makes the package of a variant whose report lets it pass, puts it into the target, verifies and tries it
    there, and switches. production: gives the package that is in staging 10, then 50, then 100 percent of the requests.
    """
    _require_fitting(environment)
    from raxe_conformance.deploy.stages import to_production

    if environment == "production":
        if canary is None:
            raise click.UsageError("production needs --canary 10, 50 or 100")
        state = to_production(target, model_id, int(canary), force=force, why=why)
    else:
        state = _stage(model_id, target, models, report or Path("reports") / f"{model_id}.json", profile, sign_with,
                       copy_to, why)  # fmt: skip
    click.echo(told(state))


def _require_fitting(environment: str) -> None:
    """Raise click.UsageError for an option that is of the other environment."""
    context = click.get_current_context()
    others = (
        ("canary", "force") if environment == "staging" else ("models", "report", "profile", "sign_with", "copy_to")
    )
    for name in others:
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name.replace('_', '-')} is of no use with {environment}")


def _stage(
    model_id: str,
    target: Path,
    models: Path,
    report: Path,
    profile: str,
    sign_with: Path | None,
    copy_to: str | None,
    why: str,
) -> EnvironmentState:
    from raxe_conformance.deploy.approval import approve
    from raxe_conformance.deploy.clock import now
    from raxe_conformance.deploy.copying import copy_package
    from raxe_conformance.deploy.landing import land
    from raxe_conformance.deploy.package import assemble
    from raxe_conformance.deploy.smoke import decide_afresh
    from raxe_conformance.deploy.stages import to_staging
    from raxe_conformance.verdict.profile import load_profile

    approval = approve(models, model_id, report, load_profile(profile), now().time.date())
    for waiver in approval.waived:
        click.echo(f"waived: {waiver.check_id} until {waiver.expires}: {waiver.reason}")
    package = assemble(models, approval, decide_afresh)
    folder = land(package, target, decide_afresh, sign_with)
    click.echo(f"{folder}: {len(package.members)} files verified, {len(package.cases)} cases decided as at the source")
    if copy_to is not None:
        click.echo(f"copied to {copy_package(folder, copy_to)}")
    return to_staging(target, model_id, package.digest, why)


def told(state: EnvironmentState) -> str:
    """What is in use in an environment, in one line."""
    stable = state.stable.package if state.stable else "nothing"
    canary = f", {state.share} % to {state.canary.package}" if state.canary else ""
    since = f"; switch {state.sequence}, since {state.stage_started}" if state.sequence else ""
    return f"{state.environment}: {stable}{canary}{since}"
