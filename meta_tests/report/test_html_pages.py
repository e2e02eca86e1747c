"""What the pages say and how they are built: figures of the JSON, no request, names for every picture."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from meta_tests.report.site import (
    MODEL_ID,
    Page,
    made_latency,
    made_report,
    made_scores,
    put,
    put_all,
    write_rows,
)
from raxe_conformance.corpus.rows import Benchmark
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.report.digest import with_digest
from raxe_conformance.report.html.site import write_index, write_page
from raxe_conformance.report.html.words import commands, deciding, sentence
from raxe_conformance.verdict.judge import number


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", 280)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, rows: Benchmark) -> Path:
    """Two variants, their pages and the index, and a file that is no report."""
    folder = tmp_path_factory.mktemp("reports")
    for name, scale in ((MODEL_ID, 1.0), ("v1.0_slow", 40.0)):
        write_page(put_all(folder, rows, scale, model_id=name), rows)
    (folder / "cut.json").write_text("{")
    write_index(folder)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / f"{MODEL_ID}.json").read_text(encoding="utf-8"))
    return value


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page(folder / f"{MODEL_ID}.html")


@pytest.fixture(scope="module")
def index(folder: Path) -> Page:
    return Page(folder / "index.html")


@pytest.fixture(params=["page", "index"])
def either(request: pytest.FixtureRequest) -> Page:
    found: Page = request.getfixturevalue(request.param)
    return found


def test_the_verdict_comes_first_and_its_reasons_next(page: Page, report: dict[str, Any]) -> None:
    text = page.text
    reasons = [c["id"] for c in report["checks"] if c["level"] == "MUST" and c["verdict"] != "PASS"]
    assert reasons
    places = [text.index(report["verdict"]), text.index(sentence(report)), *(text.index(i) for i in reasons)]
    assert places[0] < places[1] < min(places[2:])
    assert max(places) < text.index("Gates that must hold")


def test_every_figure_of_the_checks_stands_in_the_page(page: Page, report: dict[str, Any]) -> None:
    text = " ".join(page.text.split())
    for check in report["checks"]:
        assert check["id"] in text
        assert " ".join(check["message"].split()) in text
        if check["gate"] and check["evidence"]:
            assert number(check["evidence"]["value"], check["gate"]["unit"]) in text
    assert report["digest"] in text
    assert report["corpus"]["sha256"] in text
    assert "noise: disturbed calls0.125" in text
    for found in report["slices"]:
        assert f"{found['n']:,}" in text


def test_every_gate_has_a_bar_with_its_limit(page: Page, report: dict[str, Any]) -> None:
    drawn = [a["aria-label"] for a, _ in page.all("svg")]
    for check in (c for c in report["checks"] if c["gate"] and c["evidence"]):
        limit = f"limit {check['gate']['op']} {number(check['gate']['limit'], check['gate']['unit'])}"
        assert [d for d in drawn if d and d.startswith(f"{check['title']}: ") and d.endswith(limit)], check["id"]


def test_the_charts_are_there(page: Page) -> None:
    titles = [text for _, text in page.all("title")]
    for title in (
        "Latency",
        "Latency by length of the text",
        "Receiver operating characteristic",
        "Precision and recall",
    ):
        assert title in titles
    assert re.search(r"P50 [\d.]+ ms, P95 [\d.]+ ms, P99 [\d.]+ ms over 280 calls; [\d.]+ % below 3 ms", page.text)
    assert "limit 3 ms" in page.text
    # The budget of a stage is the limit of its gate.
    assert any((attrs["aria-label"] or "").startswith("infer: P95 ") for attrs, _ in page.all("svg"))
    assert any(re.search(r"^infer: .* limit 1 ms$", attrs["aria-label"] or "") for attrs, _ in page.all("svg"))
    assert "limit 1 %" in page.text


def outside(page: Page) -> list[str]:
    """Everything in a page that a browser would fetch, or a reader be led to, beyond # and the folder."""
    found = []
    for tag, attrs, _ in page.elements:
        for name, value in attrs.items():
            if name in ("src", "srcset", "poster", "data", "action", "xlink:href", "background", "ping", "manifest"):
                found.append(f"{tag} {name}={value}")
            if name == "href" and not re.fullmatch(r"#[\w.-]+|\./[\w.%-]+\.html", value or ""):
                found.append(f"{tag} {name}={value}")
            if name == "style" and not re.fullmatch(r"--share:\d+", value or ""):
                found.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                found.append(f"{tag} {name}={value}")
        if tag in ("link", "img", "iframe", "object", "embed", "base", "image", "use", "form"):
            found.append(tag)
    style = "".join(text for _, text in page.all("style"))
    return found + re.findall(r"url\(|@import|https?:|//[a-z]", style + "".join(t for _, t in page.all("script")))


