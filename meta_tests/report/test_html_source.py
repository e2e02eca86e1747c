"""What is shown and what is refused: other versions, cut and edited files, evidence that is not of this report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meta_tests.report.site import MODEL_ID, Page, made_latency, made_report, made_scores, put, put_all, write_rows
from raxe_conformance.corpus.rows import Benchmark
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.report.digest import report_digest, with_digest
from raxe_conformance.report.html.site import write_index, write_page
from raxe_conformance.report.html.source import gather, read_report, read_texts, report_files


@pytest.fixture
def rows(tmp_path: Path) -> Benchmark:
    return write_rows(tmp_path / "rows.jsonl", 60)


@pytest.fixture
def path(tmp_path: Path, rows: Benchmark) -> Path:
    return put_all(tmp_path / "reports", rows)


def rewrite(path: Path, change: Callable[[dict[str, Any]], None], *, stamp: bool = True) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_bytes(canonical_json(with_digest(value) if stamp else value))


def test_a_report_reads_as_it_was_written(path: Path) -> None:
    report = read_report(path)
    assert report["model"]["model_id"] == MODEL_ID
    assert report["digest"] == report_digest(report)


def test_every_single_figure_is_under_the_digest(path: Path) -> None:
    report = json.loads(path.read_text(encoding="utf-8"))
    digest = report["digest"]
    assert report_digest(dict(reversed(report.items()))) == digest, "the order of keys says nothing"
    report["checks"][0]["evidence"]["value"] *= 1.0000001
    assert report_digest(report) != digest


def edited(report: dict[str, Any]) -> None:
    report["checks"][0]["verdict"] = "PASS" if report["checks"][0]["verdict"] != "PASS" else "FAIL"


def test_an_edited_report_is_refused_and_a_reformatted_one_is_not(path: Path) -> None:
    report = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(report, indent=7, sort_keys=True), encoding="utf-8")
    read_report(path)
    rewrite(path, edited, stamp=False)
    with pytest.raises(RaxeError, match=r"digest: is not the digest of this content: the file was edited; run the"):
        read_report(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: r.update(schema_version="2.0.0"), r"schema_version: is '2\.0\.0', but this version reads '1\.0\.0'"),
        (lambda r: r.pop("schema_version"), r"schema_version: is None"),
        (lambda r: r.update(verdict="MAYBE"), r"verdict: 'MAYBE' is not one of"),
        (lambda r: r.update(surprise=1), r"'surprise' was unexpected"),
        (lambda r: r["model"].update(model_id="other"), r"model\.model_id: is 'other', but the file is named"),
        (lambda r: r["model"].update(model_id="../up"), r"model\.model_id: is '\.\./up', but"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused(change: Callable[[Any], Any], problem: str, path: Path) -> None:
    rewrite(path, change)
    with pytest.raises(RaxeError, match=problem) as error:
        read_report(path)
    assert "\n" not in str(error.value)


def test_a_report_without_a_digest_is_refused(path: Path) -> None:
    rewrite(path, lambda r: r.pop("digest"), stamp=False)
    with pytest.raises(RaxeError, match="digest: is missing"):
        read_report(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_report_is_refused_and_its_older_page_stays(share: float, path: Path, rows: Benchmark) -> None:
    page = write_page(path, rows)
    before = page.read_bytes()
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RaxeError, match="is no JSON"):
        write_page(path, rows)
    assert page.read_bytes() == before


def test_a_variant_named_index_does_not_overwrite_the_index(tmp_path: Path, rows: Benchmark) -> None:
    path = put_all(tmp_path, rows, model_id="index")
    with pytest.raises(RaxeError, match="would overwrite the index"):
        write_page(path, rows)
    index, faults = write_index(tmp_path)
    assert len(faults) == 1
    assert "would overwrite the index" in Page(index).text


def test_evidence_and_by_products_are_no_reports(path: Path) -> None:
    for name in ("x.evidence.json", "x.cdx.json", "x.sarif.json", "x.html"):
        (path.parent / name).write_text("{}")
    assert report_files(path.parent) == [path]


def test_all_is_there(path: Path, rows: Benchmark) -> None:
    found = gather(path, rows)
    assert found.notes == ()
    assert found.scores is not None
    assert found.latency is not None
    assert found.texts["row-0007"].endswith("number 7")


def test_without_evidence_the_page_says_so_and_leaves_out_what_needs_it(path: Path, rows: Benchmark) -> None:
    path.with_name(f"{MODEL_ID}.evidence.json").unlink()
    page = Page(write_page(path, rows))
    assert f"{MODEL_ID}.evidence.json is not beside the report" in page.text
    ids = {attrs.get("id") for attrs, _ in page.all("h2")}
    assert {"gates", "slices", "checks", "repeat"} <= ids
    assert not {"latency", "accuracy"} & ids


def test_evidence_of_another_run_is_not_mixed_in(tmp_path: Path, rows: Benchmark) -> None:
    path = put_all(tmp_path, rows)
    other = json.loads(path.with_name(f"{MODEL_ID}.evidence.json").read_text())
    other["started"] = "2025-01-01T00:00:00+00:00"
    path.with_name(f"{MODEL_ID}.evidence.json").write_text(json.dumps(other))
    found = gather(path, rows)
    assert found.scores is None
    assert "is of another run" in found.notes[0]


@pytest.mark.parametrize(
    "fault",
    [
        {"words": [1]},
        {"families": []},
        {"scores": [1.5] * 60},
        {"scores": [-0.1] * 60},
    ],
)
def test_scores_that_contradict_themselves_are_left_out(fault: dict[str, Any], tmp_path: Path, rows: Benchmark) -> None:
    scores, latency = made_scores(rows), made_latency(60)
    path = put(tmp_path, made_report(rows, scores, latency), replace(scores, **fault), latency)
    found = gather(path, rows)
    assert (found.scores, found.latency) == (None, None)
    assert "contradicts itself" in found.notes[0]


@pytest.mark.parametrize(
    "fault", [{"texts": [60] * 60}, {"texts": [-1] * 60}, {"texts": [0]}, {"samples_ms": [-1.0] * 60}]
)
def test_times_that_contradict_themselves_are_left_out(fault: dict[str, Any], tmp_path: Path, rows: Benchmark) -> None:
    scores, latency = made_scores(rows), made_latency(60)
    path = put(tmp_path, made_report(rows, scores, latency), scores, replace(latency, **fault))
    assert "contradicts itself" in gather(path, rows).notes[0]


def test_evidence_that_is_no_evidence_is_told(path: Path, rows: Benchmark) -> None:
    path.with_name(f"{MODEL_ID}.evidence.json").write_text("[]")
    assert "cannot be used (holds a JSON list, not an object)" in gather(path, rows).notes[0]


def test_texts_of_another_benchmark_are_not_shown(path: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", 60, {0: "a quite different text"})
    found = gather(path, other)
    assert found.texts == {}
    page = Page(write_page(path, other))
    assert "rows are shown by id, without their texts" in page.text
    assert not [attrs for attrs, _ in page.all("div") if attrs.get("class") == "text"]
    assert read_texts(tmp_path / "nowhere.jsonl") is None


def test_a_table_of_unseen_sources_of_another_make_is_left_out(path: Path, rows: Benchmark) -> None:
    rewrite(path, lambda r: r.update(generalisation={"summary": 3}))
    assert (
        "table of unseen sources in this report is not as this version writes it" in Page(write_page(path, rows)).text
    )
