"""The pages in a real browser. Needs the extra `browser` and a Chromium of the system; none is downloaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meta_tests.report.site import MODEL_ID, put_all, write_rows
from raxe_conformance.report.html.site import write_index, write_page
from raxe_conformance.verdict.judge import number

playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra `browser` is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
# P95 in ms grows with these: sorted as text, 20 would come before 3.
SCALES = {"v1.0_c_slow": 20.0, MODEL_ID: 1.0, "v1.0_b_middle": 3.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    rows = write_rows(folder / "rows.jsonl", 280, {0: "<script>document.title='owned'</script>", 7: "y" * 100_000})
    for name, scale in SCALES.items():
        write_page(put_all(folder, rows, scale, model_id=name), rows)
    write_index(folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A tab that notes every request beyond the folder and every complaint of the browser."""
    context = browser.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith("file:") else page.complaints.append(r.url))
    yield page
    assert page.complaints == []
    context.close()


def first_column(tab: Any) -> list[str]:
    found: list[str] = tab.locator("table.matrix tbody th").all_inner_texts()
    return found


def test_from_the_index_to_the_figures(tab: Any, folder: Path) -> None:
    tab.goto((folder / "index.html").as_uri())
    by_name = first_column(tab)
    assert by_name == sorted(SCALES)
    head = tab.locator("table.matrix th", has_text="P95 latency").first
    head.get_by_role("button").click()
    assert first_column(tab) == sorted(SCALES, key=lambda name: SCALES[name])
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")
    assert first_column(tab) == sorted(SCALES, key=lambda name: -SCALES[name])
    assert head.get_attribute("aria-sort") == "descending"
    tab.locator("table.matrix").get_by_role("link", name=MODEL_ID).click()
    report = json.loads((folder / f"{MODEL_ID}.json").read_text(encoding="utf-8"))
    assert tab.title() == f"{report['verdict']}: {MODEL_ID}"
    assert tab.locator(".said").inner_text() == report["verdict"]
    text = tab.locator("body").inner_text()
    for check in report["checks"]:
        if check["gate"] and check["evidence"]:
            assert number(check["evidence"]["value"], check["gate"]["unit"]) in text
            assert number(check["gate"]["limit"], check["gate"]["unit"]) in text
    assert report["environment"]["cpu"] in text
    assert report["digest"] in text


def test_the_matrix_is_whole_without_scripts(browser: Any, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    assert first_column(page) == sorted(SCALES)
    assert page.locator("table.matrix button").count() == 0
    context.close()


@pytest.mark.parametrize("name", ["index", MODEL_ID])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_axe_finds_nothing_serious(name: str, scheme: str, width: int, browser: Any, folder: Path) -> None:
    # The page's own policy forbids every script; axe is let past it here.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto((folder / f"{name}.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = axe_api.Axe().run(page).response
    assert len(found["passes"]) > 20
    assert [
        (v["id"], v["nodes"][0]["html"]) for v in found["violations"] if v["impact"] in ("serious", "critical")
    ] == []
    # The page itself never scrolls sideways; wide tables do within their own frame.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_keyboard_reaches_what_the_mouse_does(tab: Any, folder: Path) -> None:
    tab.goto((folder / f"{MODEL_ID}.html").as_uri())
    tab.keyboard.press("Tab")
    focused = tab.locator(":focus")
    assert focused.inner_text() == "Skip to the verdict"
    assert focused.evaluate("(e) => e.getBoundingClientRect().left") >= 0
    assert focused.evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid"


def test_on_paper_it_is_black_on_white_and_nothing_is_folded(tab: Any, folder: Path) -> None:
    tab.emulate_media(media="print", color_scheme="dark")
    tab.goto((folder / f"{MODEL_ID}.html").as_uri())
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not tab.locator("nav").is_visible()
    tables = tab.locator("details table")
    assert tables.count() > 0
    assert all(tables.nth(i).bounding_box()["height"] > 0 for i in range(tables.count()))


def test_on_paper_the_matrix_shows_what_must_hold(tab: Any, folder: Path) -> None:
    tab.set_viewport_size({"width": 720, "height": 1000})
    tab.emulate_media(media="print")
    tab.goto((folder / "index.html").as_uri())
    assert tab.get_by_text("P95 latency", exact=True).first.is_visible()
    assert not tab.get_by_text("P99 latency", exact=True).first.is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 720


def test_hostile_text_does_nothing(tab: Any, folder: Path) -> None:
    tab.goto((folder / f"{MODEL_ID}.html").as_uri())
    assert "owned" not in tab.title()
    assert tab.evaluate("document.scripts.length") == 0
