"""Between pytest and the session: runs checks inside tests, carries their records to the controller, writes reports."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from raxe_conformance.checks.reading import Quantile
from raxe_conformance.errors import RaxeError, ReportError, one_line
from raxe_conformance.measure.commit import commit_of
from raxe_conformance.measure.evidence import Facts
from raxe_conformance.measure.evidence_resources import Block
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.second_core import find_second_core
from raxe_conformance.measure.throughput import time_block
from raxe_conformance.measure.timing import Stopwatch, time_calls
from raxe_conformance.options import Options, resolve
from raxe_conformance.report.baseline import Recorded, comparison_record, read_baselines
from raxe_conformance.report.baseline_terminal import comparison_table
from raxe_conformance.report.digest import with_digest
from raxe_conformance.report.evidence_file import write_evidence
from raxe_conformance.report.history import entry_of, keep
from raxe_conformance.report.record import verdict_record, write_report
from raxe_conformance.report.terminal import verdict_table
from raxe_conformance.session import Session
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.outcome import Outcome, Verdict

Records = list[dict[str, Any]]
_RECORDS: pytest.StashKey[Records] = pytest.StashKey()


class Conductor:
    """One pytest run's session, on the controller or on a worker of pytest-xdist."""

    def __init__(self, config: pytest.Config, run: str) -> None:
        """run: a name for this run alone; workers go by the one that the controller gave them."""
        self._config = config
        self._worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._session: Session | None = None
        self._error: RaxeError | None = None
        self._by_model: dict[str, Records] = {}
        self.options: Options = resolve(config)
        self.outcomes: dict[str, Outcome] = {}
        self.against_baseline: dict[str, Outcome] = {}
        self._baselines: dict[str, Recorded] = {}
        self._folder = self._shared_folder(run)
        try:
            self._session = Session(self.options, self._folder)
            if self.options.baseline is not None and self._worker is None:
                # Now, because the run may write its own report in the same place.
                self._baselines = read_baselines(self.options.baseline, self._session.subjects)
        except RaxeError as error:
            self._error = error

    def start(self) -> None:
        """Raise pytest.UsageError where the session could not be made: pytest shows it as one line."""
        if self._error is not None:
            raise pytest.UsageError(str(self._error))

    @property
    def session(self) -> Session:
        """The session. Raises pytest.UsageError where there is none."""
        self.start()
        assert self._session is not None
        return self._session

    @property
    def fell_behind(self) -> bool:
        """Whether a MUST regressed against a baseline, or cannot be compared with it."""
        return any(outcome is not Outcome.PASS for outcome in self.against_baseline.values())

    def model_ids(self) -> list[str]:
        """The variants to judge; none where the session could not be made (`start` says why, after collection)."""
        return list(self._session.subjects) if self._session else []

    def checker(self, request: pytest.FixtureRequest, model_id: str) -> Callable[[str], None]:
        """The function that a test calls with a check's id."""

        def check(check_id: str) -> None:
            started = perf_counter()
            # The variant is reported even if it claims nothing of what is run.
            records = request.node.stash.setdefault(_RECORDS, [{"model_id": model_id}])
            reason = self.session.unclaimed(check_id, model_id)
            if reason is not None:
                pytest.skip(f"{check_id} is not claimed: {reason}")
            stopwatch = _benchmarked(request, self.session, model_id)
            instruments = Instruments(
                stopwatch,
                blocks=_time_block,
                progress=self._show,
            )
            verdict = self.session.judge(check_id, model_id, instruments)
            record = verdict_record(verdict, self.session.profile, perf_counter() - started)
            self.session.measure_beside(check_id, model_id)
            records.append({"model_id": model_id, **record})
            request.node.user_properties += _properties(verdict)
            if not verdict.holds:
                pytest.fail(_failure(verdict, model_id), pytrace=False)

        return check

    def _show(self, line: str) -> None:
        """Show a line of progress on the terminal, in place of the one before; nothing in a pipe or on a worker."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        if self._worker is not None or terminal is None or capture is None or not terminal.isatty:
            return
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.rewrite(line, erase=True)

    def attach(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Put a test's records on its report, which xdist carries to the controller."""
        if report.when == "call" and _RECORDS in item.stash:
            report.raxe_records = item.stash[_RECORDS]  # type: ignore[attr-defined]

    def collect(self, report: pytest.TestReport) -> None:
        """Take the records of a finished test."""
        for record in report.raxe_records:
            model_id = record["model_id"]
            own = {key: value for key, value in record.items() if key != "model_id"}
            known = self._by_model.setdefault(model_id, [])
            if own:
                known.append(own)

    def summarize(self, terminal: Any) -> None:
        """Write the reports and end the terminal output with their tables. Only the controller does."""
        if self._worker is not None or not self._by_model:
            return
        terminal.section("RAXE conformance")
        for model_id, records in sorted(self._by_model.items()):
            report = self._against_baseline(self.session.report(model_id, records), terminal)
            self.outcomes[model_id] = Outcome(report["verdict"])
            path: Path | None = None
            try:
                path = write_report(self.options.report_dir, report)
                write_evidence(self.options.report_dir, report, self.session.measurements(model_id))
            except ReportError as error:
                terminal.line(f"ERROR: {error}", red=True)
            if path is not None:
                self._keep(path.parent, report, terminal)
                self._page(path, terminal)
                self._export(path, report, terminal)
            shown = None if path is None else _near(path, self._config.invocation_params.dir)
            terminal.write(verdict_table(report, shown, width=terminal._tw.fullwidth, color=terminal._tw.hasmarkup))
            if "baseline" in report:
                terminal.write(
                    comparison_table(report["baseline"], width=terminal._tw.fullwidth, color=terminal._tw.hasmarkup)
                )
            elif self.options.baseline is not None:
                terminal.line(f"No baseline: {self.options.baseline} holds no report on {model_id}")
            terminal.line("")
            self._tell_github(report, terminal)

    def _against_baseline(self, report: dict[str, Any], terminal: Any) -> dict[str, Any]:
        """The report with what changed against its baseline; as it is where it has none."""
        model_id = report["model"]["model_id"]
        before = self._baselines.get(model_id)
        if before is None:
            return report
        now = Recorded(report, self.session.measurements(model_id))
        try:
            found = comparison_record(before, now, self.session.profile)
        except ReportError as error:
            terminal.line(f"ERROR: {error}", red=True)
            self.against_baseline[model_id] = Outcome.INCONCLUSIVE
            return report
        self.against_baseline[model_id] = Outcome(found["verdict"])
        return with_digest({**report, "baseline": found})

    def _keep(self, folder: Path, report: dict[str, Any], terminal: Any) -> None:
        """Put the release gates into the folder's history, of a run that judged all of them."""
        if report["not_judged"]:
            return
        at = self.options.home if self.options.detector else self.options.models
        try:
            keep(folder, [entry_of(report, commit_of(at))])
        except RaxeError as error:
            terminal.line(f"ERROR: {error}", red=True)

    def _page(self, path: Path, terminal: Any) -> None:
        """Write the page of a report and the index. The verdict stands without them, so a fault is only told."""
        from raxe_conformance.report.html.site import write_index, write_page
        from raxe_conformance.report.html.source import read_texts

        try:
            write_page(path, read_texts(self.options.benchmark))
            write_index(path.parent)
        except RaxeError as error:
            terminal.line(f"ERROR: {error}", red=True)

    def _export(self, path: Path, report: dict[str, Any], terminal: Any) -> None:
        """Write what other programs read of a report. The verdict stands without it, so a fault is only told."""
        from raxe_conformance.report.exports.writing import write_exports

        facts = self.session.store.peek(report["model"]["model_id"], "facts")
        try:
            write_exports(path, report, facts.metadata if isinstance(facts, Facts) else None)
        except ReportError as error:
            terminal.line(f"ERROR: {error}", red=True)

    def _tell_github(self, report: dict[str, Any], terminal: Any) -> None:
        """In GitHub Actions: annotate the log, and add the report to the summary of the step."""
        from raxe_conformance.report.exports.github import append_summary, in_actions, summary, workflow_commands

        if not in_actions(os.environ):
            return
        for line in workflow_commands(report):
            terminal.line(line)
        if place := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                append_summary(Path(place), summary(report))
            except ReportError as error:
                terminal.line(f"ERROR: {error}", red=True)

    def close(self) -> None:
        """Remove what was shared. Only the controller does."""
        if self._worker is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _shared_folder(self, run: str) -> Path:
        folder = Path(tempfile.gettempdir()) / f"raxe-{run if self._worker is None else self._worker['raxe_run']}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _near(path: Path, start: Path) -> Path:
    return path.relative_to(start) if path.is_relative_to(start) else path


