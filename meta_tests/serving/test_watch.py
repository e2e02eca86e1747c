"""Watching a stage: what is asked, what is said, and when the variant is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from meta_tests.serving import test_counters
from raxe_conformance.deploy.state import EnvironmentState, Release, package_name, parse_time, read_state, state_bytes
from raxe_conformance.errors import DeploymentError, MonitoringError, UsageError
from raxe_conformance.serving import watch as module
from raxe_conformance.serving.counters import selector
from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY
from raxe_conformance.serving.prometheus import Prometheus, Sample
from raxe_conformance.serving.watch import Watch, watched

TIME = "2026-03-01T12:00:00+00:00"


def release(model_id: str) -> Release:
    digest = model_id.encode().hex().ljust(64, "0")
    return Release(model_id, package_name(model_id, digest), digest, TIME)


OLD, NEW = release("old"), release("new")
LABEL = NEW.digest[:12]
CANARY = EnvironmentState("production", OLD, NEW, 10, TIME, None, 5)


FINE = {"0.005": 1000.0, "+Inf": 1000.0}


def samples(**counts: Any) -> list[Sample]:
    """What is scraped of the new variant."""
    return test_counters.samples(**counts, release=LABEL)


class Programmed(Prometheus):
    """Says what it is told to say; at the beginning of the stage, something else."""

    def __init__(self) -> None:
        super().__init__("http://prometheus")
        self.now: list[Sample] | MonitoringError = samples()
        self.then: list[Sample] = []
        self.asked: list[tuple[str, datetime | None]] = []

    def query(self, expression: str, at: datetime | None = None) -> list[Sample]:
        self.asked.append((expression, at))
        if isinstance(self.now, MonitoringError):
            raise self.now
        return self.now if at is None else self.then


@dataclass
class Stage:
    """An environment, its watch, and the rollbacks that were asked for."""

    target: Path
    prometheus: Programmed = field(default_factory=Programmed)
    said: list[str] = field(default_factory=list)
    rollbacks: list[str] = field(default_factory=list)
    refusal: DeploymentError | None = None

    def __post_init__(self) -> None:
        self.watch = Watch(self.target, "production", self.prometheus, self.said.append)

    def set(self, state: EnvironmentState) -> None:
        (self.target / "production.json").write_bytes(state_bytes(state))

    def roll_back(self, target: Path, environment: str, why: str, *, sequence: int) -> None:
        state = read_state(target, environment)
        if self.refusal is not None:
            raise self.refusal
        if state.sequence != sequence:
            raise DeploymentError("somebody switched it meanwhile")
        self.rollbacks.append(why)
        self.set(EnvironmentState("production", OLD, None, 0, TIME, None, state.sequence + 1))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = Stage(tmp_path)
    monkeypatch.setattr(module, "roll_back", found.roll_back)
    found.set(CANARY)
    return found


def test_a_busy_machine_that_slows_both_variants_takes_nothing_back(stage: Stage) -> None:
    old = OLD.digest[:12]
    slow = {"0.005": 700.0, "+Inf": 1000.0}
    stage.prometheus.now = samples(buckets=slow) + test_counters.samples(buckets=slow, release=old)
    assert stage.watch.look() is None
    stage.prometheus.now = samples(buckets=slow) + test_counters.samples(buckets=FINE, release=old)
    stage.set(replace(CANARY, sequence=6))
    assert stage.watch.look() is not None


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ({"attempts": {"ok": 800, "error": 200}}, ERRORS),
        ({"buckets": {"0.005": 800, "+Inf": 1000}}, LATENCY),
        ({"feedback": {"fp": 60, "tn": 940}}, FPR),
        ({"feedback": {"fn": 150, "tp": 850}}, FNR),
    ],
)
def test_a_variant_that_breaks_a_limit_is_taken_back(
    stage: Stage, counts: dict[str, dict[str, float]], name: str
) -> None:
    stage.prometheus.now = samples(**counts)
    taken = stage.watch.look()
    assert taken is not None
    assert taken.release == NEW
    assert [finding.name for finding in taken.findings] == [name]
    (why,) = stage.rollbacks
    assert why.startswith(f"watch: {name}, limit ")
    assert stage.said[-1].startswith("new taken back: ")
    assert stage.watch.look() is None  # what is stable now replaced nothing that one could return to
    assert stage.said[-1] == "production, state 6: nothing to take back"


@pytest.mark.parametrize(
    "counts",
    [
        {"attempts": {"ok": 970, "error": 30}},
        {"buckets": {"0.005": 970, "+Inf": 1000}},
        {"feedback": {"fp": 10, "tn": 990, "fn": 30, "tp": 970}},
        {"attempts": {"error": 3}, "feedback": {"fp": 3}, "buckets": {"0.005": 0, "+Inf": 3}},
    ],
)
def test_a_variant_within_its_limits_stays_and_so_does_one_after_three_requests(
    stage: Stage, counts: dict[str, dict[str, float]]
) -> None:
    stage.prometheus.now = samples(**counts)
    for _ in range(50):
        assert stage.watch.look() is None
    assert stage.rollbacks == []
    assert stage.said == ["production, state 5: watching new, which has 10 %"]


def test_only_what_was_counted_since_the_stage_began_counts(stage: Stage) -> None:
    stage.prometheus.then = samples(attempts={"ok": 100, "error": 900})
    stage.prometheus.now = samples(attempts={"ok": 300, "error": 901})
    assert stage.watch.look() is None
    expression = selector("production", [NEW.digest[:12], OLD.digest[:12]])
    assert stage.prometheus.asked == [(expression, parse_time(TIME)), (expression, None)]
    assert [(f.wrong, f.estimate.n) for f in stage.watch.standing() if f.name == ERRORS] == [(1, 201)]


def test_a_new_stage_is_watched_from_its_own_beginning(stage: Stage) -> None:
    stage.prometheus.now = samples(attempts={"ok": 500, "error": 20})
    assert stage.watch.look() is None
    stage.set(EnvironmentState("production", OLD, NEW, 50, "2026-03-03T12:00:00+00:00", None, 6))
    stage.prometheus.then = samples(attempts={"ok": 500, "error": 20})
    assert stage.watch.look() is None
    assert stage.prometheus.asked[-2][1] == parse_time("2026-03-03T12:00:00+00:00")
    assert stage.said[-1] == "production, state 6: watching new, which has 50 %"
    assert [f.estimate.n for f in stage.watch.standing()] == [0, 0, 0, 0]


def test_prometheus_out_of_reach_decides_nothing_and_is_said_once(stage: Stage) -> None:
    stage.prometheus.now = samples(attempts={"ok": 40, "error": 3})
    assert stage.watch.look() is None
    before = stage.watch.standing()
    stage.prometheus.now = MonitoringError("cannot be reached", file="http://prometheus")
    for _ in range(20):
        assert stage.watch.look() is None
    assert stage.watch.standing() == before
    stage.prometheus.now = samples(attempts={"ok": 41, "error": 3})
    assert stage.watch.look() is None
    assert stage.said[1:] == ["nothing is taken back: http://prometheus: cannot be reached", "decides again"]
    assert stage.rollbacks == []


def test_a_server_that_is_not_scraped_decides_nothing(stage: Stage) -> None:
    stage.prometheus.now = []
    assert stage.watch.look() is None
    assert "no counts of new" in stage.said[-1]
    assert "is scraped" in stage.said[-1]


def test_a_restart_is_said_and_takes_nothing_back(stage: Stage) -> None:
    stage.prometheus.now = samples(attempts={"ok": 900, "error": 0}, started=100.0)
    assert stage.watch.look() is None
    stage.prometheus.now = samples(attempts={"ok": 900, "error": 30}, started=200.0)
    assert stage.watch.look() is None
    assert stage.said[-1] == "restarted, counters begin anew: a:1"
    assert [(f.wrong, f.estimate.n) for f in stage.watch.standing() if f.name == ERRORS] == [(30, 1830)]
    stage.prometheus.now = samples(started=300.0)
    assert stage.watch.look() is None
    assert stage.rollbacks == []


def test_what_somebody_else_switched_meanwhile_is_not_rolled_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*args: object) -> list[object]:
        stage.set(EnvironmentState("production", NEW, None, 0, TIME, OLD, 6))
        return original(*args)  # type: ignore[arg-type, return-value]

    original: Callable[..., object] = module.decide
    monkeypatch.setattr(module, "decide", meanwhile)
    stage.prometheus.now = samples(attempts={"error": 500})
    assert stage.watch.look() is None
    assert stage.said[-1] == "nothing is taken back: somebody switched it meanwhile"
    assert stage.rollbacks == []


def test_a_rollback_that_is_refused_is_said_and_tried_again(stage: Stage) -> None:
    stage.prometheus.now = samples(attempts={"error": 500})
    stage.refusal = DeploymentError("another deploy is at work on it")
    for _ in range(3):
        assert stage.watch.look() is None
    assert stage.said[1:] == ["nothing is taken back: another deploy is at work on it"]
    stage.refusal = None
    assert stage.watch.look() is not None


def test_a_state_that_cannot_be_read_is_an_error_at_first_and_later_is_said(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Watch(tmp_path / "nowhere", "production", stage.prometheus, stage.said.append).look()
    assert stage.watch.look() is None
    (tmp_path / "production.json").write_bytes(b"{")
    assert stage.watch.look() is None
    assert "no JSON" in stage.said[-1]
    assert stage.rollbacks == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (EnvironmentState("production", None, None, 0, TIME, None, 0), None),
        (EnvironmentState("production", OLD, None, 0, TIME, None, 1), None),
        (EnvironmentState("production", None, NEW, 10, TIME, None, 1), NEW),
        (CANARY, NEW),
        (EnvironmentState("production", NEW, None, 0, TIME, OLD, 6), NEW),
    ],
)
def test_what_a_rollback_would_take_back_is_watched(state: EnvironmentState, expected: Release | None) -> None:
    assert watched(state) == expected
