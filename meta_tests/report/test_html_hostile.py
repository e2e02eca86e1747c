"""Rows, messages and names that attack whoever looks at them."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.report.site import MODEL_ID, Page, made_latency, made_report, made_scores, put, write_rows
from meta_tests.report.test_html_pages import outside
from raxe_conformance.report.digest import with_digest
from raxe_conformance.report.html.canvas import bar, escaped
from raxe_conformance.report.html.index_page import link
from raxe_conformance.report.html.site import write_index, write_page
from raxe_conformance.report.html.visible import LONGEST, visible

SCRIPT = "</div></script><script>alert(1)</script><img src=x onerror=alert(1)>"
TEXTS = {
    0: SCRIPT,
    1: "\x1b[31mred\x1b]0;title\x07 \x00 nul",
    2: "abc \u202egnp.exe\u2066 \u200b\u200f end",
    3: "x" * 1_000_000,
    4: "http://evil.example/ javascript:alert(1) [a](http://evil.example)",
    5: "{{ 7 * 7 }} {% raw %} ${7*7}",
    6: "\ud800 alone",
    8: "Z" + "\u0301" * 200,
    9: '" onmouseover="alert(1)" x="',
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("hostile")
    rows = write_rows(folder / "rows.jsonl", 40, TEXTS)
    scores, latency = made_scores(rows), made_latency(40)
    # All of them decided wrongly, so that all are shown.
    wrong = [i in TEXTS for i in range(40)]
    said = [(row.is_attack != flip) for row, flip in zip(rows.rows, wrong, strict=True)]
    scores = replace(scores, attacks=said, scores=[0.9 if a else 0.1 for a in said])
    return Page(write_page(put(folder, made_report(rows, scores, latency), scores, latency), rows))


def shown(page: Page) -> list[str]:
    return [text for attrs, text in page.all("div") if attrs.get("class") == "text"]


def test_every_hostile_text_is_shown_as_text(page: Page) -> None:
    texts = shown(page)
    assert len(texts) == len(TEXTS)
    assert SCRIPT in texts
    assert "⟨U+001B⟩[31mred⟨U+001B⟩]0;title⟨U+0007⟩ ⟨U+0000⟩ nul" in texts
    assert "abc ⟨U+202E⟩gnp.exe⟨U+2066⟩ ⟨U+200B U+200F⟩ end" in texts
    assert "x" * 300 + " … (999,700 more characters)" in texts
    assert TEXTS[4] in texts
    assert TEXTS[5] in texts
    assert "⟨U+D800⟩ alone" in texts
    assert TEXTS[9] in texts


def test_no_hostile_text_becomes_an_element(page: Page) -> None:
    assert outside(page) == []
    assert not page.all("script")
    assert page.unclosed == []
    assert "evil.example" not in "".join(attrs["href"] or "" for attrs, _ in page.all("a"))
    assert len(page.source) < 400_000


def test_the_source_holds_no_character_that_hides_or_turns(page: Page) -> None:
    bad = {c for c in page.source if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") and c != "\n"}
    assert bad == set()


def test_hostile_fields_of_a_report_are_shown_as_text(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", 40)
    scores, latency = made_scores(rows), made_latency(40)
    report = json.loads(json.dumps(made_report(rows, scores, latency)))
    name = "a\"><script>alert('x') & %2e \u202e"
    report["model"]["model_id"] = name
    for check in report["checks"]:
        check.update(title=SCRIPT, message="\x1b[2J" + SCRIPT + "y" * 100_000, spec=SCRIPT)
        if check["evidence"]:
            check["evidence"]["method"] = SCRIPT
    report["environment"].update(cpu=SCRIPT, noise={SCRIPT: SCRIPT}, threads={SCRIPT: "\u202e"})
    report["slices"][0].update(by=SCRIPT, value=SCRIPT)
    report["worst_slices"] = [
        {"by": SCRIPT, "value": SCRIPT, "n": 1, "metric": "fpr", "rate": 1.0, "bound": 0.5, "of": 1}
    ]
    report["not_claimed"] = [{"id": SCRIPT, "reason": SCRIPT}]
    report["generalisation"] = {"summary": {SCRIPT: SCRIPT}, "sources": [
        {"source": SCRIPT, "recall": {"n": 1, "rate": 0.5, "low": 0.0, "high": 1.0}}]}  # fmt: skip
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(with_digest(report)), encoding="utf-8")
    made = Page(write_page(path, None))
    index = Page(write_index(tmp_path)[0])
    for found in (made, index):
        assert outside(found) == []
        assert found.unclosed == []
        assert "\x1b" not in found.source
        assert SCRIPT in found.text
        assert len(found.source) < 1_000_000
    assert not made.all("script")
    assert len(index.all("script")) == 1
    assert index.all("a")[1][0]["href"] == link(name)


@given(st.text())
def test_what_is_visible_has_a_glyph_and_no_power(text: str) -> None:
    found = visible(text)
    assert not {c for c in found if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}
    assert visible(found) == found
    assert len(found) <= 12 * LONGEST


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_long_run_without_glyphs_is_told_in_short() -> None:
    assert visible("a" + "\u200b" * 8 + "b") == f"a⟨{' '.join(['U+200B'] * 8)}⟩b"
    assert visible("a" + "\u200b" * 9 + "b") == f"a⟨{' '.join(['U+200B'] * 8)} and 1 more⟩b"
    assert visible("e\u0301\u0302") == "e\u0301\u0302"
    assert visible("e\u0301\u0302\u0303") == "e\u0301\u0302⟨U+0303⟩"


def test_visible_cuts_where_it_is_told() -> None:
    assert visible("abcd", 4) == "abcd"
    assert visible("abcde", 4) == "abcd … (1 more characters)"


def test_pictures_escape_what_they_are_told() -> None:
    assert escaped('<b>&"\u202e') == "&lt;b&gt;&amp;&#34;⟨U+202E⟩"
    assert "<script" not in bar(0.5, 1.0, f'"><script>{MODEL_ID}', limit=0.1)


@pytest.mark.parametrize("name", ["javascript:alert(1)", "../up", "//host/x", "a b#c?d", "ü"])
def test_a_link_stays_in_the_folder(name: str) -> None:
    found: Any = link(name)
    assert found.startswith("./")
    assert not set(found[2:]) & set(":/#? ")
