"""docs/mutations.md says what the seeded defects declare."""

from __future__ import annotations

from meta_tests.matrix import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m meta_tests.matrix"
