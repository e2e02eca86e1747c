"""A report as a baseline: what is refused, what the comparison says as JSON, text and page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meta_tests.report.site import MODEL_ID, PROFILE, Page, made_latency, made_report, made_scores, put, write_rows
from raxe_conformance.corpus.rows import Benchmark
from raxe_conformance.errors import RaxeError, UsageError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.report.baseline import Recorded, comparison_record, read_baselines, read_recorded
from raxe_conformance.report.baseline_terminal import comparison_table, flipped_line
from raxe_conformance.report.digest import with_digest
from raxe_conformance.report.html.site import write_comparison, write_page
from raxe_conformance.report.record import write_report
from raxe_conformance.schemas import COMPARISON, REPORT, violations

ROWS = 420


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", ROWS, {0: "<script>owned()</script>"})


def worse(rows: Benchmark, misses: int, scale: float) -> tuple[Any, Any]:
    """The made-up variant, but some attacks that were found are missed, and it takes `scale` times as long."""
    scores = made_scores(rows)
    found = [i for i, label in enumerate(scores.labels) if label != "BENIGN" and scores.attacks[i]][:misses]
    attacks = [said and i not in found for i, said in enumerate(scores.attacks)]
    families = [family if said else None for family, said in zip(scores.families, attacks, strict=True)]
    return replace(scores, attacks=attacks, families=families), made_latency(ROWS, scale)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, rows: Benchmark) -> tuple[Path, Path]:
    """The report before, and the one after, in a folder each."""
    folder = tmp_path_factory.mktemp("reports")
    paths = []
    for name, misses, scale in (("before", 0, 1.0), ("after", 12, 2.0)):
        scores, latency = worse(rows, misses, scale)
        paths.append(put(folder / name, made_report(rows, scores, latency), scores, latency))
    return paths[0], paths[1]


@pytest.fixture(scope="module")
def record(reports: tuple[Path, Path]) -> dict[str, Any]:
    return comparison_record(*map(read_recorded, reports), PROFILE)


def test_the_record_names_what_regressed_and_the_rows(record: dict[str, Any]) -> None:
    assert list(violations(COMPARISON, record)) == []
    assert record["verdict"] == "FAIL"
    changes = {check["id"]: check["change"] for check in record["checks"]}
    assert {changes[i] for i in ("ACC-001", "ACC-003", "LAT-001")} == {"REGRESSED"}
    assert changes["FPR-001"] == "NO CHANGE SHOWN"
    found = {check["id"]: check for check in record["checks"]}
    assert found["ACC-001"]["rows"] == {"became_wrong": 12, "became_right": 0, "of": ROWS, "p": 2**-12}
    assert found["LAT-001"]["kernel_ms"] == {"before": 0.04, "after": 0.04}
    assert found["LAT-001"]["shift"]["value"] == pytest.approx(2.0)
    assert [row["right_now"] for row in record["flipped"]] == [False] * 12


def test_no_text_of_a_row_is_in_it(record: dict[str, Any], rows: Benchmark) -> None:
    said = json.dumps(record)
    assert not any(row.text in said for row in rows.rows)


def test_a_report_that_holds_a_comparison_holds_to_its_schema(
    record: dict[str, Any], reports: tuple[Path, Path], tmp_path: Path
) -> None:
    report = with_digest({**json.loads(reports[1].read_text()), "baseline": record})
    assert list(violations(REPORT, report)) == []
    bent = with_digest({**report, "baseline": {**record, "verdict": "GREAT"}})
    assert [at for at, _ in violations(REPORT, bent)] == ["baseline.verdict"]
    page = Page(write_page(write_report(tmp_path, report), None))
    assert "REGRESSED: a MUST is worse than before" in page.text
    assert any(attrs.get("href") == "#baseline" for attrs, _ in page.all("a"))


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_fits_and_begins_with_what_regressed(record: dict[str, Any], width: int) -> None:
    lines = comparison_table(record, width=width, color=False).splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if "other checks show no change" in line)]
    assert max(map(len, table)) <= width
    assert "REGRESSED: a MUST" in lines[0]
    ids = [line.split()[0] for line in table if line[:1].isalpha() and "-0" in line[:8]]
    assert ids[:2] == ["LAT-001", "ACC-001"]
    assert any(line.startswith("Rows that flipped: 12; became wrong: row-0") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_hostile_ids_are_made_harmless(record: dict[str, Any], tmp_path: Path) -> None:
    ids = ["[red]x", "\x1b[2Jx", "\u202egnp", "<b>x", "two\nlines"]
    hostile = {
        **record,
        "flipped": [{**record["flipped"][0], "id": name} for name in ids],
        "before": {**record["before"], "model_id": "[bold]\x1b[2J<i>"},
    }
    text = comparison_table(hostile, width=100, color=False)
    assert "\x1b" not in text
    assert "[red]x" in text
    assert "\n" not in (flipped_line(hostile) or "")
    page = Page(write_comparison(tmp_path / "page.html", hostile))
    assert "<b>x" not in page.source
    assert "\x1b" not in page.source
    assert "\u202e" not in page.source
    assert page.unclosed == []


def test_the_page_has_the_figures_and_asks_for_nothing(record: dict[str, Any], tmp_path: Path) -> None:
    page = Page(write_comparison(tmp_path / "page.html", record))
    for check in record["checks"]:
        assert check["message"] in page.text
    for row in record["flipped"]:
        assert row["id"] in page.text
    assert not page.all("script", "link", "img", "iframe")
    assert "default-src 'none'" in page.source
    with pytest.raises(RaxeError, match="name a writable folder"):
        write_comparison(Path("/proc/none/page.html"), record)


def test_what_differs_besides_is_told(reports: tuple[Path, Path]) -> None:
    before, after = map(read_recorded, reports)
    environment = {**after.report["environment"], "cpu": "Other 2", "isa": ["avx2", "avx512f"], "onnxruntime": "1.30.0"}
    checks = [check for check in after.report["checks"] if check["group"] != "latency"]
    found = comparison_record(
        before, Recorded({**after.report, "environment": environment, "checks": checks}, after.measurements), PROFILE
    )
    assert [(c["name"], c["before"], c["after"]) for c in found["circumstances"]] == [
        ("cpu", "Made Up 1", "Other 2"), ("isa", "avx2", "avx2, avx512f"), ("onnxruntime", "none", "1.30.0"),
    ]  # fmt: skip
    assert "LAT-001" in found["not_compared"]
    assert "In the baseline only: LAT-001" in comparison_table(found, width=100, color=False)


def _without_evidence(path: Path) -> None:
    path.with_name(f"{MODEL_ID}.evidence.json").unlink()


def _edited(path: Path) -> None:
    path.write_text(path.read_text().replace('"verdict": "FAIL"', '"verdict": "PASS"', 1))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _of_another_run(path: Path) -> None:
    evidence = path.with_name(f"{MODEL_ID}.evidence.json")
    evidence.write_bytes(canonical_json({**json.loads(evidence.read_text()), "started": "2020-01-01T00:00:00+00:00"}))


def _with_a_short_column(path: Path) -> None:
    evidence = path.with_name(f"{MODEL_ID}.evidence.json")
    value = json.loads(evidence.read_text())
    value["measurements"]["latency"]["value"]["pulse_ms"].pop()
    evidence.write_bytes(canonical_json(value))


def _with_an_impossible_throughput(path: Path) -> None:
    evidence = path.with_name(f"{MODEL_ID}.evidence.json")
    value = json.loads(evidence.read_text())
    nothing = {"blocks": {}, "cores": 2, "seed": 0, "method": "", "off_target": None}
    value["measurements"]["throughput"] = {"type": "throughput", "value": nothing}
    evidence.write_bytes(canonical_json(value))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_without_evidence, "evidence.json: the file does not exist"),
        (_edited, "digest: is not the digest of this content: the file was edited"),
        (_cut, "is no JSON"),
        (_of_another_run, "is of another run"),
        (_with_a_short_column, "measurements: contradicts itself"),
        (_with_an_impossible_throughput, "contradicts itself: THR-001 cannot be read"),
    ],
)
def test_what_cannot_be_believed_is_refused(
    spoil: Callable[[Path], None], problem: str, rows: Benchmark, tmp_path: Path
) -> None:
    scores, latency = worse(rows, 0, 1.0)
    path = put(tmp_path, made_report(rows, scores, latency), scores, latency)
    read_recorded(path)
    spoil(path)
    with pytest.raises(RaxeError, match=problem):
        read_recorded(path)


def test_a_file_is_the_baseline_of_all_and_a_folder_of_each(reports: tuple[Path, Path], tmp_path: Path) -> None:
    assert set(read_baselines(reports[0], ["v1", "v2"])) == {"v1", "v2"}
    assert set(read_baselines(reports[0].parent, [MODEL_ID, "v2"])) == {MODEL_ID}
    with pytest.raises(UsageError, match="holds no report"):
        read_baselines(tmp_path, [MODEL_ID])
    with pytest.raises(UsageError, match="does not exist"):
        read_baselines(tmp_path / "nowhere", [MODEL_ID])
    with pytest.raises(UsageError, match=r"is evidence; name the report: v1.0_made_up.json"):
        read_baselines(reports[0].with_name(f"{MODEL_ID}.evidence.json"), [MODEL_ID])