def _time_block(mode: str, requests: int, work: Callable[[], object]) -> Block:
    """As time_block, with the second core, which is made when the first block is timed and not for every check."""
    return time_block(mode, requests, work, find_second_core())


def _benchmarked(request: pytest.FixtureRequest, session: Session, model_id: str) -> Callable[[], Stopwatch]:
    """Times calls through pytest-benchmark's `pedantic` where it is enabled, else (xdist, --benchmark-disable) plainly.

    pytest-benchmark calls a disabled benchmark once and records nothing: an empty sample is not latency.
    """

    def stopwatch() -> Stopwatch:
        benchmark = request.getfixturevalue("benchmark") if _has_benchmark(request) else None
        if benchmark is None or not benchmark.enabled:
            return Stopwatch(
                method="perf_counter around analyze, alone under a lock (pytest-benchmark is disabled)",
                second_core=find_second_core(),
            )

        taken: list[float] = []

        def run(target: Callable[[str], Any], texts: Any, before: Callable[[], None]) -> list[float]:
            # pytest-benchmark measures once in a test. Further calls go through its clock, perf_counter.
            taken.extend(time_calls(target, texts, before) if taken else pedantic(target, texts, before))
            benchmark.extra_info.update(
                model_id=model_id, calls=len(taken), **percentiles(taken, session.profile.confidence)
            )
            return taken[-len(texts) :]

        def pedantic(target: Callable[[str], Any], texts: Any, before: Callable[[], None]) -> list[float]:
            upcoming = iter(texts)

            def setup() -> tuple[tuple[str], dict[str, Any]]:
                before()
                return (next(upcoming),), {}

            benchmark.pedantic(target, setup=setup, rounds=len(texts), iterations=1)
            return list(benchmark.stats.stats.data)

        method = "pytest-benchmark pedantic, one round a call; after the first look, perf_counter"
        return Stopwatch(run, method, second_core=find_second_core())

    return stopwatch


