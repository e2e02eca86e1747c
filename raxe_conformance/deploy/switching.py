"""Switching an environment from one package to another: one writer at a time, the log first, then the state.

The entry of the log holds the whole new state. A writer that is stopped between the two leaves an entry without effect;
the next writer records that the switch did not take place. So the state is always the old one or the new one, and the
log says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from raxe_conformance.deploy.audit import DISK, AuditLog, read_log
from raxe_conformance.deploy.clock import MOST, Clock, Moment
from raxe_conformance.deploy.state import (
    ENVIRONMENTS,
    EnvironmentState,
    nothing_deployed,
    parse_time,
    read_state,
    state_bytes,
    state_path,
)
from raxe_conformance.errors import DeploymentError, StateError, UsageError
from raxe_conformance.fileio import fsync_folder
from raxe_conformance.report.whole import write_whole

_LOCK = ".switching.lock"
_WAIT_S = 30.0
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Switchboard:
    """A target folder whose only writer this is, with a log that holds and states that are those of the log."""

    target: Path
    log: AuditLog
    moment: Moment

    def state(self, environment: str) -> EnvironmentState:
        """What is in use."""
        return read_state(self.target, environment)

    def begin(self) -> str:
        """When a stage that begins now has begun, in ISO 8601.

        Where the log knows a later time, the clock has gone back. The later one counts, so that setting the clock right
        again cannot fill a hold time. A time more than a year ahead does not count: either it came from a clock that
        had leapt, or this clock is so far back that nobody will believe what has passed when it is set right.
        """
        known = [entry.moment.time for entry in self.log.entries]
        known += [parse_time(entry.state.stage_started) for entry in self.log.entries if entry.state is not None]
        now = self.moment.time
        return max([now, *(time for time in known if time - now <= MOST)]).isoformat()

    def switch(self, new: EnvironmentState, what: str, why: str, overridden: tuple[str, ...] = ()) -> EnvironmentState:
        """Make `new`, apart from its number, the state of its environment. Raises RaxeError where a file resists."""
        numbered = replace(new, sequence=self.state(new.environment).sequence + 1)
        path = state_path(self.target, new.environment)
        self.log.with_entry(self.moment, what, why, state=numbered, overridden=overridden)
        write_whole(path, state_bytes(numbered), remedy=DISK)
        fsync_folder(self.target)
        return numbered


@contextmanager
def switchboard(target: Path, clock: Clock) -> Iterator[Switchboard]:
    """The target folder, held against other writers. What one that was stopped has left is put right and recorded.

    Raises UsageError where there is no such folder, StateError where log and states do not belong together,
    DeploymentError where another writer does not end.
    """
    with reading(target):
        for left in target.glob(".*.json*.tmp"):
            left.unlink(missing_ok=True)
        moment = clock()
        log = read_log(target).mended(moment)
        for environment in ENVIRONMENTS:
            standing = read_state(target, environment)
            if interrupted(log, standing, target):
                entry = log.of(environment)[-1]
                log = log.with_entry(
                    moment, INTERRUPTED, f"the switch of line {entry.number} did not take place", state=standing
                )
        yield Switchboard(target, log, moment)


@contextmanager
def reading(target: Path) -> Iterator[None]:
    """The target folder, held against writers, so that log and states are of one moment. Raises as `switchboard`."""
    if not target.is_dir():
        raise UsageError("is no folder", file=target, remedy="name the target folder with --target DIR")
    with locked(target / _LOCK, "another deploy or rollback"):
        yield


def interrupted(log: AuditLog, standing: EnvironmentState, target: Path) -> bool:
    """Whether the newest switch of the log did not take place. Raises StateError where the state is of no switch."""
    known = [nothing_deployed(standing.environment), *(entry.state for entry in log.of(standing.environment))]
    if standing == known[-1]:
        return False
    if len(known) > 1 and standing == known[-2]:
        return True
    raise StateError(
        "is not the state that the audit log knows: it was changed, or the log was",
        file=state_path(target, standing.environment),
        remedy=f"put back what `state` of the newest entry about {standing.environment} holds",
    )


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, which the system lets go of when its holder dies. Raises DeploymentError after a while."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=_WAIT_S)
    except Timeout:
        raise DeploymentError(
            f"{what} is at work on it", file=path.parent, remedy="try again when it is done"
        ) from None
    except OSError as error:
        raise DeploymentError(
            f"cannot be written: {error.strerror}", file=path.parent, remedy="name a target folder that you may write"
        ) from None
    try:
        yield
    finally:
        lock.release()
