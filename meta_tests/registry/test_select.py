"""Selection: formulas, ties, and figures that are missing or nonsense."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance.errors import MissingFileError, UsageError
from raxe_conformance.registry.metadata import parse_metadata
from raxe_conformance.registry.select import (
    CRITERIA,
    accuracy_score,
    balanced_score,
    latency_score,
    memory_score,
    rank,
)
from raxe_conformance.registry.variant import Origin, Variant


def variant(
    model_id: str,
    p95: float | None = None,
    f1: float | None = None,
    memory: float | None = None,
    status: str = "active",
) -> Variant:
    metadata = parse_metadata(
        {
            "status": status,
            "performance": {"p95_latency_ms": p95, "memory_mb": memory},
            "accuracy": {"binary_f1": f1},
        },
        file="x",
    )
    return Variant(model_id, Path("models"), metadata, Origin.METADATA, bundle_path=Path("x.raxe"))


def ids(variants: list[Variant]) -> list[str]:
    return [v.model_id for v in variants]


def test_a_figure_at_its_gate_scores_one_half() -> None:
    one = variant("a", p95=3.0, f1=0.95, memory=150.0)
    for score in (latency_score, accuracy_score, memory_score, balanced_score):
        assert score(one) == pytest.approx(0.5)
    best = variant("a", p95=0.0, f1=1.0, memory=0.0)
    for score in (latency_score, accuracy_score, memory_score, balanced_score):
        assert score(best) == 1.0


def test_balanced_by_hand() -> None:
    one = variant("a", p95=1.0, f1=0.9, memory=450.0)
    assert balanced_score(one) == pytest.approx(0.5 * (0.05 / 0.15) + 0.25 * (3 / 4) + 0.25 * (150 / 600))


def test_accuracy_outweighs_speed() -> None:
    """A quick variant that misses a tenth of the attacks is not the balanced choice."""
    assert ids(rank([variant("quick", 0.2, 0.90, 40.0), variant("right", 2.8, 0.99, 180.0)])) == ["right", "quick"]


@pytest.mark.parametrize("criteria", CRITERIA)
def test_active_first_then_experimental_then_deprecated(criteria: str) -> None:
    good, poor = (0.1, 1.0, 1.0), (9.0, 0.5, 900.0)
    found = rank(
        [
            variant("d", *good, status="deprecated"), variant("e", *good, status="experimental"),
            variant("a", *poor, status="active"), variant("n", *good, status="nonsense"),
        ],
        criteria,
    )  # fmt: skip
    assert ids(found) == ["a", "e", "n", "d"]


@pytest.mark.parametrize("criteria", CRITERIA)
def test_without_the_figure_last(criteria: str) -> None:
    found = rank([variant("a"), variant("b", 100.0, 0.01, 10_000.0), variant("c")], criteria)
    assert ids(found) == ["b", "a", "c"]


def test_the_fewer_figures_are_missing_the_better() -> None:
    found = rank([variant("a", p95=0.1), variant("b", p95=9.0, f1=0.1), variant("c", 9.0, 0.1, 900.0)])
    assert ids(found) == ["c", "b", "a"]


@pytest.mark.parametrize("p95", [-1.0, -1e9])
def test_a_negative_figure_is_none(p95: float) -> None:
    assert ids(rank([variant("a", p95=p95), variant("b", p95=50.0)], "latency")) == ["b", "a"]


@pytest.mark.parametrize("f1", [1.5, -0.1, 1e9])
def test_an_f1_outside_0_to_1_is_none(f1: float) -> None:
    assert ids(rank([variant("a", f1=f1), variant("b", f1=0.2)], "accuracy")) == ["b", "a"]


def test_a_variant_with_a_problem_is_not_active() -> None:
    broken = Variant(
        "a", Path("models"), variant("a", 0.1).metadata, Origin.METADATA, bundle_path=Path("x.raxe"),
        problems=(MissingFileError("x"),),
    )  # fmt: skip
    assert ids(rank([broken, variant("b", 2.0)], "latency")) == ["b", "a"]
    old = variant("o", status="deprecated")
    assert Variant("o", Path("models"), old.metadata, Origin.METADATA, problems=broken.problems).status == "deprecated"


FIGURES = st.none() | st.sampled_from([0.0, 0.5, 0.95, 1.0, 3.0, 150.0])
VARIANTS = st.lists(
    st.tuples(FIGURES, FIGURES, FIGURES, st.sampled_from(["active", "experimental", "deprecated"])),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(deadline=None)
@given(VARIANTS, st.sampled_from(CRITERIA), st.randoms(use_true_random=False))
def test_a_tie_is_resolved_the_same_way_every_time(
    rows: list[tuple[float | None, float | None, float | None, str]], criteria: str, random: Random
) -> None:
    variants = [variant(f"v{i}", p95, f1, memory, status) for i, (p95, f1, memory, status) in enumerate(rows)]
    once = ids(rank(variants, criteria))
    random.shuffle(variants)
    assert ids(rank(variants, criteria)) == once
    # Another variant never changes the order of two others.
    assert ids(rank(variants[1:], criteria)) == [name for name in once if name != variants[0].model_id]


def test_another_criterion_is_refused() -> None:
    with pytest.raises(UsageError, match="criteria: is 'size'"):
        rank([], "size")