def test_nothing_is_fetched_from_anywhere(either: Page) -> None:
    assert outside(either) == []


def test_the_policy_forbids_everything_but_what_the_page_holds(page: Page, index: Page) -> None:
    policies = [next(a["content"] or "" for a, _ in p.all("meta") if "http-equiv" in a) for p in (page, index)]
    assert all(policy.startswith("default-src 'none'; style-src 'unsafe-inline'; ") for policy in policies)
    assert "script-src" not in policies[0]
    assert not page.all("script")
    script = index.all("script")[0][1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policies[1]


def test_the_structure_can_be_followed_without_seeing_it(either: Page) -> None:
    assert either.unclosed == []
    levels = [int(tag[1]) for tag, _, _ in either.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs, _ in either.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {attrs["href"] for attrs, _ in either.all("a") if (attrs["href"] or "").startswith("#")}
    assert links <= {f"#{i}" for i in ids}
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs, _ in either.all("svg"))
    assert all(attrs.get("scope") in ("row", "col") for attrs, _ in either.all("th"))
    assert len(either.all("caption")) == len(either.all("table"))
    assert all(text.strip() for _, text in either.all("caption", "th", "a", "title"))
    assert [tag for tag, _, _ in either.elements if tag in ("header", "main")] == ["header", "main"]


def test_the_index_shows_variants_by_gates(index: Page, folder: Path, report: dict[str, Any]) -> None:
    assert {attrs["href"] for attrs, _ in index.all("a")} == {"#main", f"./{MODEL_ID}.html", "./v1.0_slow.html"}
    heads = [text for attrs, text in index.all("th") if attrs["scope"] == "col"]
    gates = [c for c in report["checks"] if c["gate"]]
    assert set(heads) == {"variant", "verdict", "finished", *(c["title"] for c in gates)}
    for name in (MODEL_ID, "v1.0_slow"):
        p95 = next(c for c in json.loads((folder / f"{name}.json").read_text())["checks"] if c["id"] == "LAT-001")
        assert number(p95["evidence"]["value"], "ms") in index.text
        keys = [attrs.get("data-sort") for attrs, _ in index.all("td")]
        assert repr(p95["evidence"]["value"]) in keys
    assert "cut.json: is no JSON" in index.text


def put_changed(folder: Path, report: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> Path:
    value = json.loads(json.dumps(report))
    change(value)
    path = folder / f"{value['model']['model_id']}.json"
    path.write_bytes(canonical_json(with_digest(value)))
    return path


def with_size(report: dict[str, Any], size: float) -> None:
    p95 = next(c for c in report["checks"] if c["id"] == "LAT-001")
    gate = {"metric": "size_mb", "op": "<", "limit": 50.0, "unit": "MB"}
    figures = {**p95["evidence"], "value": size, "low": size, "high": size}
    report["checks"].append({**p95, "id": "SIZ-001", "title": "size", "gate": gate, "evidence": figures})


@pytest.mark.parametrize("drawn", [True, False])
def test_the_gate_box_is_drawn_where_size_and_p95_are_known(
    drawn: bool, tmp_path: Path, report: dict[str, Any]
) -> None:
    put_changed(tmp_path, report, (lambda r: with_size(r, 25.5)) if drawn else (lambda r: None))
    found = Page(write_index(tmp_path)[0])
    boxes = [attrs for attrs, _ in found.all("rect") if attrs.get("class") == "gate-box"]
    assert len(boxes) == drawn
    assert any("25.5 MB, P95" in (attrs["aria-label"] or "") for attrs, _ in found.all("svg")) is drawn


def test_an_empty_folder_has_an_index(tmp_path: Path) -> None:
    path, faults = write_index(tmp_path)
    assert faults == []
    assert "holds no report that can be shown" in Page(path).text


def test_open_checks_say_what_would_decide(page: Page, report: dict[str, Any]) -> None:
    undecided = [c for c in report["checks"] if c["verdict"] == "INCONCLUSIVE"]
    assert undecided
    for check in undecided:
        assert f"{check['title']} ({check['level']}): {deciding(check)}" in page.text
    assert "MUSTs that this run did not judge: SCH-001" in page.text
    figures = {"message": "0.1 (0 to 1), limit < 1, n = 3; needs 5 more rows", "evidence": {}}
    assert deciding(figures) == "needs 5 more rows"
    assert deciding({"message": "no weights; run build", "evidence": None}) == "no weights; run build"


def test_the_sentence_counts_what_does_not_hold() -> None:
    def check(level: str, verdict: str, waived: bool = False) -> dict[str, Any]:
        return {"level": level, "verdict": verdict, "waived": waived}

    held = [check("MUST", "PASS"), check("SHOULD", "FAIL")]
    assert sentence({"verdict": "PASS", "checks": held, "not_judged": []}) == "May ship: all 1 MUST hold."
    waived = [*held, check("MUST", "FAIL", True)]
    assert sentence({"verdict": "PASS", "checks": waived, "not_judged": []}) == "May ship: 1 failed and is waived."
    failed = [*held, check("MUST", "FAIL"), check("MUST", "INCONCLUSIVE")]
    assert (
        sentence({"verdict": "FAIL", "checks": failed, "not_judged": ["A", "B"]})
        == "May not ship: 1 MUST of 3 failed, 1 cannot be decided yet, 2 were not judged in this run."
    )


def test_the_command_repeats_this_run(report: dict[str, Any]) -> None:
    assert commands(report, own_benchmark=False)[0][1] == f"pytest --raxe-model {MODEL_ID}"
    other = {
        **report,
        "profile": {"name": "a b; rm", "sha256": ""},
        "environment": {**report["environment"], "target": "AMD*"},
    }
    assert (
        commands(other, own_benchmark=True)[0][1]
        == f"pytest --raxe-model {MODEL_ID} --raxe-profile 'a b; rm' --raxe-target-cpu 'AMD*' "
        "--raxe-benchmark rows.jsonl"
    )


def test_a_function_is_repeated_as_a_function(report: dict[str, Any]) -> None:
    function = {**report, "model": {**report["model"], "function": "mine:score"}}
    assert commands(function, own_benchmark=False)[0][1] == "pytest --raxe-detector mine:score"


def test_where_the_measured_value_alone_says_otherwise_it_is_told(tmp_path: Path, report: dict[str, Any]) -> None:
    def change(value: dict[str, Any]) -> None:
        for check in value["checks"]:
            check.update(verdict="INCONCLUSIVE", point_verdict="INCONCLUSIVE")
        next(c for c in value["checks"] if c["gate"] and c["evidence"])["point_verdict"] = "PASS"

    found = Page(write_page(put_changed(tmp_path, report, change), None))
    assert found.text.count("By the measured value alone: PASS.") == 1
    assert "By the measured value alone: INCONCLUSIVE" not in found.text


def test_a_waiver_and_what_is_not_claimed_are_told(tmp_path: Path, report: dict[str, Any]) -> None:
    def change(value: dict[str, Any]) -> None:
        value["checks"][0].update(level="MUST", verdict="FAIL", waived=True)
        value["not_claimed"] = [{"id": "SIZ-001", "reason": "a function"}, {"id": "SIZ-002", "reason": "a function"}]

    found = Page(write_page(put_changed(tmp_path, report, change), None))
    assert "FAIL (waived)" in found.text
    assert "Not claimed, so not judged (a function): SIZ-001, SIZ-002." in found.text


def test_a_page_of_2068_rows_is_light(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 2068)
    page = write_page(put_all(tmp_path, rows), rows)
    assert 50_000 < page.stat().st_size < 600_000
    paths = [attrs["d"] or "" for attrs, _ in Page(page).all("path")]
    assert max(len(path) for path in paths) < 30_000


def test_one_class_alone_has_no_curves(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 60)
    benign = Benchmark(rows.path, rows.sha256, tuple(row for row in rows.rows if not row.is_attack))
    scores, latency = made_scores(benign), made_latency(len(benign.rows))
    found = Page(write_page(put(tmp_path, made_report(benign, scores, latency), scores, latency), rows))
    assert "Receiver operating characteristic" not in [text for _, text in found.all("title")]
    assert "Confusion matrix" in found.text


def test_a_full_disk_leaves_the_last_page(tmp_path: Path, rows: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put_all(tmp_path, rows)
    before = write_page(path, rows).read_bytes()

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("raxe_conformance.fileio.os.fsync", full)
    with pytest.raises(RaxeError, match=r"\.html: cannot be written: No space left on device"):
        write_page(path, rows)
    assert (tmp_path / f"{MODEL_ID}.html").read_bytes() == before
    assert not [file for file in tmp_path.iterdir() if file.name.endswith(".tmp")]
