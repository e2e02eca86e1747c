"""The worst slice: the one of which the worst can be claimed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.verdict.intervals import clopper_pearson
from raxe_conformance.verdict.slices import Slice
from raxe_conformance.verdict.worst import SLICINGS, WorstSlice, worst_slices


def part(by: str, value: str, metric: str, hits: int, n: int) -> Slice:
    low, high = clopper_pearson(hits, n, 0.95)
    return Slice(by, value, n, metric, hits, low, high)


def test_a_large_bad_slice_is_named_before_a_small_terrible_one() -> None:
    small, large = part("kind", "log", "fpr", 1, 1), part("kind", "code", "fpr", 60, 200)
    fine = part("kind", "email", "fpr", 1, 500)
    assert [w.slice for w in worst_slices([small, large, fine], 0.95)] == [large]
    small, large = part("family", "CMD", "recall", 0, 2), part("family", "PI", "recall", 20, 200)
    assert [w.slice for w in worst_slices([small, large], 0.95)] == [large]


def test_bounds_hold_for_all_slices_together() -> None:
    parts = [part("kind", str(i), "recall", 50 + i, 100) for i in range(4)]
    parts += [part("language", "en", "recall", 100, 200), part("language", "de", "recall", 106, 200)]
    found = worst_slices(parts, 0.95)
    assert [(w.slice.by, w.slice.value, w.of) for w in found] == [("language", "en", 6), ("kind", "0", 6)]
    assert found[1].bound == clopper_pearson(50, 100, 1 - 0.05 / 6)[1]
    assert found[1].bound > found[1].slice.high


def test_a_slicing_of_one_value_names_nothing() -> None:
    assert worst_slices([part("language", "en", "recall", 1, 9)], 0.95) == []
    assert worst_slices([part("subfamily", "a", "fpr", 1, 9), part("subfamily", "b", "fpr", 2, 9)], 0.95) == []
    assert worst_slices([], 0.95) == []


PARTS = st.lists(
    st.tuples(
        st.sampled_from(SLICINGS), st.integers(0, 3), st.sampled_from(("recall", "fpr")), st.integers(1, 50)
    ).flatmap(lambda t: st.integers(0, t[3]).map(lambda hits: part(t[0], str(t[1]), t[2], hits, t[3]))),
    max_size=30,
    unique_by=lambda s: (s.by, s.value, s.metric),
)


@given(PARTS)
def test_nothing_worse_can_be_claimed_of_any_other_slice(parts: list[Slice]) -> None:
    found = worst_slices(parts, 0.95)
    for worst in found:
        for other in parts:
            if (other.by, other.metric) == (worst.slice.by, worst.slice.metric):
                low, high = clopper_pearson(other.hits, other.n, 1 - 0.05 / worst.of)
                assert worst.bound <= high if worst.slice.metric == "recall" else worst.bound >= low
    keys = [(w.slice.metric, w.slice.by) for w in found]
    assert len(set(keys)) == len(keys)
    assert [metric for metric, _ in keys] == sorted((metric for metric, _ in keys), reverse=True)  # recall first
    for metric, sign in (("recall", 1), ("fpr", -1)):
        bounds = [sign * w.bound for w in found if w.slice.metric == metric]
        assert bounds == sorted(bounds)


def test_of_equal_bounds_the_first_is_named() -> None:
    """0 of 10 and 0 of 20 false alarms: of neither can more than 0 be claimed."""
    a, b = part("kind", "a", "fpr", 0, 10), part("kind", "b", "fpr", 0, 20)
    assert worst_slices([a, b], 0.95) == [WorstSlice(a, 0.0, 2)]
