"""The model card, as the model hub's own library reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meta_tests.report.exports.made import FILES, HOSTILE, WRONG_TYPES, hostile_metadata, hostile_report, report_with
from meta_tests.report.exports.test_bom import METADATA
from meta_tests.report.exports.test_markdown import kinds, parsed
from raxe_conformance.report.exports.card import model_card
from raxe_conformance.report.exports.declared import Declared

KEYS = {"base_model", "library_name", "license", "license_name", "pipeline_tag", "tags", "model-index"}


def read(text: str) -> ModelCard:
    """The card; its front matter is all that a hub may take for it, and no other document."""
    card = ModelCard(text)
    assert set(card.data.to_dict()) <= KEYS
    assert len(list(yaml.safe_load_all(text.split("\n---\n")[0].removeprefix("---\n")))) == 1
    return card


def test_the_index_has_the_figures_of_the_report(tmp_path: Path) -> None:
    report = report_with(tmp_path)
    card = read(model_card(report, Declared(METADATA)))
    assert card.data.model_name == "v1.0_made_up"
    measured = {c["id"]: c for c in report["checks"] if c["gate"] and c["evidence"]}
    results = card.data.eval_results or []
    assert {r.metric_args["check"] for r in results} == set(measured)
    for result in results:
        check = measured[result.metric_args["check"]]
        evidence = check["evidence"]
        assert result.metric_value == evidence["value"]
        # An end that is not bounded is left out.
        assert (result.metric_args.get("low"), result.metric_args.get("high")) == (evidence["low"], evidence["high"])
        assert result.metric_args["verdict"] == check["verdict"]
        assert result.dataset_revision == report["corpus"]["sha256"]
    assert "f1" in {r.metric_type for r in results}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Apache-2.0", ("apache-2.0", None)),
        ("mit", ("mit", None)),
        ("MIT OR Apache-2.0", ("other", "MIT OR Apache-2.0")),
        ("(MIT)", ("other", "(MIT)")),
        ("our own", ("other", "our own")),
        (None, (None, None)),
    ],
)
def test_licences_are_the_hubs(said: str | None, found: tuple[str | None, str | None], tmp_path: Path) -> None:
    data = read(model_card(report_with(tmp_path), Declared({"license": {"model": said}}))).data
    assert (data.license, data.license_name) == found


@pytest.mark.parametrize(("said", "found"), [("org/mini-1.0", "org/mini-1.0"), ("mini", None), ("a/b/../c", None)])
def test_a_base_model_is_a_repository(said: str, found: str | None, tmp_path: Path) -> None:
    data = read(model_card(report_with(tmp_path), Declared({"license": {"embedding_model": {"name": said}}}))).data
    assert data.base_model == found


def test_the_text_says_what_the_metadata_says(tmp_path: Path) -> None:
    report = report_with(tmp_path)
    text = read(model_card(report, Declared({**METADATA, "name": "Made Up"}))).text
    assert text.lstrip().startswith("# Made Up\n")
    for part in ("## Intended use\n\n- tests\n", "## Not intended for\n\n- anything else\n",
                 "## Known limitations\n\n- does not exist\n", "| s |  | MIT |", FILES[1]["sha256"],
                 "May not ship: ", "status experimental"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("metadata", [{}, WRONG_TYPES], ids=["none", "wrong-types"])
def test_metadata_that_says_nothing_leaves_the_evaluation(metadata: dict[str, Any], tmp_path: Path) -> None:
    text = model_card(report_with(tmp_path), Declared(metadata))
    read(text)
    assert "## Evaluation" in text
    assert "## Intended use" not in text
    assert "None" not in text


def shape(text: str) -> list[str]:
    return [kind for kind in kinds(parsed(ModelCard(text).text)) if kind not in ("text", "code_inline", "softbreak")]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text(text: str, tmp_path: Path) -> None:
    made = model_card(hostile_report(tmp_path, text), Declared(hostile_metadata(text)))
    read(made)
    plain = model_card(hostile_report(tmp_path, "plain"), Declared(hostile_metadata("plain")))
    assert shape(made) == shape(plain)
    assert "link_open" not in shape(plain)
    assert not {"\x1b", "\u202e", "\ud800", "\r"} & set(made)
    assert len(made) < 400_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(text=st.text(st.characters(), min_size=1))
def test_any_text_stays_in_its_field(text: str, tmp_path: Path) -> None:
    metadata = {"tags": [text], "license": {"model": text}}
    read(model_card(report_with(tmp_path), Declared(metadata)))
