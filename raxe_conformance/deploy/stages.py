"""Which switch may follow which: staging, then 10, 50 and 100 percent of production, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from raxe_conformance.deploy.audit import AuditLog
from raxe_conformance.deploy.clock import Clock, Elapsed, Moment, elapsed, hours, now
from raxe_conformance.deploy.package import verify_package
from raxe_conformance.deploy.signing import read_policy, require_signed
from raxe_conformance.deploy.state import (
    PRODUCTION,
    STAGING,
    EnvironmentState,
    Release,
    models_dir,
    package_name,
    parse_time,
)
from raxe_conformance.deploy.switching import Switchboard, switchboard
from raxe_conformance.errors import DeploymentError, UsageError

BEFORE = {50: 10, 100: 50}  # a share → the one that it follows
HOLD = {10: timedelta(hours=48), 50: timedelta(hours=24)}  # how long a share is held before the next
_FORCE = "or set the rule aside: --force --why TEXT"


def to_staging(target: Path, model_id: str, digest: str, why: str, *, clock: Clock = now) -> EnvironmentState:
    """Make a package that stands in the target stable in staging. Nothing is switched where it is already."""
    with switchboard(target, clock) as board:
        state, begun = board.state(STAGING), board.begin()
        release = Release(model_id, package_name(model_id, digest), digest, begun)
        if _is(state.stable, release):
            return state
        new = replace(state, stable=release, previous=state.stable, stage_started=begun)
        return board.switch(new, f"deploy {release.package} to staging", why)


def to_production(
    target: Path, model_id: str, share: int, *, force: bool = False, why: str = "", clock: Clock = now
) -> EnvironmentState:
    """Give the package that is in staging a share of production: 10, 50 or 100 percent, which makes it stable.

    force: set stages and hold times aside; `why` must say why then. Raises DeploymentError where the package is not in
    staging, is not what its manifest and the policy say, or where a stage is skipped or not yet held.
    """
    if share not in (10, 50, 100):
        raise UsageError(f"there is no stage of {share} %", remedy="name 10, 50 or 100")
    if force and not why.strip():
        raise UsageError("--force needs a reason", remedy="add --why TEXT: it goes into the audit log")
    with switchboard(target, clock) as board:
        staged = board.state(STAGING).stable
        if staged is None or staged.model_id != model_id:
            holds = "nothing" if staged is None else staged.package
            raise DeploymentError(
                f"{model_id} is not in staging, which holds {holds}", file=target,
                remedy=f"run: raxe-conformance deploy {model_id} staging",
            )  # fmt: skip
        require_whole(target, staged)
        state = board.state(PRODUCTION)
        if state.canary is None and _is(state.stable, staged):
            raise DeploymentError(f"{staged.package} is stable already", file=target, field=PRODUCTION)
        broken = _broken_rules(board, state, staged, share)
        if broken and not force:
            raise DeploymentError("; ".join(broken), file=target, field=PRODUCTION, remedy=_FORCE)
        begun = board.begin()
        canary = state.canary if _is(state.canary, staged) else replace(staged, deployed=begun)
        if share == 100:
            new = replace(state, stable=canary, previous=state.stable, canary=None, share=0, stage_started=begun)
        else:
            new = replace(state, canary=canary, share=share, stage_started=begun)
        return board.switch(new, f"deploy {staged.package} to {share} % of production", why, tuple(broken))


def roll_back(
    target: Path, environment: str, why: str, *, sequence: int | None = None, clock: Clock = now
) -> EnvironmentState:
    """Take the canary back, or where there is none, what is stable: in one switch, whatever the clock says.

    sequence: the switch that is to be taken back; None for whichever is the last. Raises UsageError without a reason,
    DeploymentError where there is nothing to return to, or where the last switch is another.
    """
    if not why.strip():
        raise UsageError("a rollback needs a reason", remedy="add --why TEXT: it goes into the audit log")
    with switchboard(target, clock) as board:
        state, begun = board.state(environment), board.begin()
        if sequence not in (None, state.sequence):
            problem = f"is at switch {state.sequence}, not {sequence}: somebody switched it meanwhile"
            raise DeploymentError(problem, file=target, field=environment, remedy="look at what is in use now")
        if state.canary is not None:
            new = replace(state, canary=None, share=0, stage_started=begun)
            return board.switch(new, f"roll back {state.canary.package}", why)
        if state.stable is None or state.previous is None:
            raise DeploymentError(
                "there is nothing to return to: no canary, and nothing that was stable before", file=target,
                field=environment, remedy="deploy another variant",
            )  # fmt: skip
        require_whole(target, state.previous)
        new = replace(state, stable=state.previous, previous=None, stage_started=begun)
        return board.switch(new, f"roll back {state.stable.package} to {state.previous.package}", why)


def require_whole(target: Path, release: Release) -> None:
    """Raise StateError where a package in the target is not what its digest and the target's policy ask for."""
    folder = models_dir(target, release)
    verify_package(folder, release.digest)
    require_signed(folder, read_policy(target))


def _broken_rules(board: Switchboard, state: EnvironmentState, staged: Release, share: int) -> list[str]:
    """What stands against giving the staged package a share of production; empty where nothing does."""
    before = BEFORE.get(share)
    if before is None:
        return [f"{staged.package} has {state.share} % already"] if _is(state.canary, staged) else []
    if not _is(state.canary, staged) or state.share != before:
        has = f"{state.share} %" if _is(state.canary, staged) else "none of it"
        return [f"{share} % of production follows {before} %, but {staged.package} has {has}"]
    found, hold = held(board.log, state, board.moment), HOLD[before]
    if found.surely >= hold:
        return []
    doubt = f" ({found.doubt})" if found.doubt else ""
    return [f"{before} % is held for {hours(hold)}, but has been for {hours(found.surely)}{doubt}"]


def held(log: AuditLog, state: EnvironmentState, at: Moment) -> Elapsed:
    """How long the stage of a state that the log knows has surely lasted."""
    # The first such entry: that a switch did not take place is recorded with the state that stands.
    recorded = next(entry.moment for entry in log.of(state.environment) if entry.state == state)
    return elapsed(parse_time(state.stage_started), recorded, at)


def _is(release: Release | None, other: Release) -> bool:
    return release is not None and release.digest == other.digest
