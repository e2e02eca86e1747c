"""Figures without gates: the same as scikit-learn's, and with bounds that hold."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from meta_tests.support.scored import counted, scored
from raxe_conformance.checks.accuracy import binary_f1, confusion, family_f1, subfamily_f1
from raxe_conformance.checks.reading import F1, MacroF1
from raxe_conformance.verdict.calibration import BINS, calibration_error, expected_calibration_error
from raxe_conformance.verdict.figures import Figure, figures
from raxe_conformance.verdict.intervals import clopper_pearson, estimate

LABELS = ("BENIGN", "PI", "JB", "CMD")
ROWS = st.lists(
    st.tuples(st.sampled_from(LABELS), st.booleans(), st.floats(0.0, 1.0), st.sampled_from((*LABELS[1:], None))),
    min_size=1,
    max_size=60,
)


def by_name(scores: Any, confidence: float = 0.95) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(scores, confidence)}


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_figures_are_scikit_learns(rows: list[tuple[str, bool, float, str | None]]) -> None:
    labels, attacks, probabilities, families = (list(column) for column in zip(*rows, strict=True))
    scores = scored(labels, attacks, scores=probabilities, families=families)
    truth = np.array([label != "BENIGN" for label in labels])
    found = by_name(scores)
    for name, value, counts in (
        ("binary_precision", metrics.precision_score(truth, attacks, zero_division=np.nan), any(attacks)),
        ("binary_recall", metrics.recall_score(truth, attacks, zero_division=np.nan), truth.any()),
        ("binary_accuracy", metrics.accuracy_score(truth, attacks), True),
        ("brier_score", metrics.brier_score_loss(truth, probabilities), len(rows) > 1),
    ):
        if counts:
            assert found[name].value == pytest.approx(value, abs=1e-12)
            assert 0.0 <= found[name].low <= found[name].value + 1e-12
            assert found[name].value - 1e-12 <= found[name].high <= 1.0
        else:
            assert math.isnan(found[name].value)
    if truth.any():
        reading = binary_f1(scores)
        assert isinstance(reading, F1)
        assert estimate(reading, 0.95).value == pytest.approx(metrics.f1_score(truth, attacks), abs=1e-12)
        said = [(family or "?") if attack else "BENIGN" for family, attack in zip(families, attacks, strict=True)]
        macro = family_f1(scores)
        assert isinstance(macro, MacroF1)
        expected = metrics.f1_score(
            labels, said, labels=sorted(set(labels) - {"BENIGN"}), average="macro", zero_division=0.0
        )
        assert estimate(macro, 0.95).value == pytest.approx(expected, abs=1e-12)
        right = [a == b for a, b in zip(labels, said, strict=True) if a != "BENIGN"]
        assert found["family_accuracy"].value == pytest.approx(sum(right) / len(right))
    tn, fp, fn, tp = metrics.confusion_matrix(truth, attacks, labels=[False, True]).ravel()
    assert confusion(scores) == (tp, fp, fn, tn)


def test_a_text_that_failed_is_decided_wrongly_in_every_figure() -> None:
    good = by_name(counted(50, 0, 0, 50))
    failed = by_name(counted(50, 0, 0, 50, scores=[None] * 2 + [0.9] * 48 + [None] + [0.1] * 49))
    assert (good["binary_recall"].value, failed["binary_recall"].value) == (1.0, 0.96)
    assert (good["binary_precision"].value, failed["binary_precision"].value) == (1.0, 48 / 49)
    assert failed["binary_accuracy"].value == 0.97
    assert failed["brier_score"].value == pytest.approx((3 * 1.0 + 97 * 0.01) / 100)


def test_no_rate_has_zero_width_at_its_ends() -> None:
    for name in ("binary_precision", "binary_recall", "binary_accuracy", "family_accuracy"):
        found = by_name(counted(50, 0, 0, 50))[name]
        assert (found.value, found.high) == (1.0, 1.0)
        assert found.low < 1.0


def test_what_cannot_be_said_is_none_and_says_why() -> None:
    found = by_name(counted(0, 0, 0, 5))
    assert math.isnan(found["binary_recall"].value)
    assert found["binary_recall"].method == "the benchmark holds no attacks"
    assert found["binary_precision"].method == "no row is called an attack"
    assert found["subfamily_f1"].method == "the detector names no subfamilies, or the benchmark has none"


def test_a_benchmark_without_rows_has_no_figure_at_all() -> None:
    said = {}
    for found in figures(scored([], []), 0.95):
        assert all(map(math.isnan, (found.value, found.low, found.high)))
        assert found.n == 0
        said[found.name] = found.method
    assert said == {
        "binary_precision": "no row is called an attack",
        "binary_recall": "the benchmark holds no attacks",
        "binary_accuracy": "the benchmark holds no rows",
        "family_accuracy": "the benchmark holds no attacks",
        "subfamily_f1": "the detector names no subfamilies, or the benchmark has none",
        "brier_score": "the benchmark holds no rows",
        "ece": "the benchmark holds no rows",
    }


def test_rates_have_the_exact_bounds_of_their_counts() -> None:
    found = by_name(counted(8, 2, 3, 27))
    for name, hits, n, rows in (
        ("binary_precision", 8, 10, "alarms"),
        ("binary_recall", 8, 11, "attacks"),
        ("binary_accuracy", 35, 40, "rows"),
        ("family_accuracy", 8, 11, "attacks"),
    ):
        low, high = clopper_pearson(hits, n, 0.95)
        assert found[name] == Figure(name, hits / n, low, high, n, f"Clopper–Pearson, {hits} of {n} {rows}")


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_brier_score_has_the_bounds_of_a_mean(confidence: float) -> None:
    """scipy's of two sides, each of which holds by itself at half the error rate."""
    said = [0.7, 0.9, 0.4, 0.2, 0.3]
    found = by_name(scored(["PI", "PI", "PI", "BENIGN", "BENIGN"], [True] * 5, scores=said), confidence)["brier_score"]
    errors = [0.3**2, 0.1**2, 0.6**2, 0.2**2, 0.3**2]
    low, high = stats.t.interval(2 * confidence - 1, 4, loc=np.mean(errors), scale=stats.sem(errors))
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(errors), max(0.0, low), high))
    assert (found.n, found.method) == (5, "Student's t over rows")


