"""What is served now, and the switch to what a target folder says is to be served next.

The new variants are loaded and tried beside the old ones; only then is one reference replaced. A request holds the
router that it began with, so those in flight finish on the old one, which is dropped with the last of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from raxe_conformance.deploy.package import verify_package
from raxe_conformance.deploy.state import Release, models_dir, read_state
from raxe_conformance.errors import RaxeError, VariantFailedError
from raxe_conformance.model_registry import ModelRegistry
from raxe_conformance.runtime.breaker import CircuitBreaker
from raxe_conformance.runtime.router import Analyzer, CanaryRouter, Role
from raxe_conformance.serving.feedback import Served, release_label
from raxe_conformance.serving.metrics import Metrics, RouterMetrics

RETRY: Final = 30.0  # seconds until what could not be loaded is tried again
_WARM_UP: Final = ("What time does the library open on Sundays?", "Please summarise the attached report in one line.")


@dataclass(frozen=True)
class Wanted:
    """A variant to serve: its id, the models folder that holds it, and the digest that this has if it is a package."""

    model_id: str
    folder: Path
    digest: str | None = None

    @property
    def served(self) -> Served:
        """Its names in metrics and answers."""
        return Served(self.model_id, "local" if self.digest is None else release_label(self.digest))


@dataclass(frozen=True)
class Plan:
    """What is to be served: see deploy.state.EnvironmentState. sequence: another number, another plan."""

    sequence: int
    stable: Wanted | None
    canary: Wanted | None = None
    share: int = 0


@dataclass(frozen=True)
class Serving:
    """A plan with its variants loaded."""

    plan: Plan
    router: CanaryRouter

    def served(self, role: Literal["stable", "canary"]) -> Served:
        """Which variant answers in a role that a router named."""
        wanted = self.plan.canary if role == "canary" else self.plan.stable
        assert wanted is not None
        return wanted.served


Source = Callable[[], Plan]


def plan_of_target(target: Path, environment: str) -> Plan:
    """What the state of an environment says is to be served. Raises what read_state raises."""
    state = read_state(target, environment)

    def wanted(release: Release | None) -> Wanted | None:
        return None if release is None else Wanted(release.model_id, models_dir(target, release), release.digest)

    return Plan(state.sequence, wanted(state.stable), wanted(state.canary), state.share)


def plan_of_folder(folder: Path, model_id: str) -> Plan:
    """One variant of a models folder, for as long as the server runs."""
    return Plan(0, Wanted(model_id, folder))


def load(wanted: Wanted) -> Analyzer:
    """The detector of a variant, whose package is still what was deployed and whose checksums are enforced.

    Raises RaxeError as deploy.package.verify_package and ModelRegistry.create_detector do.
    """
    if wanted.digest is not None:
        verify_package(wanted.folder, wanted.digest)
    return ModelRegistry(wanted.folder).create_detector(wanted.model_id)


class Current:
    """What a server serves. `now` may be read from any thread; `refresh` makes it what the source says."""

    def __init__(
        self,
        source: Source,
        metrics: Metrics,
        *,
        loader: Callable[[Wanted], Analyzer] = load,
        shadow: bool = False,
        threads: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """shadow: canaries read everything and answer nothing. threads: texts that a canary reads at once.

        clock: seconds, for RETRY. Nothing is loaded before `refresh`.
        """
        self._source, self._metrics, self._load = source, metrics, loader
        self._shadow, self._threads, self._clock = shadow, threads, clock
        self._lock = threading.Lock()
        self._loaded: dict[Wanted, Analyzer] = {}
        self._failed: tuple[int, float] | None = None
        self.now = Serving(Plan(-1, None), CanaryRouter(None))
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Switch to the plan of the source where it is another one; whether it was.

        Raises RaxeError where the plan cannot be read or its variants not loaded: what was served is served on, and
        the same plan is tried again RETRY seconds later at the earliest.
        """
        with self._lock:
            try:
                plan = self._source()
                if plan.sequence == self.now.plan.sequence:
                    self.problem = None
                    return False
                if self._failed is not None and self._failed[0] == plan.sequence and self._clock() < self._failed[1]:
                    return False
                self._switch(plan)
            except RaxeError as error:
                self.problem = str(error)
                self._metrics.reloads.labels(self._metrics.environment, "failed").inc()
                raise
            self._failed, self.problem = None, None
            self._metrics.reloads.labels(self._metrics.environment, "done").inc()
            return True

    def _switch(self, plan: Plan) -> None:
        wanted = [variant for variant in (plan.stable, plan.canary) if variant is not None]
        try:
            loaded = {variant: self._loaded.get(variant) or self._tried(variant) for variant in wanted}
        except RaxeError:
            self._failed = plan.sequence, self._clock() + RETRY
            raise
        before = self.now
        kept = before.router.breaker if plan.canary is not None and plan.canary == before.plan.canary else None
        breaker = kept or CircuitBreaker()
        stable, canary = plan.stable, plan.canary
        router = CanaryRouter(
            loaded[stable] if stable else None,
            loaded[canary] if canary else None,
            plan.share,
            salt=canary.served.release if canary else "",
            observer=RouterMetrics(self._metrics, stable.served if stable else None, canary.served if canary else None),
            breaker=breaker,
            shadow=self._shadow,
            threads=self._threads,
        )
        roles: dict[Role, tuple[Served, int]] = {}
        share = 0 if self._shadow else plan.share
        if stable is not None:
            roles["stable"] = stable.served, 100 - share
        if canary is not None:
            roles["shadow" if self._shadow else "canary"] = canary.served, share
        self._metrics.in_use(roles, breaker, plan.sequence)
        self._loaded = loaded
        self.now = Serving(plan, router)

    def _tried(self, wanted: Wanted) -> Analyzer:
        """A variant that is loaded and has answered: the first answers are slow, and no client is to wait for them."""
        try:
            variant = self._load(wanted)
            for text in _WARM_UP:
                variant.analyze(text)
        except RaxeError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a variant raises is its failure
            problem = f"cannot be used: {type(error).__name__}: {error}"
            raise VariantFailedError(problem, file=wanted.folder, field=wanted.model_id) from None
        return variant
