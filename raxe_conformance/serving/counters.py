"""From counters that Prometheus has scraped to what happened between two looks.

PromQL's increase() estimates: it extrapolates to the ends of its window and gives fractions. Here samples are
subtracted, so counts are whole. A counter begins anew when its process does, which the process' start time says even
where the new count has outgrown the old one already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY
from raxe_conformance.serving.prometheus import Sample
from raxe_conformance.serving.rule import BESIDE, Counts

ATTEMPTS: Final = "raxe_attempts_total"
BUCKET: Final = "raxe_analyze_seconds_bucket"
FEEDBACK: Final = "raxe_feedback_total"
STARTED: Final = "process_start_time_seconds"
_Process = tuple[str, str]
_Series = tuple[_Process, str, frozenset[tuple[str, str]]]


def selector(environment: str, releases: Iterable[str]) -> str:
    """The PromQL expression for all that is counted of some releases, in one answer, of one moment."""
    names = "|".join((ATTEMPTS, BUCKET, FEEDBACK))
    # The names come from a state file, whose ids and digests hold nothing that a string in PromQL could not.
    return f'{{__name__=~"{names}",environment="{environment}",release=~"{"|".join(releases)}"}} or {STARTED}'


@dataclass(frozen=True)
class Scrape:
    """Counters at one moment: series → count; and since when each process that counts has run."""

    counts: Mapping[_Series, float]
    started: Mapping[_Process, float]

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Scrape:
        """From the answer to `selector`."""
        counts, started = {}, {}
        for sample in samples:
            process = sample.labels.get("job", ""), sample.labels.get("instance", "")
            if sample.name == STARTED:
                started[process] = sample.value
            else:
                counts[process, sample.name, frozenset(sample.labels.items())] = sample.value
        used = {process for process, _, _ in counts}
        return cls(counts, {process: since for process, since in started.items() if process in used})

    def after(self, before: Scrape) -> Scrape:
        """This one, and of an earlier one what is missing here: a process that was not scraped may be again."""
        return Scrape({**before.counts, **self.counts}, {**before.started, **self.started})

    def restarted(self, before: Scrape) -> set[tuple[str, str]]:
        """Job and instance of the processes whose counters began anew since an earlier scrape."""
        fresh = {process for process, since in self.started.items() if before.started.get(process, since) != since}
        fresh |= {series[0] for series, count in self.counts.items() if count < before.counts.get(series, 0.0)}
        return fresh

    def has(self, release: str) -> bool:
        """Whether anything is counted of a release."""
        return any(("release", release) in pairs for _, _, pairs in self.counts)

    def since(self, before: Scrape, latency_ms: float, release: str, beside: str | None) -> Counts:
        """What happened to a release since an earlier scrape; of a process that began anew, all that it counted.

        beside: the release of the stable variant that answers beside it. latency_ms: above which a request was slow.
        What lies in the bucket that holds this limit counts as quick, so
        that a limit between two buckets is never broken by requests below it.
        """
        anew = self.restarted(before)

        def total(name: str, release: str, **labels: str) -> int:
            found, labels = 0.0, {**labels, "release": release}
            for series, count in self.counts.items():
                process, of, pairs = series
                if of == name and labels.items() <= pairs:
                    found += count if process in anew else count - before.counts.get(series, 0.0)
            return round(found)

        def slow(release: str) -> tuple[int, int]:
            timed = total(BUCKET, release, le="+Inf")
            return _pair(timed - total(BUCKET, release, le=self._limit_bucket(latency_ms)), timed)

        judged = {outcome: total(FEEDBACK, release, outcome=outcome) for outcome in ("tp", "fp", "tn", "fn")}
        return {
            ERRORS: _pair(total(ATTEMPTS, release, outcome="error"), total(ATTEMPTS, release)),
            LATENCY: slow(release),
            BESIDE: (0, 0) if beside is None else slow(beside),
            FPR: _pair(judged["fp"], judged["fp"] + judged["tn"]),
            FNR: _pair(judged["fn"], judged["fn"] + judged["tp"]),
        }

    def _limit_bucket(self, latency_ms: float) -> str:
        bounds = {dict(pairs).get("le", "+Inf") for _, name, pairs in self.counts if name == BUCKET}
        # A hair below, because seconds and milliseconds are not the same binary fractions.
        above = [bound for bound in bounds if float(bound) >= latency_ms / 1e3 * (1.0 - 1e-9)]
        return min(above, key=float, default="+Inf")


def _pair(wrong: int, of: int) -> tuple[int, int]:
    # A process writes its counters one after the other while requests go on: one may be ahead of the other.
    return min(max(wrong, 0), max(of, 0)), max(of, 0)
