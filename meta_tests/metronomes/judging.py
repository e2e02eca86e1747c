"""Metronomes under the real session: measured, judged against limits around the truth, and set against it."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from meta_tests.metronomes.latency import METRONOMES
from meta_tests.metronomes.rates import ERRING, Erring
from raxe_conformance.checks.latency import disturbed
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.options import Options
from raxe_conformance.packaged import shipped_benchmark
from raxe_conformance.session import Session
from raxe_conformance.target.function import MODEL_ID
from raxe_conformance.verdict.outcome import Outcome, Verdict

# Seconds that one verdict may sample on while it is undecided.
BUDGET_S = 10.0
# Limits of P95 as multiples of the truth.
AROUND = (0.9, 1.1)


@dataclass(frozen=True)
class Timed:
    """One verdict on P95. truth, limit in ms; noise: share of disturbed calls; load: of the machine, 1-minute mean."""

    name: str
    truth: float
    limit: float
    verdict: Verdict
    noise: float
    load: float

    @property
    def wrong(self) -> bool:
        """Whether the verdict claims the opposite of what is true."""
        return self.verdict.outcome is (Outcome.PASS if self.truth >= self.limit else Outcome.FAIL)

    @property
    def error(self) -> float:
        """The measured P95's relative error."""
        assert self.verdict.estimate is not None
        return self.verdict.estimate.value / self.truth - 1.0


@dataclass(frozen=True)
class Counted:
    """The verdict on a rate, and the rate that was programmed."""

    name: str
    truth: float
    verdict: Verdict

    @property
    def wrong(self) -> bool:
        """Whether the verdict claims the opposite of what is true."""
        gate = self.verdict.gate
        assert gate is not None
        holds = self.truth < gate.limit if gate.op == "<" else self.truth > gate.limit
        return self.verdict.outcome is (Outcome.FAIL if holds else Outcome.PASS)


def _session(detector: str, folder: Path, **limits: float) -> Session:
    profile = files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_text(encoding="utf-8")
    for metric, limit in limits.items():
        profile, found = re.subn(rf"(?m)^{metric} = .*$", f"{metric} = {limit!r}", profile)
        assert found == 1, metric
    (folder / "profile.toml").write_text(profile, encoding="utf-8")
    options = Options(
        models=folder / "models",
        model=(),
        benchmark=shipped_benchmark(),
        profile=str(folder / "profile.toml"),
        target_cpu=None,
        report_dir=folder / "reports",
        detector=detector,
        home=Path.cwd(),
        latency_budget=str(BUDGET_S),
    )
    return Session(options, folder)


def judge_p95(name: str, factor: float, instruments: Instruments | None = None) -> Timed:
    """Measure a metronome and judge P95 by a limit of `factor` times the truth."""
    metronome = METRONOMES[name]
    metronome.restart()
    truth = metronome.truth.p95
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        session = _session(f"meta_tests.metronomes.latency:{name}", Path(folder), latency_p95_ms=truth * factor)
        verdict = session.judge("LAT-001", MODEL_ID, instruments or Instruments())
        latency = session.store.peek(MODEL_ID, "latency")
    assert isinstance(latency, Latency), latency
    marks = disturbed(latency)
    return Timed(name, truth, truth * factor, verdict, sum(lost > 0.0 for lost in marks) / len(marks), load)


def judge_rates(name: str) -> tuple[Counted, Counted]:
    """Score the benchmark with an erring metronome, and judge FPR and F1 by the default limits."""
    erring: Erring = ERRING[name]
    with TemporaryDirectory() as folder:
        session = _session(f"meta_tests.metronomes.rates:{name}", Path(folder))
        return (
            Counted(name, erring.fpr, session.judge("FPR-001", MODEL_ID)),
            Counted(name, erring.f1, session.judge("ACC-001", MODEL_ID)),
        )


def _bound(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "∞" if value > 0 else "−∞"


TIMED_HEAD = (
    "| metronome | true P95 | limit | measured P95 | interval | error | disturbed | load | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
COUNTED_HEAD = "| metronome | gate | programmed | measured | interval | verdict |\n|---|---|---|---|---|---|"


def timed_row(line: Timed) -> str:
    """A verdict on P95 as a row of Markdown under TIMED_HEAD; times in ms."""
    found = line.verdict.estimate
    assert found is not None
    return (
        f"| {line.name} | {line.truth:.3f} | {line.limit:.3f} | {found.value:.3f} | {_bound(found.low)} – "
        f"{_bound(found.high)} | {line.error:+.1%} | {line.noise:.0%} | {line.load:.1f} | {_said(line)} |"
    )


def counted_row(line: Counted) -> str:
    """A verdict on a rate as a row of Markdown under COUNTED_HEAD."""
    found, gate = line.verdict.estimate, line.verdict.gate
    assert found is not None
    assert gate is not None
    return (
        f"| {line.name} | {line.verdict.title} {gate.op} {gate.limit:g} | {line.truth:.4f} | {found.value:.4f} | "
        f"{found.low:.4f} – {found.high:.4f} | {_said(line)} |"
    )


def _said(line: Timed | Counted) -> str:
    return f"**{line.verdict.outcome}, wrong**" if line.wrong else str(line.verdict.outcome)
