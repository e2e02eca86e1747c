"""Heads: repeatable to the bit, judged on unseen sources, with a threshold that keeps its promise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from raxe_conformance.build.heads import (
    TrainingSet,
    assign_folds,
    fit_heads,
    head_arrays,
    text_scores,
    text_weights,
    threshold_at,
)
from raxe_conformance.build.recipe import HeadSettings
from raxe_conformance.build.stats import rates
from raxe_conformance.errors import BuildError
from raxe_conformance.headset import HeadSet
from raxe_conformance.runtime.heads import Heads

SETTINGS = HeadSettings(
    seed=0, c=1.0, family_c=1.0, max_iterations=1000, folds=3, source_power=0.5, benign_cap=100, similar_share=0.5,
    threshold_rule="false_positive_rate", threshold_fpr=0.02,
)  # fmt: skip


def toy(texts: int = 240, width: int = 8) -> TrainingSet:
    """Attacks point one way (by family), benign texts another; a third of the texts have three windows."""
    generator = np.random.default_rng(1)
    attack = np.arange(texts) % 3 == 0
    family = np.where(attack, np.arange(texts) // 3 % 2, -1)
    vectors, owner = [], []
    for index in range(texts):
        windows = 3 if index % 4 == 0 else 1
        for window in range(windows):
            vector = generator.standard_normal(width) * 0.5
            # Only the last window of an attack attacks.
            if attack[index] and window == windows - 1:
                vector[0] += 2.5
                vector[1 + int(family[index])] += 2.0
            vectors.append(vector / np.linalg.norm(vector))
            owner.append(index)
    source = tuple(f"s{index % 7}" for index in range(texts))
    return TrainingSet(np.array(vectors, np.float32), np.array(owner), attack, family, source)


def test_the_same_input_gives_the_same_bits() -> None:
    one, other = fit_heads(toy(), 2, SETTINGS), fit_heads(toy(), 2, SETTINGS)
    for name, array in head_arrays(one).items():
        assert array.tobytes() == head_arrays(other)[name].tobytes()
    assert one.threshold == other.threshold
    assert one.held_out.tobytes() == other.held_out.tobytes()


def test_shapes_and_quality() -> None:
    data = toy()
    fit = fit_heads(data, 2, SETTINGS)
    arrays = head_arrays(fit)
    assert {name: (array.shape, array.dtype) for name, array in arrays.items()} == {
        "binary.0.weight": ((1, 8), np.float32), "binary.0.bias": ((1,), np.float32),
        "family.0.weight": ((2, 8), np.float32), "family.0.bias": ((2,), np.float32),
    }  # fmt: skip
    found = rates(fit.held_out, data.attack, fit.threshold)
    assert found["fpr"] <= SETTINGS.threshold_fpr
    assert found["recall"] > 0.5
    assert (fit.held_out_family[data.attack] == data.family[data.attack]).mean() > 0.8


def test_the_detector_gives_the_scores_that_were_fitted() -> None:
    data = toy()
    fit = fit_heads(data, 2, SETTINGS)
    layers: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for name, array in head_arrays(fit).items():
        head, _, part = name.split(".")
        if part == "weight":
            layers[head] = [(array, head_arrays(fit)[f"{head}.0.bias"])]
    heads = Heads(HeadSet("toy", 8, fit.threshold, "mean", "l2", 12, None, ("PI", "JB"), (), layers), 8, name="toy")
    expected = text_scores(data, fit.binary)
    for index in range(20):
        assert heads.score(data.vectors[data.owner == index]).score == pytest.approx(expected[index], abs=1e-5)


def test_a_source_stays_together_and_every_fold_has_both_kinds() -> None:
    data = toy()
    folds = assign_folds(data.source, data.attack, 3)
    for name in set(data.source):
        assert len({int(f) for f, s in zip(folds, data.source, strict=True) if s == name}) == 1
    for fold in range(3):
        assert 0 < data.attack[folds == fold].sum() < (folds == fold).sum()
    with pytest.raises(BuildError, match=r"heads\.folds: there are too few sources for 9 folds"):
        assign_folds(data.source, data.attack, 9)


def test_weights_balance_kinds_and_sources() -> None:
    source = ["a"] * 90 + ["b"] * 10 + ["c"] * 10
    attack = np.array([False] * 100 + [True] * 10)
    for power, ratio in ((1.0, 9.0), (0.5, 3.0), (0.0, 1.0)):
        weights = text_weights(source, attack, power)
        assert weights.mean() == pytest.approx(1.0)
        assert weights[attack].sum() == pytest.approx(weights[~attack].sum())
        assert weights[:90].sum() / weights[90:100].sum() == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("scores", "rate", "called"),
    [
        (np.linspace(0.0, 0.99, 1000), 0.005, 5),
        (np.linspace(0.0, 0.99, 100), 0.005, 0),
        (np.array([0.1] * 50 + [0.9] * 50), 0.1, 0),
        (np.array([0.1] * 50 + [0.9] * 50), 0.5, 50),
        (np.array([0.5]), 0.0, 0),
        (np.zeros(10), 0.3, 0),
    ],
)
def test_threshold_lets_through_no_more_than_it_says(scores: np.ndarray, rate: float, called: int) -> None:
    threshold = threshold_at(scores, rate)
    assert 0.0 < threshold < 1.0
    assert int((scores >= threshold).sum()) == called


def test_a_family_without_texts_is_an_error() -> None:
    with pytest.raises(BuildError, match="family 2: no text of a class is left to train on"):
        fit_heads(toy(), 3, SETTINGS)


def test_too_few_iterations_are_an_error() -> None:
    with pytest.raises(BuildError, match=r"heads\.max_iterations: the fit did not converge in 2 iterations"):
        fit_heads(toy(), 2, dataclasses.replace(SETTINGS, max_iterations=2))


def test_rates_without_a_denominator_are_left_out() -> None:
    found = rates(np.array([0.1, 0.2]), np.array([False, False]), 0.5)
    assert found == {"tp": 0, "fp": 0, "tn": 2, "fn": 0, "fpr": 0.0}
