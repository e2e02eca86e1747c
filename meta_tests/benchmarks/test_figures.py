"""The arithmetic of the benchmarks; the benchmarks themselves are run by hand."""

from __future__ import annotations

import pytest

from meta_tests.benchmarks.figures import held, in_turn, median, quantile, spread


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [([3.0], 0.95, 3.0), ([1.0, 2.0], 0.5, 1.0), (list(range(1, 101)), 0.95, 95), (list(range(1, 21)), 0.95, 19),
     (list(range(1, 20)), 0.95, 19), ([5.0, 1.0, 3.0], 0.5, 3.0), ([1.0, 2.0], 1.0, 2.0)],
)  # fmt: skip
def test_quantiles_are_samples(samples: list[float], share: float, expected: float) -> None:
    assert quantile(samples, share) == expected


def test_calls_are_made_in_turn() -> None:
    order: list[str] = []
    found = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert "".join(order) in ("abbaab", "baabba")
    assert {name: len(samples.wall) for name, samples in found.items()} == {"a": 3, "b": 3}
    assert median(found["a"].wall) > 0


def test_words() -> None:
    assert held(2.0, 3, "ms") == "2 ms, limit 3 ms: holds"
    assert held(3.0, 3, "ms") == "3 ms, limit 3 ms: MISSED"
    assert spread([0.001, 0.002, 0.003]) == "least 1.00 ms, P50 2.00 ms, P95 3.00 ms (n = 3)"
