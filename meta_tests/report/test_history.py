"""The history of the release gates: what is kept, what is replaced, what is refused, what the index shows of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.report.site import MODEL_ID, Page, made_latency, made_report, made_scores, put_all, write_rows
from raxe_conformance.errors import ReportError
from raxe_conformance.measure.commit import commit_of
from raxe_conformance.report.history import NAME, Entry, GateThen, entry_of, keep, merged, read_history
from raxe_conformance.report.html.history_charts import MOST, history_view
from raxe_conformance.report.html.site import write_index

GATE = GateThen("latency_p95_ms", "P95 latency", "ms", 3.0, "PASS", 2.0, 1.9, 2.1)
ENTRY = Entry("v1", "c0", "f0", "2026-01-01T00:00:00+00:00", "Made Up 1", "PASS", (GATE,))
NAMES, DIGITS = st.sampled_from(["v1", "v2"]), st.integers(0, 3)


def entry(model_id: str = "v1", commit: int = 0, files: int = 0, day: int = 1, **changes: Any) -> Entry:
    return replace(
        ENTRY, model_id=model_id, commit=f"c{commit}", files=f"f{files}", finished=f"2026-01-{day:02}T00:00:00+00:00",
        **changes,
    )  # fmt: skip


def test_an_entry_is_the_gates_that_must_hold(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 70)
    scores, latency = made_scores(rows), made_latency(70)
    report = made_report(rows, scores, latency)
    found = entry_of(report, "abc")
    musts = {c["id"]: c for c in report["checks"] if c["gate"] and c["level"] == "MUST"}
    assert [(g.title, g.verdict, g.value) for g in found.gates] == [
        (c["title"], c["verdict"], c["evidence"]["value"]) for c in musts.values()
    ]
    keep(tmp_path, [found])
    assert read_history(tmp_path) == [found]
    other = entry_of({**report, "model": {"model_id": MODEL_ID, "files": []}}, "abc")
    assert other.key != found.key


@given(st.lists(st.builds(entry, NAMES, DIGITS, DIGITS, st.integers(1, 28)), max_size=12))
def test_one_line_for_each_commit_and_state_the_last_one_put(entries: list[Entry]) -> None:
    found: list[Entry] = []
    for one in entries:
        found = merged(found, [one])
    last = {one.key: one for one in entries}
    assert {one.key: one for one in found} == last
    assert len(found) == len(last)
    assert [one.finished for one in found] == sorted(one.finished for one in found)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: is no JSON"),
        ("<<<<<<< HEAD", "line 2: is no JSON"),
        ("{}", "line 2: is no entry"),
        ('{"model_id": "v1"}', "line 2: is no entry"),
        ("VERDICT", "line 2: is no entry: a field has the wrong type"),
        ("FIGURE", "line 2: is no entry: a field has the wrong type"),
    ],
)
def test_a_spoilt_line_is_named_and_nothing_is_overwritten(line: str, problem: str, tmp_path: Path) -> None:
    path = keep(tmp_path, [ENTRY])
    good = json.loads(path.read_text())
    if line == "VERDICT":
        line = json.dumps({**good, "verdict": "GREAT"})
    if line == "FIGURE":
        line = json.dumps({**good, "gates": [{**good["gates"][0], "value": "2"}]})
    path.write_text(path.read_text() + line + "\n")
    before = path.read_bytes()
    with pytest.raises(ReportError, match=problem):
        read_history(tmp_path)
    with pytest.raises(ReportError, match=problem):
        keep(tmp_path, [entry(commit=9)])
    assert path.read_bytes() == before
    _, faults = write_index(tmp_path)
    assert [fault.field for fault in faults] == ["line 2"]
    assert NAME in Page(tmp_path / "index.html").text


def test_the_index_shows_the_gates_over_runs(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 70)
    put_all(tmp_path, rows)
    keep(tmp_path, [entry(commit=0, day=1)])
    write_index(tmp_path)
    assert "over earlier runs" not in Page(tmp_path / "index.html").source  # one run is no history
    slow = replace(GATE, value=4.0, low=3.5, high=None, verdict="FAIL")
    unmeasured = replace(GATE, value=None, low=None, high=None, verdict="INCONCLUSIVE")
    keep(
        tmp_path,
        [
            entry(commit=1, day=2, gates=(slow,), verdict="FAIL"),
            entry(commit=2, day=3, gates=(unmeasured,)),
            entry("<b>v2", commit=2, day=4),
        ],
    )
    write_index(tmp_path)
    page = Page(tmp_path / "index.html")
    assert "<b>v2" not in page.source
    (said,) = [
        attrs["aria-label"] for attrs, _ in page.all("svg") if "over earlier runs" in (attrs["aria-label"] or "")
    ]
    assert "2026-01-02 c1 v1: 4 ms, FAIL" in (said or "")
    assert "4 ms" in page.text
    assert "not measured" in page.text
    assert page.unclosed == []


def test_only_the_latest_runs_are_drawn() -> None:
    many = [entry(commit=n, day=1 + n % 28) for n in range(MOST + 5)]
    found = history_view(many)
    assert found is not None
    assert len(found["rows"]) == MOST
    assert found["rows"][0]["commit"] == f"c{MOST + 4}"
    assert history_view(many[:1]) is None


def test_the_commit_of_a_folder_is_gits(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    assert commit_of(tmp_path / "nowhere") is None

    def git(*args: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(tmp_path), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    assert commit_of(tmp_path) is None  # no commit yet
    git("commit", "-q", "--allow-empty", "-m", "first")
    (tmp_path / "models").mkdir()
    assert commit_of(tmp_path / "models") == git("rev-parse", "HEAD")[:12]
