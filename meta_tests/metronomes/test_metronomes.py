"""Metronomes keep their programme, and the table says so: by a clock that the test holds, never by the machine's."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.metronomes import latency, rates
from meta_tests.metronomes.judging import AROUND, Counted, Timed, counted_row, judge_p95, judge_rates, timed_row
from meta_tests.metronomes.latency import METRONOMES, Metronome, Truth, spread
from meta_tests.metronomes.rates import ERRING, Erring, digest, first_by_digest
from raxe_conformance.checks.table import Level
from raxe_conformance.corpus.rows import Row, read_benchmark
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.timing import Stopwatch, time_calls
from raxe_conformance.packaged import shipped_benchmark
from raxe_conformance.verdict.intervals import Estimate
from raxe_conformance.verdict.outcome import Limit, Outcome, Verdict

TICK = 2.0**-18  # seconds that each look at the clock takes, about 4 µs; sums of it are exact


class Clock:
    """Goes on by a tick whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += TICK
        return self.now


def quiet(clock: Callable[[], float]) -> Instruments:
    """Instruments that go by the clock, on a machine without noise."""
    return Instruments(
        lambda: Stopwatch(
            lambda target, texts, before: time_calls(target, texts, before, clock),
            "programmed", cpu_seconds=clock, switches=lambda: 0, pulse_ms=lambda: 0.04, clock=clock,
            waited_seconds=lambda: 0.0,
        )
    )  # fmt: skip


def quantile(values: list[float], q: float) -> float:
    return sorted(values)[math.ceil(q * len(values)) - 1]


@pytest.mark.parametrize("name", METRONOMES)
def test_the_programmed_quantiles_are_those_of_a_pass_over_the_benchmark(name: str) -> None:
    metronome = METRONOMES[name]
    texts = [row.text for row in read_benchmark(shipped_benchmark()).rows]
    warmup = 17  # probes and warm-up calls come first
    beats = [metronome.beat_ms(call + warmup, text) for call, text in enumerate(texts)]
    truth = metronome.truth
    for q, known, error in ((0.5, truth.p50, 0.005), (0.95, truth.p95, 0.005), (0.99, truth.p99, 0.02)):
        assert quantile(beats, q) == pytest.approx(known, rel=error), q


@given(st.floats(0.0, 50.0))
def test_a_call_takes_its_beat_and_at_most_two_looks_more(beat_ms: float) -> None:
    clock = Clock()
    metronome = Metronome(lambda call, text: beat_ms, Truth(beat_ms, beat_ms, beat_ms), clock)
    assert metronome("text") == 0.0
    taken = clock.now - TICK
    assert beat_ms / 1000.0 - 1e-9 <= taken <= beat_ms / 1000.0 + 2 * TICK


def test_beats_go_by_number_and_text_until_it_is_restarted() -> None:
    seen: list[tuple[int, str]] = []
    metronome = Metronome(lambda call, text: seen.append((call, text)) or 0.0, Truth(0, 0, 0), Clock())  # type: ignore[func-returns-value]
    metronome("a")
    metronome("b")
    metronome.restart()
    metronome("c")
    assert seen == [(0, "a"), (1, "b"), (0, "c")]


@given(st.integers(0, 100_000), st.integers(200, 3000), st.floats(0.05, 0.95))
def test_calls_are_spread_evenly_wherever_a_run_begins(first: int, calls: int, q: float) -> None:
    below = sum(spread(first + call) <= q for call in range(calls))
    assert abs(below / calls - q) < 5 * math.log(calls) / calls


