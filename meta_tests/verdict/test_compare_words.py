"""What is said of how far a figure moved, and of what would show a change, word by word."""

from __future__ import annotations

import math

import pytest

from raxe_conformance.checks.reading import Exact, Quantile, Statistic
from raxe_conformance.checks.table import Gate
from raxe_conformance.verdict.compare_figures import OTHER_MACHINE, SAME_MACHINE, Shift
from raxe_conformance.verdict.compare_texts import Texts
from raxe_conformance.verdict.compare_words import by, by_text, what_would_show

RATIO = Shift("ratio", 1.1, 0.9, 1.3, SAME_MACHINE)
ENDLESS = Shift("ratio", 1.1, 0.0, math.inf, SAME_MACHINE)
BY = Shift("difference", 0.02, -0.01, 0.05, 0.0)
FASTER, SMALLER, MORE = Gate("latency_p95_ms", "<", "ms"), Gate("fpr", "<", ""), Gate("kept", ">", "MB")
QUIET = (Exact(1.0, ""), Exact(1.1, ""))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (None, ""),
        (Texts(60, 1.2345, 1.1, 1.333), "; the typical one of the 60 slowest texts 1.23 times (1.1 to 1.33)"),
        (Texts(1, 1.2, 0.0, math.inf), "; the typical one of the slowest text 1.2 times (0 to ∞)"),
        (Texts(2, 1.2, 0.0, math.inf), "; the typical one of the 2 slowest texts 1.2 times (0 to ∞)"),
    ],
)
def test_how_far_texts_moved(texts: Texts | None, said: str) -> None:
    assert by_text(texts) == said


@pytest.mark.parametrize(
    ("shift", "unit", "said"),
    [
        (RATIO, "ms", "1.1 times (0.9 to 1.3) in units of the kernel"),
        (ENDLESS, "ms", "1.1 times (0 to ∞) in units of the kernel"),
        (BY, "", "by 0.0200 (-0.0100 to 0.0500)"),
        (BY, "MB", "by 0.02 MB (-0.01 MB to 0.05 MB)"),
        (Shift("difference", -1e-6, -1e-6, -1e-6, 0.0), "MB", "by -1e-06 MB"),
        (Shift("difference", 1234.56789, 1234.56789, 1234.56789, 0.0), "", "by +1234.56789"),
    ],
)
def test_how_far_a_figure_moved(shift: Shift, unit: str, said: str) -> None:
    assert by(shift, unit) == said


NARROW, WIDE = Texts(60, 1.1, 1.08, 1.12), Texts(60, 1.1, 0.9, 1.3)


@pytest.mark.parametrize(
    ("shift", "texts", "gate", "said"),
    [
        # The interval reaches 0.03 below the figure: a change by as much shows.
        (BY, None, SMALLER, "a change by 0.0300 would show as worse"),
        (BY, None, MORE, "a change by -0.03 MB would show as worse"),
        # 1.05 × 1.1 / 0.9, and by the texts 1.05 × 1.1 / 1.08.
        (RATIO, None, FASTER, "1.28 times would show as worse"),
        (RATIO, NARROW, FASTER, "1.07 times would show as worse"),
        (ENDLESS, NARROW, FASTER, "1.07 times would show as worse"),
        (ENDLESS, WIDE, FASTER, "1.28 times would show as worse"),
        (Shift("ratio", 1.1, 1.08, 1.3, SAME_MACHINE), WIDE, FASTER, "1.07 times would show as worse"),
        (Shift("ratio", 1.1, 0.9, 1.3, OTHER_MACHINE), None, FASTER,
         "2.44 times, since these are two machines, would show as worse"),
        (ENDLESS, None, FASTER, "needs more samples: the intervals have no end"),
        (ENDLESS, Texts(4, 1.1, 0.0, math.inf), FASTER, "needs more samples: the intervals have no end"),
    ],
)  # fmt: skip
def test_what_would_show_a_change(shift: Shift, texts: Texts | None, gate: Gate, said: str) -> None:
    assert what_would_show(QUIET, shift, texts, gate) == said


def calls(disturbed: int, n: int) -> Statistic:
    return Quantile(0.95, (1.0,) * n, tuple(i < disturbed for i in range(n)))


@pytest.mark.parametrize(
    ("before", "after", "shares"),
    [
        (calls(1, 100), calls(0, 100), "1% of the calls were disturbed before, 0% now"),
        (calls(0, 100), calls(25, 100), "0% of the calls were disturbed before, 25% now"),
        (calls(1, 1), calls(0, 0), "100% of the calls were disturbed before, 0% now"),
    ],
)
def test_disturbed_calls_ask_for_a_quieter_machine(before: Statistic, after: Statistic, shares: str) -> None:
    quieter = f"needs a quieter machine ({shares})"
    assert what_would_show((before, after), RATIO, None, FASTER) == f"{quieter}, or 1.28 times would show as worse"
    assert what_would_show((before, after), ENDLESS, None, FASTER) == quieter


def test_less_than_one_disturbed_call_in_a_hundred_is_not_spoken_of() -> None:
    few = calls(9, 1000)
    assert what_would_show((few, few), RATIO, None, FASTER) == "1.28 times would show as worse"
