"""Watching what was deployed last, and taking it back when its counts say that it is bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raxe_conformance.deploy.stages import roll_back
from raxe_conformance.deploy.state import EnvironmentState, Release, parse_time, read_state
from raxe_conformance.errors import MonitoringError, RaxeError
from raxe_conformance.serving.counters import Scrape, selector
from raxe_conformance.serving.feedback import release_label
from raxe_conformance.serving.limits import LATENCY, ROLLBACK
from raxe_conformance.serving.prometheus import Prometheus
from raxe_conformance.serving.rule import Counts, Finding, compacted, decide


@dataclass(frozen=True)
class Taken:
    """A variant that was taken back, and why."""

    release: Release
    findings: tuple[Finding, ...]


def watched(state: EnvironmentState) -> Release | None:
    """The release that a rollback would take back: the canary, or what replaced another one; None for neither."""
    if state.canary is not None:
        return state.canary
    return state.stable if state.previous is not None else None


class Watch:
    """Looks at one environment. What it knows of a stage is gone when the stage ends, by whoever's hand."""

    def __init__(
        self,
        target: Path,
        environment: str,
        prometheus: Prometheus,
        say: Callable[[str], None],
        *,
        limits: Mapping[str, float] = ROLLBACK,
    ) -> None:
        """say: is told what changes, a line at a time. limits: as ROLLBACK in limits.py."""
        self._target, self._environment, self._prometheus = target, environment, prometheus
        self._say, self._limits = say, limits
        self._sequence = -1
        self._last: Scrape | None = None
        self._history: list[Counts] = []
        self._trouble: str | None = None

    def look(self) -> Taken | None:
        """Ask once, decide, and take the variant back where that is decided; then what was taken back.

        A Prometheus that cannot be asked decides nothing, nor does a server that is not scraped. Raises what read_state
        raises where it does so at the first look; what stands in the way later is said, and the next look tries again.
        """
        try:
            return self._look()
        except RaxeError as error:
            if self._sequence < 0:
                raise
            self._trouble_is(f"nothing is taken back: {error}")
            return None

    def _look(self) -> Taken | None:
        state = read_state(self._target, self._environment)
        release = watched(state)
        if state.sequence != self._sequence:
            self._begin(state, release)
        if release is None:
            return None
        self._history = compacted([*self._history, self._counted(state, release)])
        bad = tuple(finding for finding in decide(self._history, self._limits) if finding.is_bad)
        if not bad:
            self._trouble_is(None)
            return None
        why = "; ".join(map(str, bad))
        roll_back(self._target, self._environment, f"watch: {why}", sequence=state.sequence)
        self._say(f"{release.model_id} taken back: {why}")
        return Taken(release, bad)

    def standing(self) -> list[Finding]:
        """What was counted so far in this stage."""
        return decide(self._history, self._limits)

    def _begin(self, state: EnvironmentState, release: Release | None) -> None:
        self._sequence, self._last, self._history = state.sequence, None, []
        if release is None:
            self._say(f"{self._environment}, state {state.sequence}: nothing to take back")
        else:
            share = f"{state.share} %" if state.canary is not None else "all"
            self._say(f"{self._environment}, state {state.sequence}: watching {release.model_id}, which has {share}")

    def _counted(self, state: EnvironmentState, release: Release) -> Counts:
        watched = release_label(release.digest)
        beside = None
        if state.canary is not None and state.stable is not None:
            beside = release_label(state.stable.digest)
        expression = selector(self._environment, [watched] if beside is None else [watched, beside])
        if self._last is None:
            # A series that was not there when the stage began has begun at 0 since.
            self._last = Scrape.of(self._prometheus.query(expression, parse_time(state.stage_started)))
        now = Scrape.of(self._prometheus.query(expression))
        if not now.has(watched):
            raise MonitoringError(
                f"has no counts of {release.model_id}",
                file=self._prometheus.url,
                remedy="check that the server runs, serves this state and is scraped",
            )
        anew = now.restarted(self._last)
        if anew:
            self._say(f"restarted, counters begin anew: {', '.join(sorted(instance for _, instance in anew))}")
        counts = now.since(self._last, self._limits[LATENCY], watched, beside)
        self._last = now.after(self._last)
        return counts

    def _trouble_is(self, trouble: str | None) -> None:
        """Say what stands in the way of a decision when it changes, and when it is gone."""
        if trouble != self._trouble:
            self._say(trouble or "decides again")
        self._trouble = trouble
