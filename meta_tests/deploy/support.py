"""A judged toy, targets that it is deployed to, and clocks that are set by hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from meta_tests.support.judged import session_on, verdicts_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.deploy.approval import Approval, approve
from raxe_conformance.deploy.clock import Moment
from raxe_conformance.deploy.package import Package, assemble
from raxe_conformance.deploy.smoke import Decisions
from raxe_conformance.report.record import verdict_record, write_report
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TODAY = date(2026, 3, 1)


@dataclass
class FakeClock:
    """A machine whose clock can be set, and which runs on by itself only where `uptime_s` is moved, too."""

    time: datetime = START
    boot: str | None = None
    uptime_s: float | None = None

    def __call__(self) -> Moment:
        return Moment(self.time, self.boot, self.uptime_s)

    def passes(self, hours: float) -> None:
        """Time that really passes."""
        self.time += timedelta(hours=hours)
        if self.uptime_s is not None:
            self.uptime_s += 3600.0 * hours

    def is_set(self, hours: float) -> None:
        """Somebody moves the hands."""
        self.time += timedelta(hours=hours)


def judged(toy: Toy, folder: Path) -> Path:
    """The report on a toy as it is, from measurements on a programmed machine."""
    verdicts = verdicts_on(toy, folder)
    session = session_on(toy, folder)
    records = [verdict_record(verdict, session.profile, 0.0) for verdict in verdicts.values()]
    return write_report(folder / "reports", session.report(MODEL_ID, records))


@dataclass(frozen=True)
class Judged:
    """A toy and the report on it."""

    toy: Toy
    report: Path

    def copied(self, folder: Path) -> Judged:
        """A copy that a test may break."""
        toy = Toy(folder / "models", folder / "benchmark.jsonl")
        shutil.copytree(self.toy.models, toy.models)
        shutil.copy(self.toy.benchmark, toy.benchmark)
        (folder / "reports").mkdir()
        return Judged(toy, Path(shutil.copy(self.report, folder / "reports")))

    def approved(self) -> Approval:
        return approve(self.toy.models, MODEL_ID, self.report, PROFILE, TODAY)

    def package(self) -> Package:
        return assemble(self.toy.models, self.approved(), calm)


def calm(models: Path, model_id: str, texts: Sequence[str]) -> Decisions:
    """What the toy decides of texts without a word that it knows, without a process to ask it."""
    return [{"is_attack": False, "family": None} for _ in texts]


def other(models: Path, model_id: str, texts: Sequence[str]) -> Decisions:
    """The same, but for the last text."""
    return [*calm(models, model_id, texts)[:-1], {"is_attack": True, "family": "PI"}]
