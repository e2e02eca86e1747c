"""docs/hostile.md says what the catalogue declares."""

from __future__ import annotations

from meta_tests.hostile.page import PAGE, rendered


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert rendered(text) == text, "run: python -m meta_tests.hostile"
