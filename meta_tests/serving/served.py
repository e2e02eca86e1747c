"""A server around variants of known behaviour, without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta_tests.serving.stubs import Clock
from raxe_conformance.runtime.router import Analyzer
from raxe_conformance.serving.app import Settings, make_app
from raxe_conformance.serving.metrics import Metrics
from raxe_conformance.serving.reload import Current, Plan, Wanted

if TYPE_CHECKING:
    from starlette.testclient import TestClient


def wanted(model_id: str) -> Wanted:
    return Wanted(model_id, Path("nowhere"), f"{model_id}-digest-of-its-package")


@dataclass
class Server:
    """What is to be served, by hand. variants: by id; an exception stands for one that cannot be loaded."""

    variants: dict[str, Analyzer | Exception]
    plan: Plan
    shadow: bool = False
    clock: Clock = field(default_factory=Clock)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metrics = Metrics("production")
        self.current = Current(lambda: self.plan, self.metrics, loader=self._load, shadow=self.shadow, clock=self.clock)

    def _load(self, wanted: Wanted) -> Analyzer:
        self.loads.append(wanted.model_id)
        found = self.variants[wanted.model_id]
        if isinstance(found, Exception):
            raise found
        return found

    def client(self, **settings: Any) -> TestClient:
        """A client of the application, whose source is looked at only by hand."""
        from starlette.testclient import TestClient

        self.current.refresh()
        app = make_app(self.current, self.metrics, Settings(**{"poll": 3600.0, "cores": 2, **settings}))
        return TestClient(app)

    def metric(self, name: str, **labels: str) -> float:
        """The sum over a metric's series with these labels."""
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