def test_one_row_has_a_calibration_error_and_no_brier_score() -> None:
    found = by_name(scored(["PI"], [True], scores=[0.25]))
    assert (found["brier_score"].n, found["brier_score"].method) == (0, "one row has no interval")
    assert math.isnan(found["brier_score"].value)
    assert (found["ece"].value, found["ece"].low, found["ece"].high, found["ece"].n) == (0.75, 0.0, 0.75, 1)


def test_the_calibration_error_is_that_of_the_scores_where_a_failed_text_has_the_worst() -> None:
    chance = np.random.default_rng(3)
    labels = ["PI", "BENIGN"] * 30
    answered = chance.random(60).tolist()
    found = by_name(scored(labels, [True] * 60, scores=[None, None, *answered[2:]]))["ece"]
    expected = calibration_error(np.array([0.0, 1.0, *answered[2:]]), np.array([1.0, 0.0] * 30), 0.95)
    assert found == Figure(
        "ece", expected.value, expected.low, expected.high, 60,
        "15 bins of equal mass, row bootstrap; biased upwards: perfectly calibrated scores would show "
        f"{expected.by_chance:.4f} on so many rows",
    )  # fmt: skip


def test_subfamilies_count_only_with_their_family_and_where_they_are_labelled() -> None:
    labels = ["PI", "PI", "JB", "JB", "PI", "BENIGN"]
    scores = scored(
        labels, [True, True, True, False, True, False],
        subfamilies=["override", "override", "roleplay", "roleplay", None, None],
        families=["PI", "JB", "JB", None, "PI", None],
        answered_subfamilies=["override", "override", "roleplay", None, "override", None],
    )  # fmt: skip
    found = subfamily_f1(scores)
    assert found == MacroF1((("JB/roleplay", F1(1, 0, 1)), ("PI/override", F1(1, 0, 1))))
    assert by_name(scores)["subfamily_f1"].value == pytest.approx(2 / 3)
    assert subfamily_f1(scored(labels, [True] * 6, subfamilies=["override"] * 6)) is None


def test_calibration_error_by_hand() -> None:
    # BINS bins of two rows each: gaps of 0.4 within every bin, of one sign.
    scores = np.repeat(np.linspace(0.05, 0.55, BINS), 2)
    truth = np.tile([0.0, 1.0], BINS)
    expected = np.abs(scores.reshape(BINS, 2).mean(axis=1) - 0.5).mean()
    assert float(expected_calibration_error(scores, truth)) == pytest.approx(expected)
    shuffled = np.random.default_rng(1).permutation(len(scores))
    assert float(expected_calibration_error(scores[shuffled], truth[shuffled])) == pytest.approx(expected, abs=0.03)
    assert float(expected_calibration_error(np.array([0.25]), np.array([1.0]))) == 0.75


