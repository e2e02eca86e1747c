"""Long texts from the benchmark's own, timed by a clock that the test holds, and what the report shows of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_tests.report.site import PROFILE
from meta_tests.support.judged import programmed, session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence import Missing, evidence_from_json, evidence_to_json
from raxe_conformance.measure.evidence_resources import LengthCurve, LengthPoint
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.length_curve import LENGTHS, TEXTS, measure_length_curve
from raxe_conformance.measure.timing import Stopwatch
from raxe_conformance.report.html.charts import curve_chart
from raxe_conformance.report.record import judged_report
from raxe_conformance.schemas import REPORT, violations

ROWS = [" ".join(f"word{i:03}" for i in range(n)) for n in (1, 3, 0, 40, 7, 300)]


class Detector:
    """Counts words for tokens, and takes `a_token` seconds for each of them."""

    def __init__(self, a_token: float = 1e-6) -> None:
        self.embedder = SimpleNamespace(token_ids=str.split)
        self.a_token, self.now, self.asked = a_token, 0.0, list[str]()

    def analyze(self, text: str) -> None:
        self.asked.append(text)
        self.now += self.a_token * len(text.split())

    def stopwatch(self) -> Stopwatch:
        def run(target: Callable[[str], Any], texts: Sequence[str], before: Callable[[], None]) -> list[float]:
            seconds = []
            for text in texts:
                before()
                started = self.now
                target(text)
                seconds.append(self.now - started)
            return seconds

        return Stopwatch(run, clock=lambda: self.now)


def measured(detector: Detector, texts: Sequence[str] = ROWS, **more: Any) -> LengthCurve:
    return measure_length_curve(detector, texts, detector.stopwatch(), **more)


def test_every_length_is_timed_on_texts_of_that_length() -> None:
    detector = Detector()
    found = measured(detector)
    assert [point.aimed for point in found.points] == list(LENGTHS)
    assert found.left_out == []
    assert found.counted_by == "the detector's tokenizer"
    for point in found.points:
        assert point.tokens == pytest.approx(point.aimed, rel=0.03)
        assert len(point.samples_ms) == TEXTS
        assert point.samples_ms[0] == pytest.approx(1e-3 * point.aimed, rel=0.03)
    # In rounds, so that what disturbs the machine for a while disturbs no length alone.
    assert [len(text.split()) // LENGTHS[0] for text in detector.asked[: len(LENGTHS)]] == sorted(
        len(text.split()) // LENGTHS[0] for text in detector.asked[: len(LENGTHS)]
    )
    assert len({text for text in detector.asked if len(text.split()) > 7000}) == TEXTS


def test_the_texts_are_the_same_every_time() -> None:
    first, second = Detector(), Detector()
    assert measured(first) == measured(second)
    assert first.asked == second.asked


@pytest.mark.parametrize(
    ("budget_s", "calls", "left_out"), [(15.9, 7, []), (15.8, 12, [8000]), (0.1, 1, list(LENGTHS[1:]))]
)
def test_no_call_is_begun_that_would_not_end_in_time(budget_s: float, calls: int, left_out: list[int]) -> None:
    """At 1 ms a token, a round takes 15.875 s. Of the first call it is not known what it takes."""
    detector = Detector(1e-3)
    found = measured(detector, [" ".join(["w"] * 125)], budget_s=budget_s)
    assert sum(len(point.samples_ms) for point in found.points) == len(detector.asked) == calls
    assert found.left_out == left_out
    assert detector.now <= max(budget_s, 0.125 + 1e-9)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any))
def test_any_benchmark_makes_texts_of_all_lengths(words: list[int]) -> None:
    found = measured(Detector(), [" ".join(["word"] * n) for n in words])
    assert [point.aimed for point in found.points] == list(LENGTHS)
    assert all(abs(point.tokens - point.aimed) <= 1 for point in found.points)


def test_without_a_tokenizer_characters_are_counted() -> None:
    detector = Detector()
    del detector.embedder
    found = measured(detector)
    assert found.counted_by == "4 characters a token"
    assert len(detector.asked[len(LENGTHS) - 1]) == pytest.approx(4 * LENGTHS[-1], rel=0.05)


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_without_a_token_there_is_no_long_text(texts: list[str]) -> None:
    with pytest.raises(MeasurementError, match="token"):
        measured(Detector(), texts)


def test_it_survives_json() -> None:
    found = measured(Detector(), off_target="Other CPU")
    assert evidence_from_json(evidence_to_json("length_curve", found)) == found


def test_it_is_measured_beside_latency_and_beside_nothing_else(pristine_toy: Toy, tmp_path: Path) -> None:
    session = session_on(pristine_toy, tmp_path)
    instruments = Instruments(programmed(lambda call: 1.0))
    session.measure_beside("SCH-001", MODEL_ID, instruments)
    assert session.store.peek(MODEL_ID, "length_curve") is None
    session.measure_beside("LAT-001", MODEL_ID, instruments)
    found = session.store.peek(MODEL_ID, "length_curve")
    assert isinstance(found, LengthCurve)
    assert found.points[0].samples_ms[0] == 1.0
    assert session.report(MODEL_ID, [])["length_curve"]["points"][0]["p50_ms"] == 1.0


def report_with(curve: Any) -> dict[str, Any]:
    sections = {
        "started": "2026-01-02T03:04:05+00:00", "model": {"model_id": "m", "files": []}, "generalisation": None,
        "environment": {
            "cpu": "c", "isa": [], "cores": 1, "memory_gb": 1.0, "os": "o", "python": "3", "onnxruntime": None,
            "backend": {"name": "openvino", "version": "1"}, "threads": {}, "target": None, "noise": {},
        },
        "corpus": {"path": None, "sha256": None, "rows": 0, "benign": 0, "attacks": 0}, "not_claimed": [],
    }  # fmt: skip
    return judged_report(sections, [], None, PROFILE, curve)


def test_the_report_has_it_and_says_where_it_ends() -> None:
    points = [LengthPoint(125, 126, [3.0, 1.0, 2.5]), LengthPoint(250, 250, [4.0])]
    report = report_with(LengthCurve(0, "the detector's tokenizer", points, [500], None))
    assert list(violations(REPORT, report)) == []
    curve = report["length_curve"]
    assert curve["points"][0] == {"tokens": 126, "n": 3, "low_ms": 1.0, "p50_ms": 2.5, "high_ms": 3.0}
    chart = curve_chart(curve, 3.0)
    assert "2.5 ms at 126, 4 ms at 250" in chart.caption
    assert "Left out" in chart.caption
    assert str(chart.picture).count("<circle") == 2
    assert "limit 3 ms" in str(chart.picture)
    assert "Left out" not in curve_chart({**curve, "left_out": []}, None).caption


@pytest.mark.parametrize("curve", [None, Missing("a reason", "a remedy")])
def test_a_report_without_it_is_whole(curve: Any) -> None:
    report = report_with(curve)
    assert report["length_curve"] is None
    assert list(violations(REPORT, report)) == []
    assert list(violations(REPORT, {key: value for key, value in report.items() if key != "length_curve"})) == []
