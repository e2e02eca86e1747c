"""The figures behind the charts, against counting by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.report.site import made_latency
from raxe_conformance.measure.evidence import Scores
from raxe_conformance.report.html.canvas import linear_axis, log_axis
from raxe_conformance.report.html.charts import milliseconds, percent
from raxe_conformance.report.html.curves import (
    by_length,
    confusion,
    corners,
    ecdf,
    quantile,
    thinned,
    thresholds,
    worst,
)

TIMES = st.lists(st.floats(0.001, 1e4), min_size=1, max_size=300)


def scores_of(rows: Sequence[tuple[str, float | None, bool, str | None]]) -> Scores:
    """Columns of (label, score, attack said, family said)."""
    labels, values, attacks, families = (list(column) for column in zip(*rows, strict=True))
    none = [None] * len(rows)
    ids = [f"r{i}" for i in range(len(rows))]
    return Scores(ids, labels, none, none, none, none, none, [1] * len(rows), values, attacks, families, {}, none)  # type: ignore[arg-type]


@given(TIMES, st.integers(2, 50))
def test_ecdf_is_the_share_of_samples(samples: list[float], most: int) -> None:
    points = ecdf(samples, most)
    assert len(points) <= 2 * most
    assert points[0][0] == min(samples)
    assert points[-1] == (max(samples), 1.0)
    assert points == sorted(points)
    for value, share in points:
        assert sum(s < value for s in samples) / len(samples) < share
        assert share <= sum(s <= value for s in samples) / len(samples)


def test_ecdf_keeps_all_where_there_are_few_and_nothing_of_nothing() -> None:
    assert ecdf([3.0, 1.0, 2.0]) == [(1.0, 1 / 3), (2.0, 2 / 3), (3.0, 1.0)]
    assert ecdf([]) == []
    assert len(ecdf([float(i) for i in range(100_000)])) < 900


@given(TIMES, st.sampled_from([0.05, 0.5, 0.95, 0.99]))
def test_quantile_is_the_smallest_sample_that_covers_q(samples: list[float], q: float) -> None:
    found = quantile(samples, q)
    assert sum(s <= found for s in samples) >= q * len(samples) - 1e-9
    assert sum(s < found for s in samples) < q * len(samples) + 1e-9


def test_lengths_are_binned_by_doubling() -> None:
    latency = made_latency(6)
    bins = by_length(latency, [0, 1, 2, 3, 4, 1024])
    assert [(b.low, b.high, b.n) for b in bins] == [(1, 1, 2), (2, 3, 2), (4, 7, 1), (1024, 2047, 1)]
    assert bins[0].p5 == min(latency.samples_ms[:2])
    assert bins[0].p95 == max(latency.samples_ms[:2])
    assert all(b.p5 <= b.p50 <= b.p95 for b in bins)


ROW = st.tuples(
    st.sampled_from(["BENIGN", "PI", "JB"]),
    st.one_of(st.none(), st.integers(0, 8).map(lambda v: v / 8)),
    st.booleans(),
    st.sampled_from([None, "PI", "RAG"]),
)


@given(st.lists(ROW, min_size=1, max_size=60))
def test_thresholds_count_what_is_flagged(rows: list[tuple[str, float | None, bool, str | None]]) -> None:
    scores = scores_of(rows)
    found = thresholds(scores)
    attacks = [row for row in rows if row[0] != "BENIGN"]
    benign = [row for row in rows if row[0] == "BENIGN"]
    if not attacks or not benign:
        assert found is None
        return
    assert found is not None

    def at(limit: float) -> tuple[int, int]:
        caught = sum(row[1] is not None and row[1] >= limit for row in attacks)
        return caught, sum(row[1] is None or row[1] >= limit for row in benign)

    counted = list(zip(found.caught, found.alarms, strict=True))
    for limit in {row[1] for row in rows if row[1] is not None}:
        assert at(limit) in counted
    assert counted[-1] == (len(attacks), len(benign))
    assert counted == sorted(counted)
    assert found.alarms_now == sum(row[1] is None or row[2] for row in benign)
    assert found.caught_now == sum(row[1] is not None and row[2] for row in attacks)
    assert found.recall_at(0.0) == 0.0
    assert found.recall_at(1.1) == 1.0
    assert all(0.001 <= x <= 1 and 0 <= y <= 1 for x, y in found.roc(0.001))
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in found.precision_recall())


def test_recall_at_a_rate_is_below_it_not_at_it() -> None:
    found = thresholds(scores_of([("PI", 0.9, True, "PI"), ("BENIGN", 0.8, True, "PI"), ("PI", 0.7, True, "PI")]))
    assert found is not None
    assert found.recall_at(1.0) == 0.5
    assert found.recall_at(1.0001) == 1.0
    assert found.precision_recall() == [(0.5, 1.0), (0.5, 0.5), (1.0, 2 / 3)]
    assert found.roc(0.5) == [(0.5, 0.0), (0.5, 0.5), (1.0, 0.5), (1.0, 1.0)]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40))
def test_corners_draw_the_same_staircase(steps: list[tuple[int, int]]) -> None:
    points = [(0.0, 0.0)]
    for right, up in steps:
        points.append((points[-1][0] + right, points[-1][1] + up))
    found = corners(points)
    assert found[0] == points[0]
    assert found[-1] == points[-1]

    def height(line: list[tuple[float, float]], x: float) -> float:
        return max(y for at, y in line if at <= x)

    for x, _ in points:
        assert height(found, x) == height(points, x)


def test_thinned_keeps_the_ends() -> None:
    points = [(float(i), 0.0) for i in range(1000)]
    assert thinned(points, 10)[0] == points[0]
    assert thinned(points, 10)[-1] == points[-1]
    assert len(thinned(points, 10)) == 10
    assert thinned(points, 1000) is points


def test_confusion_counts_families_alarms_and_silence() -> None:
    labels, columns, counts = confusion(
        scores_of([
            ("BENIGN", 0.1, False, None), ("BENIGN", 0.9, True, "PI"), ("PI", 0.9, True, "JB"),
            ("PI", None, False, None), ("CMD", 0.9, True, None),
        ])
    )  # fmt: skip
    assert labels == ["BENIGN", "CMD", "PI"]
    assert columns == ["BENIGN", "CMD", "JB", "PI", "attack", "no answer"]
    assert counts == {("BENIGN", "BENIGN"): 1, ("BENIGN", "PI"): 1, ("PI", "JB"): 1, ("PI", "no answer"): 1,
                      ("CMD", "attack"): 1}  # fmt: skip


def test_the_worst_rows_are_furthest_on_the_wrong_side() -> None:
    scores = scores_of([
        ("BENIGN", 0.6, True, "PI"), ("BENIGN", 0.99, True, "PI"), ("BENIGN", 0.0, False, None),
        ("BENIGN", None, False, None), ("PI", 0.4, False, None), ("PI", 0.1, False, None), ("PI", None, False, None),
        ("PI", 0.9, True, "PI"),
    ])  # fmt: skip
    alarms, total = worst(scores, attacks=False)
    assert ([row.position for row in alarms], total) == ([3, 1, 0], 3)
    missed, total = worst(scores, attacks=True, most=2)
    assert ([row.position for row in missed], total) == ([6, 5], 3)


@given(st.floats(1e-4, 1e5), st.floats(1.0, 1e5))
def test_a_logarithmic_axis_holds_its_values_and_few_ticks(low: float, times: float) -> None:
    axis = log_axis(low, low * times, "ms")
    assert axis.low <= low * 1.001
    assert axis.high >= low * times * 0.999
    assert 1 <= len(axis.ticks) <= 12
    assert axis.at(axis.low) == 0.0
    assert axis.at(axis.high) == 1.0
    assert math.isclose(axis.at(math.sqrt(axis.low * axis.high)), 0.5)


@given(st.floats(0.0, 1e6))
def test_a_linear_axis_begins_at_zero_and_holds_its_value(high: float) -> None:
    axis = linear_axis(high, "MB")
    assert axis.low == 0.0
    assert axis.high >= high * 0.999999
    assert 2 <= len(axis.ticks) <= 8
    assert axis.at(-1.0) == 0.0
    assert axis.at(axis.high * 2) == 1.0


@pytest.mark.parametrize(
    ("value", "said"), [(0.0097, "0.97 %"), (0.0999, "9.99 %"), (0.1, "10.0 %"), (1.0, "100.0 %"), (0.0, "0.00 %")]
)
def test_shares_in_words(value: float, said: str) -> None:
    assert percent(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.0027, "0.003 ms"), (0.1, "0.1 ms"), (41.4321, "41.4 ms"), (1234.5, "1,234 ms")]
)
def test_times_in_words(value: float, said: str) -> None:
    assert milliseconds(value) == said
