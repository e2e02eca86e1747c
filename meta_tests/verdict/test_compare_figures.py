"""How far a figure moved: bounds that hold together, margins from both sides, which way is worse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.checks.reading import IndependentMean
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.measure.evidence_resources import Block, Throughput
from raxe_conformance.verdict.compare_figures import (
    OTHER_MACHINE,
    SAME_MACHINE,
    Shift,
    difference,
    direction,
    halved,
    in_kernels,
    kernel_ms,
    ratio,
    would_show,
)
from raxe_conformance.verdict.intervals import Estimate, estimate

POSITIVE = st.floats(1e-3, 1e3)


def figure(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 100, "made up")


@st.composite
def figures(draw: st.DrawFn) -> Estimate:
    low, value, high = sorted(draw(st.tuples(POSITIVE, POSITIVE, POSITIVE)))
    return figure(value, low, high)


@given(figures(), figures())
def test_bounds_hold_whatever_the_truths_within_the_intervals(before: Estimate, after: Estimate) -> None:
    factor, step = ratio(before, after, SAME_MACHINE), difference(before, after)
    for was in (before.low, before.value, before.high):
        for now in (after.low, after.value, after.high):
            assert factor.low <= now / was * (1 + 1e-12)
            assert now / was <= factor.high * (1 + 1e-12)
            assert step.low <= now - was <= step.high


@given(figures(), figures(), st.sampled_from(["<", ">"]))
def test_what_got_worse_one_way_got_better_the_other(before: Estimate, after: Estimate, better: str) -> None:
    turned = {"worse": "better", "better": "worse", None: None}
    for shift in (lambda a, b: ratio(a, b, SAME_MACHINE), difference):
        there, back = direction(shift(before, after), better), direction(shift(after, before), better)
        assert back == turned[there]
        assert direction(shift(before, before), better) is None


@pytest.mark.parametrize("least", [SAME_MACHINE, OTHER_MACHINE])
@pytest.mark.parametrize(("better", "grown"), [("<", "worse"), (">", "better")])
def test_a_ratio_shows_beyond_its_margin_and_not_within(least: float, better: str, grown: str) -> None:
    shrunk = {"worse": "better", "better": "worse"}[grown]
    one = figure(1.0, 1.0, 1.0)

    def said(value: float) -> str | None:
        return direction(ratio(one, figure(value, value, value), least), better)

    assert [said(least * 0.999), said(least * 1.001)] == [None, grown]
    assert [said(1.001 / least), said(0.999 / least)] == [None, shrunk]


def test_intervals_that_touch_show_nothing() -> None:
    before = figure(1.0, 0.9, 1.1)
    assert direction(difference(before, figure(1.2, 1.1, 1.3)), "<") is None
    assert direction(difference(before, figure(1.2, 1.1000001, 1.3)), "<") == "worse"
    assert direction(difference(before, figure(0.8, 0.7, 0.8999999)), "<") == "better"


@pytest.mark.parametrize("after", [figure(9.0, 0.0, math.inf), figure(9.0, -math.inf, math.inf)])
def test_intervals_without_an_end_show_nothing(after: Estimate) -> None:
    before = figure(1.0, 0.9, 1.1)
    for shift in (ratio(before, after, SAME_MACHINE), ratio(after, before, SAME_MACHINE), difference(before, after)):
        assert direction(shift, "<") is None
        assert direction(shift, ">") is None
    assert would_show(ratio(before, after, SAME_MACHINE), "<") is None
    assert would_show(ratio(before, after, SAME_MACHINE), ">") is None
    assert would_show(difference(before, after), ">") is None
    assert math.isnan(ratio(figure(0.0, 0.0, 0.0), before, SAME_MACHINE).value)


@pytest.mark.parametrize("after", [figure(9.0, 8.0, 10.0), figure(math.inf, math.inf, math.inf)])
def test_a_ratio_to_what_has_no_upper_end_may_be_next_to_nothing(after: Estimate) -> None:
    assert ratio(figure(1.0, 0.5, math.inf), after, SAME_MACHINE).low == 0.0


@pytest.mark.parametrize(("kind", "least", "up", "down"), [("ratio", 1.25, 1.25, 0.8), ("difference", 0.5, 0.5, -0.5)])
def test_a_bound_at_the_margin_itself_shows_nothing(kind: str, least: float, up: float, down: float) -> None:
    for bound, low, high, beyond, said in (
        (up, up, 9.0, 9.0, "worse"),
        (down, -9.0, down, -9.0, "better"),
    ):
        assert direction(Shift(kind, bound, low, high, least), "<") is None
        moved = math.nextafter(bound, beyond)
        nearer = (moved, high) if said == "worse" else (low, moved)
        assert direction(Shift(kind, bound, *nearer, least), "<") == said
    # Bounds on both sides of none, both within the margin.
    none = 1.0 if kind == "ratio" else 0.0
    assert direction(Shift(kind, none, (none + down) / 2, (none + up) / 2, least), "<") is None


def test_a_shift_is_made_of_both_intervals() -> None:
    before, after = figure(1.0, 0.5, 2.0), figure(4.0, 3.0, 8.0)
    assert ratio(before, after, SAME_MACHINE) == Shift("ratio", 4.0, 1.5, 16.0, SAME_MACHINE)
    assert difference(before, after) == Shift("difference", 3.0, 1.0, 7.5, 0.0)


@pytest.mark.parametrize("better", ["<", ">"])
def test_an_infinite_figure_shows_nothing(better: str) -> None:
    one, endless = figure(1.0, 1.0, 1.0), figure(math.inf, math.inf, math.inf)
    for before, after in ((one, endless), (endless, one), (endless, endless)):
        assert direction(difference(before, after), better) is None


@given(figures(), figures(), st.sampled_from(["<", ">"]))
def test_what_would_show_is_where_it_begins_to_show(before: Estimate, after: Estimate, better: str) -> None:
    """Scaled so that the figure is a little beyond it, the interval as wide, the change shows as worse; a little
    before, it does not."""
    shift = ratio(before, after, SAME_MACHINE)
    edge = would_show(shift, better)
    assert edge is not None
    for nudge, shows in ((1.01, True), (0.99, False)):
        by = edge * (nudge if better == "<" else 1.0 / nudge) / shift.value
        moved = Shift("ratio", shift.value * by, shift.low * by, shift.high * by, shift.least)
        assert (direction(moved, better) == "worse") is shows


@given(POSITIVE, POSITIVE)
def test_a_machine_twice_as_fast_changes_nothing(value: float, kernel: float) -> None:
    slow, fast = figure(value, value, value), figure(value / 2, value / 2, value / 2)
    assert in_kernels(slow, "ms", kernel).value == pytest.approx(in_kernels(fast, "ms", kernel / 2).value)
    rate = figure(2 * value, 2 * value, 2 * value)
    assert in_kernels(slow, "requests/s", kernel).value == pytest.approx(
        in_kernels(rate, "requests/s", kernel / 2).value
    )


def test_what_would_show_of_a_figure_at_nothing() -> None:
    one, none = figure(1.0, 0.9, 1.1), figure(0.0, 0.0, 0.0)
    assert would_show(ratio(one, none, SAME_MACHINE), ">") is None
    assert would_show(ratio(one, none, SAME_MACHINE), "<") is None
    assert would_show(ratio(figure(0.0, 0.0, 1.0), one, SAME_MACHINE), "<") is None


def test_what_would_show_of_a_difference_is_as_far_as_its_bound_reaches() -> None:
    moved = Shift("difference", 3.0, 1.0, 7.5, 0.0)
    assert (would_show(moved, "<"), would_show(moved, ">")) == (2.0, -4.5)


def test_a_thousand_a_second_are_one_a_millisecond() -> None:
    assert in_kernels(figure(1000.0, 500.0, 2000.0), "requests/s", 0.5) == figure(0.5, 0.25, 1.0)
    assert in_kernels(figure(3.0, 2.0, 4.0), "ms", 0.5) == figure(6.0, 4.0, 8.0)


def calls(pulse: list[float]) -> Latency:
    return Latency(
        samples_ms=[], texts=[], cpu_ms=[], preempted=[], pulse_ms=pulse, stages_ms={}, warmup=0, seed=0, method="",
        off_target=None,
    )  # fmt: skip


def test_of_single_calls_a_tenth_of_the_pulses_may_be_quicker() -> None:
    assert kernel_ms(calls([0.01, 0.05, 0.04, *[0.06] * 17])) == 0.05
    assert kernel_ms(calls([0.05])) == 0.05
    assert kernel_ms(calls([])) is None
    assert kernel_ms(calls([0.0] * 20)) is None


def test_the_kernel_is_the_machine_undisturbed() -> None:
    blocks = {"one": [Block(10, 1.0, 0.0, 0.09), Block(10, 1.0, 0.0, 0.05)], "four": [Block(10, 1.0, 0.0, 0.06)]}
    assert kernel_ms(Throughput(blocks, 2, 0, "made up", None)) == 0.05
    assert kernel_ms(Throughput({}, 2, 0, "made up", None)) is None
    assert kernel_ms("no evidence with a pulse") is None


def test_changes_that_are_none_are_called_seldom_enough() -> None:
    """Two samples of one distribution, 2,000 times: a regression is called in at most 5 of 100."""
    chance, confidence, called = np.random.default_rng(5), halved(0.95), 0
    for _ in range(2000):
        was, now = (
            estimate(IndependentMean(tuple(chance.normal(100.0, 1.0, 3))), confidence) for _ in ("before", "now")
        )
        called += direction(difference(was, now), "<") == "worse"
    assert 0 < called <= 100


def test_changes_that_are_there_are_found() -> None:
    chance, confidence, called = np.random.default_rng(6), halved(0.95), 0
    for _ in range(200):
        was, now = (
            estimate(IndependentMean(tuple(chance.normal(mean, 1.0, 5))), confidence) for mean in (100.0, 110.0)
        )
        called += direction(difference(was, now), "<") == "worse"
    assert called == 200
