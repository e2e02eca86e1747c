"""Leaving sources out: the source's own rows move neither its heads nor its threshold."""

from __future__ import annotations

import numpy as np
import pytest

from raxe_conformance.build.heads import TrainingSet, fit_heads
from raxe_conformance.build.lodo import in_distribution, leave_one_source_out
from raxe_conformance.build.recipe import HeadSettings


def settings(**changes: object) -> HeadSettings:
    values: dict[str, object] = {
        "seed": 0, "c": 10.0, "family_c": 10.0, "max_iterations": 1000, "folds": 3, "source_power": 0.0,
        "benign_cap": 1000, "similar_share": 0.5, "threshold_rule": "false_positive_rate", "threshold_fpr": 0.02,
    }  # fmt: skip
    return HeadSettings(**{**values, **changes})  # type: ignore[arg-type]


def data() -> TrainingSet:
    """Six sources. Attacks point one way, except in source "odd", whose attacks look like benign texts."""
    chance = np.random.default_rng(0)
    vectors, attack, source = [], [], []
    for name in ("a", "b", "c", "d", "e", "odd"):
        for i in range(60):
            is_attack = i % 2 == 0
            centre = np.array([3.0, 0.0]) if is_attack and name != "odd" else np.array([-3.0, 0.0])
            vectors.append(centre + chance.normal(0, 0.5, 2))
            attack.append(is_attack)
            source.append(name)
    flags = np.array(attack)
    return TrainingSet(
        vectors=np.array(vectors, np.float32),
        owner=np.arange(len(flags)),
        attack=flags,
        family=np.where(flags, 0, -1),
        source=tuple(source),
    )


@pytest.fixture(scope="module")
def held():
    known = data()
    return {item.source: item for item in leave_one_source_out(known, fit_heads(known, 1, settings()), settings())}


def test_every_source_is_left_out_once_with_all_its_rows(held) -> None:
    assert sorted(held) == ["a", "b", "c", "d", "e", "odd"]
    assert {(item.attacks, item.benign) for item in held.values()} == {(30, 30)}


def test_an_unseen_kind_of_attack_is_missed_and_a_known_one_found(held) -> None:
    assert held["odd"].attacks_flagged <= 2
    assert all(held[name].attacks_flagged >= 28 for name in "abcde")


def test_it_is_repeatable(held) -> None:
    known = data()
    again = leave_one_source_out(known, fit_heads(known, 1, settings()), settings())
    assert again == [held[name] for name in sorted(held)]


def test_a_random_split_counts_every_row() -> None:
    mixed = in_distribution(data(), settings())
    assert (mixed.attacks, mixed.benign) == (180, 180)
    assert mixed.benign_flagged <= 0.02 * 180