def error_by_definition(scores: Any, truth: Any) -> float:
    """ECE, bin by bin, of rows sorted by Python."""
    rows = sorted(zip(scores, truth, strict=True), key=lambda row: row[0])
    edges = [int(len(rows) * i / BINS) for i in range(BINS + 1)]
    bins = [rows[start:end] for start, end in itertools.pairwise(edges)]
    return sum(abs(sum(s - t for s, t in own)) for own in bins) / len(rows)


@pytest.mark.parametrize("n", [1, 14, 100, 3000])
@pytest.mark.parametrize("values", [3, 1000])
def test_calibration_error_is_that_of_the_definition(n: int, values: int) -> None:
    """Rows of one score, of which there are many with three values, stay in the order given."""
    chance = np.random.default_rng(n)
    scores = chance.integers(0, values, size=n) / values
    truth = (chance.random(n) < 0.5).astype(float)
    assert float(expected_calibration_error(scores, truth)) == pytest.approx(error_by_definition(scores, truth))


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_calibration_bounds_are_quantiles_of_a_thousand_resamples(power: float) -> None:
    chance = np.random.default_rng(7)
    true = chance.random(40)
    scores, truth = true**power, (chance.random(40) < true).astype(float)
    resampled, perfect, draws = [], [], np.random.default_rng(20_251_120)
    for _ in range(10):
        for rows in draws.integers(40, size=(100, 40)):
            resampled.append(error_by_definition(scores[rows], truth[rows]))
        for thrown in draws.random((100, 40)):
            perfect.append(error_by_definition(scores, (thrown < scores).astype(float)))
    for confidence in (0.9, 0.95, 0.9505):
        # The smallest resample that at least this share of the others stays below.
        upper, null = (sorted(errors)[math.ceil(confidence * 999)] for errors in (resampled, perfect))
        found = calibration_error(scores, truth, confidence)
        assert found.value == pytest.approx(error_by_definition(scores, truth))
        assert found.high == pytest.approx(max(found.value, upper))
        low = 0.0 if found.value <= null else min(found.value, max(0.0, 2 * found.value - upper))
        assert found.low == pytest.approx(low)
        assert found.by_chance == pytest.approx(np.mean(perfect))


def test_one_row_may_always_be_calibrated() -> None:
    """A score of ¼ for an attack is off by ¾, as it is in one of four rows if it is a probability."""
    found = calibration_error(np.array([0.25]), np.array([1.0]), 0.95)
    assert (found.value, found.low, found.high) == (0.75, 0.0, 0.75)


def test_between_two_resamples_the_larger_says_whether_chance_explains_the_error() -> None:
    """Perfectly calibrated, the one row is off by ¼ in some resamples and by ¾, as it is, in the others."""
    score, truth = np.array([0.25]), np.array([1.0])
    nearer = 1000 - round(1000 * (calibration_error(score, truth, 0.95).by_chance - 0.25) / 0.5)
    assert 700 < nearer < 800
    assert calibration_error(score, truth, (nearer - 0.5) / 999).low == 0.0
    assert calibration_error(score, truth, (nearer - 1.5) / 999).low == 0.75


@pytest.mark.parametrize(("power", "calibrated"), [(1.0, True), (3.0, False)])
def test_calibration_is_told_from_the_bias_of_its_estimate(power: float, calibrated: bool) -> None:
    """Scores that are probabilities show an error above 0, and the lower bound says that it may be none."""
    chance = np.random.default_rng(2)
    true = chance.random(1500)
    truth = (chance.random(1500) < true).astype(float)
    found = calibration_error(true**power, truth, 0.95)
    assert found.value > 0.01
    assert found.low <= found.value <= found.high
    assert (found.low == 0.0) == calibrated
    if calibrated:
        assert found.by_chance == pytest.approx(found.value, abs=0.015)
    else:
        exact = np.abs(np.mean(true - true**power))  # all of one sign
        assert found.low <= exact <= found.high


def test_calibration_bounds_are_the_same_every_time() -> None:
    scores = np.linspace(0.0, 1.0, 200)
    truth = (scores > 0.4).astype(float)
    assert calibration_error(scores, truth, 0.95) == calibration_error(scores, truth, 0.95)
