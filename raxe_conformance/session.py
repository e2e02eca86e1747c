"""One run over one or more variants: what is judged, by what, and the evidence so far. The plugin only calls this."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from raxe_conformance.checks.claims import unclaimed
from raxe_conformance.checks.table import FAMILIES, find_check
from raxe_conformance.corpus.rows import Benchmark, read_benchmark
from raxe_conformance.errors import RaxeError, UsageError, nearest
from raxe_conformance.evidence_store import EvidenceStore
from raxe_conformance.measure.evidence import Facts, Loaded, Missing
from raxe_conformance.measure.facts import facts_of
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measurements import MEASUREMENTS, SHOWN_BESIDE, Bench
from raxe_conformance.options import Options
from raxe_conformance.report.generalisation import read_table
from raxe_conformance.report.record import Run, build_report
from raxe_conformance.target.foreign import foreign_subjects
from raxe_conformance.target.function import function_subject
from raxe_conformance.target.protocol import Subject
from raxe_conformance.target.shipped import shipped_subjects
from raxe_conformance.verdict.enough import enough
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Verdict
from raxe_conformance.verdict.profile import load_profile
from raxe_conformance.verdict.waivers import apply_waiver, read_waivers

REAL = Instruments()


class Session:
    """The state of a run."""

    def __init__(self, options: Options, folder: Path) -> None:
        """folder: where evidence is shared with other workers. Raises RaxeError for any option that cannot be used."""
        self.options = options
        options.latency_budget_s()  # refused now rather than when latency is measured
        self.store = EvidenceStore(folder)
        self.profile = load_profile(options.profile)
        self.subjects = {subject.model_id: subject for subject in select(candidates(options), options)}
        self.waivers = read_waivers(options.models)
        self.started = datetime.now(UTC)
        self._detectors: dict[str, Any] = {}

    @cached_property
    def benchmark(self) -> Benchmark:
        """The benchmark, read when it is first needed. Raises BenchmarkError."""
        return read_benchmark(self.options.benchmark)

    def judge(self, check_id: str, model_id: str, instruments: Instruments = REAL) -> Verdict:
        """Measure what the check needs and is not measured yet, and judge it."""
        check, subject = find_check(check_id), self.subjects[model_id]
        evidence: dict[str, Any] = {name: self._measure(subject, name, instruments) for name in check.needs}
        verdict = judge(check, check.reading(evidence), self.profile)
        return apply_waiver(verdict, model_id, self.waivers, self.started.date())

    def measure_beside(self, check_id: str, model_id: str, instruments: Instruments = REAL) -> None:
        """Measure what the report shows beside what a check reads, if it is not measured yet."""
        for name in find_check(check_id).needs:
            for beside in SHOWN_BESIDE.get(name, ()):
                self._measure(self.subjects[model_id], beside, instruments)

    def unclaimed(self, check_id: str, model_id: str, instruments: Instruments = REAL) -> str | None:
        """Why the variant does not claim what a check is about, so that it is not to be judged; None where it does."""
        check, subject = find_check(check_id), self.subjects[model_id]
        if subject.function is None and subject.foreign is None:
            return None
        # A function claims families by naming one, a registry by saying so.
        told_by = ("facts", "scores") if FAMILIES in check.requires and subject.foreign is None else ("facts",)
        return unclaimed(check, {name: self._measure(subject, name, instruments) for name in told_by})

    def report(self, model_id: str, records: list[dict[str, Any]]) -> dict[str, Any]:
        """The report on one variant from the records of its verdicts."""
        facts = self.store.peek(model_id, "facts") or facts_of(self.subjects[model_id])
        scores = self.store.peek(model_id, "scores")
        assert isinstance(facts, Facts)
        try:
            corpus: Benchmark | RaxeError = self.benchmark
        except RaxeError as error:
            corpus = error
        run = Run(
            started=self.started,
            target_cpu=self.options.target_cpu,
            profile=self.profile,
            benchmark=corpus,
            root=self.options.models.parent,
            generalisation=read_table(self.options.models, model_id, _head_set_sha256(facts)),
            backend=self.subjects[model_id].backend,
        )
        latency, curve = (self.store.peek(model_id, name) for name in ("latency", "length_curve"))
        return build_report(run, facts, records, scores, latency, curve)

    def measurements(self, model_id: str) -> dict[str, Any]:
        """Everything that this run measured of a variant, by name."""
        found = {name: self.store.peek(model_id, name) for name in MEASUREMENTS}
        return {name: evidence for name, evidence in found.items() if evidence is not None}

    def _measure(self, subject: Subject, name: str, instruments: Instruments) -> Any:
        plan = MEASUREMENTS[name]
        # Before the machine's lock is taken for the measurement that builds on them.
        for first in plan.after:
            found = self._measure(subject, first, instruments)
            if isinstance(found, Missing):
                return found
            if isinstance(found, Loaded) and not found.ok:
                fault = found.faults[0]
                return Missing(f"the variant does not load: {fault.problem}", fault.remedy or "see INT-007")
        bench = Bench(
            subject=subject,
            rows=lambda: self.benchmark.rows,
            detector=lambda: self._detector(subject),
            evidence=lambda other: self._measure(subject, other, instruments),
            instruments=instruments,
            options=self.options,
            enough=lambda found: enough(name, found, self.profile),
        )
        return self.store.get(subject.model_id, name, lambda: plan.run(bench))

    def _detector(self, subject: Subject) -> Any:
        if subject.model_id not in self._detectors:
            self._detectors[subject.model_id] = subject.load()
        return self._detectors[subject.model_id]


def _head_set_sha256(facts: Facts) -> str | None:
    head_sets = facts.bundle["head_sets"] if facts.bundle else {}
    found: str | None = head_sets.get(facts.embedding_model, {}).get("sha256")
    return found


def candidates(options: Options) -> list[Subject]:
    """Who may be judged: the function or the registry that the options name, else every variant of the models folder.

    Raises UsageError where there is no such function or registry, RegistryError where there is no such folder.
    """
    if options.detector is not None and options.registry is not None:
        raise UsageError("--raxe-detector and --raxe-registry are both given", remedy="judge one after the other")
    if options.backend is not None and (options.detector or options.registry) is not None:
        raise UsageError(
            "--raxe-backend is given for what is none of our variants", remedy="leave it out: what is judged chooses"
        )
    if options.registry is not None:
        return foreign_subjects(options.registry, options.home, options.models)
    if options.detector is not None:
        return [function_subject(options.detector, options.home)]
    return shipped_subjects(options.models, options.backend)


def select(subjects: list[Subject], options: Options) -> list[Subject]:
    """The subjects that the options name. Raises UsageError where a name matches nothing, and where there are none."""
    ids = [subject.model_id for subject in subjects]
    if not ids:
        raise UsageError(
            "holds no variant: neither metadata/*.json nor a .raxe bundle", file=options.models,
            remedy="name the models folder with --raxe-models DIR",
        )  # fmt: skip
    chosen: set[str] = set()
    for pattern in options.model:
        matched = fnmatch.filter(ids, pattern)
        if not matched:
            raise UsageError(
                f"--raxe-model {pattern} matches no variant", file=options.models,
                remedy=f"did you mean {', '.join(nearest(pattern, ids))}?",
            )  # fmt: skip
        chosen.update(matched)
    return [subject for subject in subjects if not options.model or subject.model_id in chosen]