def percentiles(seconds: list[float], confidence: float) -> dict[str, float]:
    """P50, P95 and P99 in ms, which pytest-benchmark's own statistics lack, for its extra_info."""
    samples = tuple(1000.0 * value for value in seconds)
    return {f"p{q}_ms": estimate(Quantile(q / 100, samples), confidence).value for q in (50, 95, 99)}


def _has_benchmark(request: pytest.FixtureRequest) -> bool:
    return request.config.pluginmanager.hasplugin("benchmark")


def _properties(verdict: Verdict) -> list[tuple[str, object]]:
    """What JUnit keeps of a verdict."""
    found: list[tuple[str, object]] = [("raxe_check", verdict.check_id), ("raxe_verdict", verdict.outcome.value)]
    found += [("raxe_level", verdict.level.value), ("raxe_waived", verdict.waived)]
    if verdict.gate is not None:
        found.append(("raxe_gate", f"{verdict.gate.metric} {verdict.gate.op} {verdict.gate.limit}"))
    if verdict.estimate is not None:
        estimate = verdict.estimate
        found += [("raxe_value", estimate.value), ("raxe_low", estimate.low), ("raxe_high", estimate.high)]
    return found


def _failure(verdict: Verdict, model_id: str) -> str:
    head = f"{verdict.check_id} {verdict.level} {verdict.outcome}: {one_line(model_id)}: {verdict.title}"
    return f"{head}: {verdict.message} [{verdict.spec}]"