@pytest.mark.parametrize("name", METRONOMES)
@pytest.mark.parametrize("factor", AROUND)
def test_without_noise_every_metronome_is_decided_rightly(
    name: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(METRONOMES[name], "clock", clock)
    found = judge_p95(name, factor, quiet(clock))
    assert found.verdict.outcome is (Outcome.FAIL if factor < 1 else Outcome.PASS), found.verdict.message
    assert (found.wrong, found.noise) == (False, 0.0)
    assert abs(found.error) < 0.02


def _verdict(value: float, outcome: Outcome, gate: Limit) -> Verdict:
    estimate = Estimate(value, 0.9 * value, math.inf, 10, "method")
    return Verdict("X-001", "a title", "latency", Level.MUST, "§6", outcome, gate, estimate, "")


@pytest.mark.parametrize(
    ("limit", "outcome", "wrong"),
    [
        (2.0, Outcome.PASS, True),  # the limit itself is on the wrong side
        (2.0, Outcome.FAIL, False),
        (2.1, Outcome.PASS, False),
        (2.1, Outcome.FAIL, True),
        (1.0, Outcome.INCONCLUSIVE, False),
        (3.0, Outcome.INCONCLUSIVE, False),
    ],
)
def test_a_verdict_on_time_is_wrong_when_it_claims_the_opposite(limit: float, outcome: Outcome, wrong: bool) -> None:
    found = Timed("constant", 2.0, limit, _verdict(2.02, outcome, Limit("m", "<", limit, "ms")), 0.25, 1.5)
    assert found.wrong is wrong
    said = f"**{outcome}, wrong**" if wrong else str(outcome)
    assert timed_row(found) == (f"| constant | 2.000 | {limit:.3f} | 2.020 | 1.818 – ∞ | +1.0% | 25% | 1.5 | {said} |")


@pytest.mark.parametrize(
    ("op", "truth", "outcome", "wrong"),
    [
        ("<", 0.009, Outcome.FAIL, True),
        ("<", 0.01, Outcome.PASS, True),
        ("<", 0.009, Outcome.PASS, False),
        (">", 0.009, Outcome.PASS, True),
        (">", 0.011, Outcome.FAIL, True),
        (">", 0.01, Outcome.FAIL, False),
        (">", 0.011, Outcome.INCONCLUSIVE, False),
    ],
)
def test_a_verdict_on_a_rate_is_wrong_when_it_claims_the_opposite(
    op: str, truth: float, outcome: Outcome, wrong: bool
) -> None:
    found = Counted("some", truth, _verdict(0.02, outcome, Limit("m", op, 0.01, "")))
    assert found.wrong is wrong
    assert counted_row(found).startswith(f"| some | a title {op} 0.01 | {truth:.4f} | 0.0200 | 0.0180 – inf | ")


@pytest.mark.parametrize("name", ERRING)
def test_errors_are_exactly_as_many_as_programmed(name: str) -> None:
    erring = ERRING[name]
    said = [(row, float(str(erring(row.text)["score"])) >= 0.5) for row in erring.benchmark.rows]
    assert sum(row.is_attack and not flagged for row, flagged in said) == erring.missed
    assert sum(not row.is_attack and flagged for row, flagged in said) == erring.alarms
    assert all(erring(row.text)["family"] == row.label for row, flagged in said if row.is_attack and flagged)


def test_programmed_rates_follow_from_the_counts() -> None:
    erring = Erring(missed=34, alarms=13)
    attacks, benign = erring.benchmark.attacks, erring.benchmark.benign
    assert erring.fpr == 13 / benign
    precision, recall = (attacks - 34) / (attacks - 34 + 13), (attacks - 34) / attacks
    assert erring.f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-12)


def test_a_text_that_is_no_row_is_harmless() -> None:
    assert ERRING["beyond_the_gates"]("a text that no benchmark has \ud800") == {"score": 0.1, "family": None}


def test_rows_are_chosen_by_their_texts_alone() -> None:
    rows = [Row(f"text {i}", "PI", str(i)) for i in range(20)]
    chosen = first_by_digest(rows, 5)
    assert chosen == first_by_digest(reversed(rows), 5)
    assert len(chosen) == 5
    assert chosen <= {digest(row.text) for row in rows}


@pytest.mark.parametrize(
    ("name", "fpr", "f1"),
    [("within_the_gates", Outcome.PASS, Outcome.PASS), ("beyond_the_gates", Outcome.FAIL, Outcome.FAIL)],
)
def test_programmed_rates_are_measured_exactly_and_decided_rightly(name: str, fpr: Outcome, f1: Outcome) -> None:
    by_rate, by_f1 = judge_rates(name)
    for line, outcome in ((by_rate, fpr), (by_f1, f1)):
        assert line.verdict.estimate is not None
        assert line.verdict.estimate.value == pytest.approx(line.truth, abs=1e-12)
        assert (line.verdict.outcome, line.wrong) == (outcome, False)


def test_the_module_offers_what_the_tables_name() -> None:
    assert all(getattr(latency, name) is metronome for name, metronome in METRONOMES.items())
    assert all(getattr(rates, name) is erring for name, erring in ERRING.items())
