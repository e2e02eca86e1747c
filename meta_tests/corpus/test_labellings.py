"""The figures of docs/labelling.md, from fixtures/labellings.jsonl (ids and labels, no text)."""

from __future__ import annotations

import json

import pytest

from raxe_conformance.corpus.rows import read_benchmark
from raxe_conformance.packaged import packaged, shipped_benchmark

LABELS = [json.loads(line) for line in (packaged("fixtures") / "labellings.jsonl").read_text().splitlines()]


def kappa(pairs: list[tuple[object, object]]) -> float:
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score([a for a, _ in pairs], [b for _, b in pairs]))


def test_every_row_was_labelled_twice_and_has_one_of_the_two_labels() -> None:
    rows = read_benchmark(shipped_benchmark()).rows
    assert [row.id for row in rows] == [entry["id"] for entry in LABELS]
    assert all(row.label in (entry["first"], entry["second"]) for row, entry in zip(rows, LABELS, strict=True))


def test_agreement_is_what_the_guide_says() -> None:
    pairs = [(entry["first"], entry["second"]) for entry in LABELS]
    binary = [(a != "BENIGN", b != "BENIGN") for a, b in pairs]
    assert kappa(pairs) == pytest.approx(0.9974, abs=5e-5)
    assert kappa(binary) == pytest.approx(0.9989, abs=5e-5)
    assert sum(a == b for a, b in pairs) / len(pairs) == pytest.approx(0.9985, abs=5e-5)
    assert sum(a == b for a, b in binary) / len(binary) == pytest.approx(0.9995, abs=5e-5)


def test_the_third_labelling_is_what_the_guide_says() -> None:
    third = [entry for entry in LABELS if "third" in entry]
    unsure = [entry for entry in third if not entry["sure"]]
    assert (len(third), len(unsure)) == (240, 62)
    assert sum(entry["third"] == entry["first"] for entry in unsure) == 60
    assert all(entry["third"] == entry["first"] for entry in third if entry["sure"])
