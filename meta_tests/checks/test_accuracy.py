"""What accuracy checks count, and by source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.support.scored import counted, scored
from raxe_conformance.checks.accuracy import binary_f1, confusion, family_accuracy, flagged
from raxe_conformance.checks.reading import F1, Proportion, Unknown

ROWS = st.lists(
    st.tuples(st.sampled_from(("BENIGN", "PI")), st.booleans(), st.sampled_from(("a", "b", None))), min_size=1
)


@given(ROWS)
def test_counts_by_source_sum_to_the_whole(rows: list[tuple[str, bool, str | None]]) -> None:
    labels, attacks, sources = (list(column) for column in zip(*rows, strict=True))
    found = binary_f1(scored(labels, attacks, sources=sources))
    if "PI" not in labels:
        assert isinstance(found, Unknown)
        return
    assert isinstance(found, F1)
    if any(sources):
        assert len(found.by_source) == len(set(sources))
        assert tuple(map(sum, zip(*found.by_source, strict=True))) == (found.tp, found.fp, found.fn)
    else:
        assert found.by_source == ()


def test_counts_stand_with_their_source() -> None:
    scores = scored(["PI", "PI", "BENIGN", "BENIGN", "PI"], [True, False, True, False, True], sources=[*"babab"])
    assert binary_f1(scores) == F1(2, 1, 1, ((0, 0, 1), (2, 1, 0)))


@pytest.mark.parametrize("label", ["PI", "BENIGN"])
def test_a_text_that_failed_is_decided_wrongly(label: str) -> None:
    for said in (True, False):
        assert flagged(scored([label], [said], scores=[None])) == [label == "BENIGN"]
        assert flagged(scored([label], [said])) == [said]


def test_confusion_and_family_accuracy() -> None:
    assert confusion(counted(4, 3, 2, 1)) == (4, 3, 2, 1)
    labels = ["PI", "JB", "PI", "BENIGN"]
    found = family_accuracy(scored(labels, [True, True, False, True], families=["PI", "PI", None, "PI"]))
    assert found == Proportion(1, 3, "attacks")
