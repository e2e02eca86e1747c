"""What a target folder holds and whether it can be believed: for `status`, which changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from raxe_conformance.deploy.audit import AuditLog, read_log
from raxe_conformance.deploy.clock import Clock, Elapsed, now
from raxe_conformance.deploy.stages import HOLD, held, require_whole
from raxe_conformance.deploy.state import ENVIRONMENTS, EnvironmentState, Release, read_state
from raxe_conformance.deploy.switching import interrupted, reading
from raxe_conformance.errors import RaxeError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Survey:
    """A target folder as it stands.

    states: those that can be read. log: None where its chain does not hold. lasted: how long the canary of an
    environment has had its share. problems: what must not be so. notes: what the next writer puts right.
    """

    states: tuple[EnvironmentState, ...]
    log: AuditLog | None
    lasted: dict[str, Elapsed]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def remaining(self, state: EnvironmentState) -> timedelta | None:
        """What is left of a canary's hold time; None where there is none."""
        if state.environment not in self.lasted:
            return None
        return max(timedelta(0), HOLD[state.share] - self.lasted[state.environment].surely)


def survey(target: Path, *, clock: Clock = now) -> Survey:
    """Look at states, log and the packages in use. Raises UsageError where there is no such folder."""
    problems: list[str] = []
    notes: list[str] = []
    lasted = {}
    with reading(target):
        moment = clock()
        log = _kept(problems, partial(read_log, target))
        states = [_kept(problems, partial(read_state, target, name)) for name in ENVIRONMENTS]
        if log is not None and log.torn:
            notes.append(f"{log.path.name} ends in a torn line of {len(log.torn)} bytes, which is no entry")
        for state in (state for state in states if state is not None):
            if log is None:
                continue
            stopped = _kept(problems, partial(interrupted, log, state, target))
            if stopped:
                notes.append(f"{state.environment}: a switch was stopped, and did not take place")
            elif stopped is not None and state.share in HOLD:
                lasted[state.environment] = held(log, state, moment)
        in_use = {release.package: release for state in states if state for release in _in_use(state)}
        for name in sorted(in_use):
            _kept(problems, partial(require_whole, target, in_use[name]))
    return Survey(tuple(s for s in states if s is not None), log, lasted, tuple(problems), tuple(notes))


def _in_use(state: EnvironmentState) -> list[Release]:
    return [release for release in (state.stable, state.canary, state.previous) if release is not None]


def _kept(problems: list[str], read: Callable[[], _T]) -> _T | None:
    """What `read` gives; None where it raises, which becomes a problem."""
    try:
        return read()
    except RaxeError as error:
        problems.append(str(error))
        return None
