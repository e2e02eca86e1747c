"""The leave-one-source-out table: rates with bounds, their summary, and whose bundle it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, SPACE, Toy
from raxe_conformance.fileio import canonical_json
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.head_sets import head_set_parts
from raxe_conformance.report.generalisation import ENOUGH, generalisation_table, read_table, table_path


def counts(**changes: Any) -> dict[str, Any]:
    def held(source: str, attacks: int, flagged: int, benign: int, alarms: int) -> dict[str, Any]:
        return {
            "source": source, "attacks": attacks, "attacks_flagged": flagged, "benign": benign,
            "benign_flagged": alarms, "threshold": 0.9,
        }  # fmt: skip

    return {
        "model_id": MODEL_ID,
        "protocol": "leave one source out",
        "head_set_sha256": "0" * 64,
        "training_rows_sha256": "1" * 64,
        "threshold_rule": "0.5%",
        "sources": [held("few", ENOUGH - 1, 0, 0, 0), held("many", 100, 80, 50, 5), held("more", ENOUGH, 10, 0, 0)],
        "random_split": held("(random split)", 200, 190, 400, 2),
        **changes,
    }


def test_rates_have_bounds_and_sources_with_few_attacks_do_not_count() -> None:
    table = generalisation_table(counts(), 0.95)
    by_source = {entry["source"]: entry for entry in table["sources"]}
    assert by_source["many"]["recall"]["rate"] == 0.8
    assert by_source["many"]["recall"]["low"] < 0.8 < by_source["many"]["recall"]["high"]
    assert "fpr" not in by_source["few"]
    assert table["summary"] == {
        "attack_sources": 2, "benign_sources": 1, "recall_mean": 0.65, "recall_worst": 0.5,
        "recall_worst_source": "more", "fpr_mean": 0.1, "fpr_worst": 0.1, "fpr_worst_source": "many",
    }  # fmt: skip
    assert table["random_split"]["recall"]["rate"] == 0.95


@pytest.mark.parametrize("own", [True, False])
def test_a_report_shows_the_table_of_its_own_heads_only(toy: Toy, tmp_path: Path, own: bool) -> None:
    digest = head_set_parts(Bundle(toy.bundle), SPACE).digest() if own else "0" * 64
    table = generalisation_table(counts(head_set_sha256=digest), 0.95)
    table_path(toy.models, MODEL_ID).write_bytes(canonical_json(table))
    session = session_on(toy, tmp_path)
    session.judge("SIZ-001", MODEL_ID)
    assert session.report(MODEL_ID, [])["generalisation"] == (table if own else None)


def test_no_table_is_none(toy: Toy) -> None:
    assert read_table(toy.models, MODEL_ID, "0" * 64) is None


@pytest.mark.parametrize(
    "kind", ["no JSON", "a pipe", "a link", "another summary", "a split of nothing", "a word for a rate"]
)
def test_what_is_no_table_is_none(toy: Toy, tmp_path: Path, kind: str) -> None:
    table = generalisation_table(counts(), 0.95)
    path = table_path(toy.models, MODEL_ID)
    path.write_bytes(canonical_json(table))
    assert read_table(toy.models, MODEL_ID, "0" * 64) == table
    path.unlink()
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a link":
        outside = tmp_path / "outside.json"
        outside.write_bytes(canonical_json(table))
        path.symlink_to(outside)
    else:
        if kind == "another summary":
            table["summary"]["recall_worst"] = 1.0
        elif kind == "a split of nothing":
            del table["random_split"]["fpr"]
        elif kind == "a word for a rate":
            table["random_split"]["fpr"]["rate"] = "0"
        path.write_bytes(b"{" if kind == "no JSON" else canonical_json(table))
    assert read_table(toy.models, MODEL_ID, "0" * 64) is None


def test_a_name_that_is_too_long_has_no_table(toy: Toy) -> None:
    assert read_table(toy.models, "a" * 250, "0" * 64) is None


def test_a_table_may_lack_the_random_split(toy: Toy) -> None:
    found = counts()
    del found["random_split"]
    table = generalisation_table(found, 0.95)
    assert "random_split" not in table
    table_path(toy.models, MODEL_ID).write_bytes(canonical_json(table))
    assert read_table(toy.models, MODEL_ID, "0" * 64) == table
